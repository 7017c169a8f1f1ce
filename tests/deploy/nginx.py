"""A real nginx with a configuration of deploy/: on ports and with a certificate of the tests', else as it is."""

import http.client
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from tests.conftest import REPOSITORY
from tests.support.service import free_port, wait_until

REFERENCE = REPOSITORY / "deploy" / "nginx.conf"
BESIDE_EVERSHOP = REPOSITORY / "deploy" / "evershop" / "nginx.conf"
INCLUDED = tuple(REPOSITORY / "deploy" / f"nginx-{block}.conf" for block in ("http", "server"))
NAME = "shop.example"
# All tests come from one network.
UNLIMITED = dict.fromkeys(("rate=50r/s", "rate=30r/m", "rate=20r/m"), "rate=1000r/s")
# As root nginx would change to the user its package was built with; here it is nobody from the start, like a shop's.
UNPRIVILEGED = "nobody" if os.geteuid() == 0 else None
_TEMPORARY = "client_body", "proxy", "fastcgi", "uwsgi", "scgi"


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    text: str

    @property
    def body(self) -> Any:
        return json.loads(self.text)


class Nginx:
    """A running nginx. Its files are in a folder of its own, which is removed when it stops."""

    def __init__(
        self,
        instances: Sequence[int],
        backend: int,
        changes: Mapping[str, str] = UNLIMITED,
        reference: Path = REFERENCE,
    ) -> None:
        """Listen in front of two instances and a backend, by their ports; ``changes`` are further ones of the files."""
        self.folder = Path(tempfile.mkdtemp(prefix="nginx"))
        self.port, self.plain_port, self.staff_port = free_port(), free_port(), free_port()
        self.base = f"https://{NAME}:{self.port}"
        shutil.copytree(REPOSITORY / "deploy" / "shop", self.folder / "shop")
        shutil.copy(REPOSITORY / "clients" / "customers.js", self.folder / "shop")
        shutil.copy(REPOSITORY / "deploy" / "prepare.sh", self.folder)
        subprocess.run([self.folder / "prepare.sh"], check=True)
        self.certificate, self.key = (self.folder / "tls" / f"{NAME}.{kind}" for kind in ("pem", "key"))
        configuration = self.folder / reference.name
        self._render((reference, *INCLUDED), instances, backend, changes)
        if UNPRIVILEGED:
            for path in [self.folder, *self.folder.rglob("*")]:
                shutil.chown(path, UNPRIVILEGED)
        self.context = ssl.create_default_context(cafile=self.certificate)
        found = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
        assert found, "nginx is not installed: make test-deploy"
        command = [found, "-p", f"{self.folder}/", "-e", "error.log", "-c", str(configuration), "-g", "daemon off;"]
        said = subprocess.run([*command, "-t"], user=UNPRIVILEGED, capture_output=True, text=True, check=False).stderr
        faults = [line for line in said.splitlines() if re.search(r"\[(warn|emerg)\](?!.*listen \.\.\. http2)", line)]
        assert not faults, faults
        self.process = subprocess.Popen(command, user=UNPRIVILEGED)
        wait_until(self._listens)

    def _render(
        self, paths: Sequence[Path], instances: Sequence[int], backend: int, changes: Mapping[str, str]
    ) -> None:
        """Write the files with what a shop changes, too; a change must be one of a text that is there."""
        texts = {path.name: path.read_text() for path in paths}
        temporary = "".join(f"\n    {name}_temp_path {self.folder}/{name};" for name in _TEMPORARY)
        own = {
            "listen 443 ": f"listen 127.0.0.1:{self.port} ",
            "listen 80 ": f"listen 127.0.0.1:{self.plain_port} ",
            "listen 80;": f"listen 127.0.0.1:{self.plain_port};",
            "server 127.0.0.1:8000 ": f"server 127.0.0.1:{instances[0]} ",
            "server 127.0.0.1:8001 ": f"server 127.0.0.1:{instances[1]} ",
            "/etc/ssl/shop.example.pem": str(self.certificate),
            "/etc/ssl/private/shop.example.key": str(self.key),
            "/var/log/nginx/": f"{self.folder}/",
            "/run/nginx.pid": f"{self.folder}/nginx.pid",
            "/run/nginx-without-8000": f"{self.folder}/nginx-without-{instances[0]}",
            "/run/nginx-without-8001": f"{self.folder}/nginx-without-{instances[1]}",
            "worker_processes auto;": "worker_processes 2;",
            "127.0.0.1:9000;": f"127.0.0.1:{backend};",  # without an EverShop
            "root /srv/shop;": f"root {self.folder}/shop;",
            "127.0.0.1:3000;": f"127.0.0.1:{backend};",  # beside one
            "listen 8443 ": f"listen 127.0.0.1:{self.staff_port} ",
            "http {": "http {" + temporary,  # which the package compiles in, for root
        }
        for found, put in {**own, **changes}.items():
            assert found in own or any(found in text for text in texts.values()), found
            texts = {name: text.replace(found, put) for name, text in texts.items()}
        for name, text in texts.items():
            (self.folder / name).write_text(text)

    def _listens(self) -> bool:
        assert self.process.poll() is None, self.errors()
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self.port)) == 0

    def connect(self, port: int | None = None) -> "Connection":
        """Return a connection, made at the first request."""
        return Connection(self, port or self.port)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send a request on a connection of its own; headers are named with underscores for dashes."""
        with closing(self.connect()) as connection:
            return connection.call(method, path, body, {name.replace("_", "-"): text for name, text in headers.items()})

    def lines(self) -> list[dict[str, Any]]:
        """Return the access log so far; every line is a JSON object."""
        return [json.loads(line) for line in (self.folder / "access.log").read_text().splitlines()]

    def errors(self) -> str:
        return (self.folder / "error.log").read_text()

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=30)
        shutil.rmtree(self.folder)


class Connection(http.client.HTTPSConnection):
    def __init__(self, nginx: Nginx, port: int) -> None:
        super().__init__(NAME, port, timeout=30, context=nginx.context)
        self._tls = nginx.context

    def connect(self) -> None:
        """Connect to where the name does not lead by itself."""
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=self.timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as its parent does: a body waits for no ACK
        self.sock = self._tls.wrap_socket(plain, server_hostname=NAME)

    def call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        """Send a request, by default with the name and no port as Host, as a browser would on the usual port."""
        sent = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        defaults = {"Host": NAME, "Content-Type": "application/json"}
        self.request(method, path, sent, {**defaults, **(headers or {})})
        response = self.getresponse()
        return Answer(response.status, response.headers, response.read().decode())
