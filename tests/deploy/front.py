"""Two instances of the service behind nginx, on one database, and beside them another backend of the shop."""

import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.deploy.nginx import UNLIMITED, Nginx
from tests.support.answering import Reply, answering
from tests.support.service import ANN, Service, run
from tests.support.shops import ROLE, give_rights

TRUSTED = "https://app.example"  # an origin that deploy/nginx.conf has in a comment
TRUSTING = {f'# "{TRUSTED}"': f'"{TRUSTED}"'}


class Instances:
    """Two instances of the service under its restricted role, each of which can be restarted on its port."""

    def __init__(self, folder: Path, owner: str, **settings: str) -> None:
        """Make the schema and the role as the owner, by its URL, and start the instances."""
        self.folder = folder
        self.settings = {
            "CUSTOMERS_BCRYPT_ROUNDS": "4",
            "CUSTOMERS_WORKERS": "1",
            "CUSTOMERS_SECRET_KEY": "k" * 40,
            "CUSTOMERS_TRUSTED_PROXIES": "1",
            "CUSTOMERS_COOKIE_SECURE": "true",
            "CUSTOMERS_DATABASE_URL": owner,
            **settings,
        }
        made = run("flask", "init-db", **self.settings)
        assert made.returncode == 0, made.stderr
        give_rights(owner, password="service")
        parts = urlsplit(owner)
        self._url = parts._replace(netloc=f"{ROLE}:service@{parts.netloc.rpartition('@')[2]}").geturl()
        with ThreadPoolExecutor(2) as both:
            self.services = list(both.map(lambda _: self._start(), range(2)))

    @property
    def ports(self) -> list[int]:
        return [service.port for service in self.services]

    def _start(self, **more: str) -> Service:
        settings = {**self.settings, "CUSTOMERS_DATABASE_URL": self._url, **more}
        return Service(self.folder / f"{uuid.uuid4()}.log", **settings)

    def restart(self, port: int) -> int:
        """Stop the one on a port, wait until it has ended, and start it again; return the exit status."""
        number = self.ports.index(port)
        status = self.services[number].stop()
        self.services[number] = self._start(PORT=str(port))
        return status

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for log in self.folder.glob("*.log") for line in log.read_text().splitlines()]

    def close(self) -> None:
        for service in self.services:
            service.stop()


class Person(NamedTuple):
    """Somebody who is signed in by both ways."""

    uuid: str
    sid: str
    cookie: str  # as it is sent back


class Front(NamedTuple):
    nginx: Nginx
    instances: Instances
    heard: list[dict[str, Any]]  # the requests that reached the backend

    def log_in(self, email: str, path: str = "/customer/login", cookie: str = "") -> tuple[str, str]:
        """Sign in; return the sid and the cookie, as they are sent back."""
        answer = self.nginx.call("POST", path, {**ANN, "email": email}, Cookie=cookie)
        assert answer.status == 200, answer.text
        return answer.body["data"]["sid"], answer.headers["Set-Cookie"].split(";")[0]

    def sign_up(self, email: str) -> Person:
        answer = self.nginx.call("POST", "/api/customers", {**ANN, "email": email})
        assert answer.status == 201, answer.text
        return Person(answer.body["data"]["uuid"], *self.log_in(email))


@contextmanager
def opened(folder: Path, owner: str, changes: dict[str, str] | None = None, **settings: str) -> Iterator[Front]:
    """Start all of it; ``changes`` are those of nginx.conf. The backend answers what it was sent."""
    heard: list[dict[str, Any]] = []

    def echo(request: BaseHTTPRequestHandler, body: bytes) -> Reply:
        headers = {name.lower(): value for name, value in request.headers.items()}
        heard.append({"method": request.command, "path": request.path, "headers": headers, "body": body.decode()})
        return 200, "application/json", json.dumps(heard[-1]).encode()

    with (
        answering(echo) as backend,
        closing(Instances(folder, owner, **settings)) as instances,
        closing(Nginx(instances.ports, backend, {**UNLIMITED, **(changes or {})})) as nginx,
    ):
        yield Front(nginx, instances, heard)
