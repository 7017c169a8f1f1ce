"""Windows of Chromium and Firefox at the shop's page, with the same acts."""

import json
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from tests.deploy.nginx import NAME
from tests.support.service import free_port, wait_until

EVIL = "evil.example"
# For Chromium, all names of the tests are on this machine.
NAMES = f"--host-resolver-rules=MAP {NAME} 127.0.0.1, MAP *.{NAME} 127.0.0.1, MAP {EVIL} 127.0.0.1"
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the W3C's name for a reference to an element


class Window:
    """What both can do, besides loading a page, typing into a field and clicking on something."""

    open: Callable[[str], object]
    type: Callable[[str, str], object]
    press: Callable[[str], object]
    run: Callable[[str], Any]  # the body of a function in the page; returns what that returns

    def send(self, form: str, **values: str) -> None:
        """Type into the fields of a form, and send it."""
        for name, value in values.items():
            self.run(f"document.querySelector('#{form} [name={name}]').value = ''")
            self.type(f"#{form} [name={name}]", value)
        self.press(f"#{form} button")

    def reads(self, text: str, element: str = "notice") -> None:
        """Wait until an element of the page says so."""
        wait_until(lambda: text in self.run(f"return document.getElementById('{element}').textContent"), 30, text)

    def value(self, field: str) -> str:
        return str(self.run(f"return document.querySelector('{field}').value"))

    def visit(self, url: str) -> None:
        """Load the shop's page, as somebody who is not signed in; return when its forms are there to be typed into."""
        self.open(url)
        self.wait_for_guest()

    def wait_for_guest(self) -> None:
        """Wait until the page shows the forms of somebody who is not signed in."""
        is_shown = "return !document.getElementById('guest').hidden"
        wait_until(lambda: self.run(is_shown), 30, "the forms of somebody who is not signed in")


class Chromium(Window):
    """A window without any cookies."""

    def __init__(self, browser: Browser) -> None:
        self.context = browser.new_context(ignore_https_errors=True)  # the certificate is self-made
        self.context.set_default_timeout(30_000)
        self.page = self.context.new_page()
        self.open, self.type, self.press = self.page.goto, self.page.type, self.page.click
        self.run = lambda script: self.page.evaluate(f"async () => {{ {script} }}")
        self.close = self.context.close


class Firefox(Window):
    """Debian's, with a profile of its own, driven by its own Marionette protocol: Debian has no geckodriver."""

    def __init__(self) -> None:
        self._profile = Path(tempfile.mkdtemp(prefix="firefox"))
        port = free_port()
        settings = {"marionette.port": port, "network.dns.localDomains": NAME, "network.dns.disableIPv6": True}
        lines = [f"user_pref({json.dumps(key)}, {json.dumps(value)});\n" for key, value in settings.items()]
        (self._profile / "user.js").write_text("".join(lines))
        command = ["firefox-esr", "--headless", "--marionette", "--no-remote", "--profile", str(self._profile)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: self._connect(port), 120)
        self._command("NewSession", acceptInsecureCerts=True)
        self.open = lambda url: self._command("Navigate", url=url)
        self.type = lambda selector, text: self._command("ElementSendKeys", id=self._find(selector), text=text)
        self.press = lambda selector: self._command("ElementClick", id=self._find(selector))
        self.run = lambda script: self._command(
            "ExecuteScript", script=f"return (async () => {{ {script} }})()", args=[]
        )

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

    def _command(self, name: str, **parameters: Any) -> Any:
        sent = json.dumps([0, 1, f"WebDriver:{name}", parameters]).encode()
        self._file.write(b"%d:%s" % (len(sent), sent))
        self._file.flush()
        _, _, error, result = self._receive()
        assert error is None, error
        return result.get("value") if isinstance(result, dict) else result

    def _find(self, selector: str) -> str:
        found: dict[str, str] = self._command("FindElement", using="css selector", value=selector)
        return found[_ELEMENT]

    def close(self) -> None:
        self._file.close()
        self._process.terminate()
        self._process.wait(60)
        shutil.rmtree(self._profile, ignore_errors=True)
