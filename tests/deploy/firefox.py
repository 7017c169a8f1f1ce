"""Debian's Firefox, headless, driven by its own Marionette protocol: Debian has no geckodriver."""

import json
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tests.support.service import free_port, wait_until

_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the W3C's name for a reference to an element


class Firefox:
    """A Firefox with a profile of its own, for which a name leads to this machine."""

    def __init__(self, name: str) -> None:
        self._profile = Path(tempfile.mkdtemp(prefix="firefox"))
        port = free_port()
        settings = {"marionette.port": port, "network.dns.localDomains": name, "network.dns.disableIPv6": True}
        lines = [f"user_pref({json.dumps(key)}, {json.dumps(value)});\n" for key, value in settings.items()]
        (self._profile / "user.js").write_text("".join(lines))
        command = ["firefox-esr", "--headless", "--marionette", "--no-remote", "--profile", str(self._profile)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: self._connect(port), 120)
        self.command("WebDriver:NewSession", acceptInsecureCerts=True)

    def _connect(self, port: int) -> bool:
        assert self._process.poll() is None, "Firefox has ended"
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
                self._file = connection.makefile("rwb")  # keeps it open
        except OSError:
            return False
        return bool(self._receive())  # its greeting

    def _receive(self) -> Any:
        size = b""
        while not size.endswith(b":"):
            size += self._file.read(1)
        return json.loads(self._file.read(int(size[:-1])))

    def command(self, name: str, **parameters: Any) -> Any:
        """Return the value that a command of Marionette's returns."""
        sent = json.dumps([0, 1, name, parameters]).encode()
        self._file.write(b"%d:%s" % (len(sent), sent))
        self._file.flush()
        _, _, error, result = self._receive()
        assert error is None, error
        return result.get("value") if isinstance(result, dict) else result

    def run(self, script: str) -> Any:
        """Return what a function body returns in the page."""
        return self.command("WebDriver:ExecuteScript", script=f"return (async () => {{ {script} }})()", args=[])

    def open(self, url: str) -> None:
        """Load a page."""
        self.command("WebDriver:Navigate", url=url)

    def type(self, selector: str, text: str) -> None:
        """Type into a field."""
        self.command("WebDriver:ElementSendKeys", id=self._find(selector), text=text)

    def press(self, selector: str) -> None:
        """Click on something."""
        self.command("WebDriver:ElementClick", id=self._find(selector))

    def _find(self, selector: str) -> str:
        found: dict[str, str] = self.command("WebDriver:FindElement", using="css selector", value=selector)
        return found[_ELEMENT]

    def back(self) -> None:
        """Press the Back button."""
        self.command("WebDriver:Back")

    def stop(self) -> None:
        """End it."""
        self._file.close()
        self._process.terminate()
        self._process.wait(60)
        shutil.rmtree(self._profile, ignore_errors=True)
