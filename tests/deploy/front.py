"""Two instances of the service behind nginx, on one database, and beside them another backend of the shop."""

import json
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from tests.conftest import PASSWORD, REPOSITORY
from tests.deploy.nginx import UNLIMITED, Nginx
from tests.support.service import BIN, Service, environment

ADMIN = "ada@shop.example"
TRUSTED = "https://app.example"  # an origin that deploy/nginx.conf has in a comment
ROLE = "customers_service"
ROLE_SQL = (REPOSITORY / "deploy" / "role.sql").read_text()


def as_service(owner: str) -> str:
    """Give the restricted role its rights to a database that has the schema; return the URL for that role."""
    with psycopg.connect(owner, options="-c customers.password=service") as conn:
        conn.execute(ROLE_SQL.encode())
    parts = urlsplit(owner)
    return parts._replace(netloc=f"{ROLE}:service@{parts.netloc.rpartition('@')[2]}").geturl()


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
        self.logs: list[Path] = []
        self.flask("init-db")
        self._url = as_service(owner)
        self.services = [self._start(), self._start()]

    @property
    def ports(self) -> list[int]:
        """Where they listen."""
        return [service.port for service in self.services]

    def flask(self, *command: str, given: str = "") -> None:
        """Run a command of the operator's, who owns the tables."""
        subprocess.run(
            [BIN / "flask", *command],
            cwd=REPOSITORY,
            env=environment(**self.settings),
            input=given,
            text=True,
            check=True,
            capture_output=True,
        )

    def _start(self, **more: str) -> Service:
        self.logs.append(self.folder / f"instance{len(self.logs)}.log")
        return Service(self.logs[-1], **{**self.settings, "CUSTOMERS_DATABASE_URL": self._url, **more})

    def restart(self, port: int) -> int:
        """Stop the one on a port, wait until it has ended, and start it again; return the exit status."""
        number = self.ports.index(port)
        status = self.services[number].stop()
        self.services[number] = self._start(PORT=str(port))
        return status

    def lines(self) -> list[dict[str, Any]]:
        """Return what all of them have logged."""
        return [json.loads(line) for log in self.logs for line in log.read_text().splitlines()]

    def stop(self) -> None:
        """End them."""
        for service in self.services:
            service.stop()


class Backend:
    """A service that knows nothing of sessions, and answers what it was sent."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        seen = self.requests

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                headers = {name.lower(): value for name, value in self.headers.items()}
                seen.append({"method": self.command, "path": self.path, "headers": headers, "body": body})
                answer = json.dumps(seen[-1]).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_POST = do_DELETE = _answer  # noqa: N815  # the names that are called

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # its name there
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()


class Front:
    """All of it. Registers and signs in through nginx."""

    def __init__(self, folder: Path, owner: str, changes: dict[str, str] | None = None, **settings: str) -> None:
        """Start all; ``changes`` are those of nginx.conf."""
        self.backend = Backend()
        self.instances = Instances(folder, owner, **settings)
        self.nginx = Nginx(self.instances.ports, self.backend.port, {**UNLIMITED, **(changes or {})})

    def register(self, email: str) -> str:
        """Register a customer and return the uuid."""
        answer = self.nginx.call(
            "POST", "/api/customers", {"email": email, "password": PASSWORD, "full_name": "Ann Customer"}
        )
        assert answer.status == 201, answer.text
        uuid: str = answer.body["data"]["uuid"]
        return uuid

    def make_admin(self) -> None:
        """Make the admin."""
        self.instances.flask(
            "create-admin", ADMIN, "--full-name", "Ada Admin", "--password-stdin", given=f"{PASSWORD}\n"
        )

    def log_in(self, email: str, path: str = "/customer/login", cookie: str = "") -> tuple[str, str]:
        """Sign in; return the sid and the cookie, as they are sent back."""
        answer = self.nginx.call("POST", path, {"email": email, "password": PASSWORD}, Cookie=cookie)
        assert answer.status == 200, answer.text
        return answer.body["data"]["sid"], answer.headers["Set-Cookie"].split(";")[0]

    def stop(self) -> None:
        """End all of it."""
        self.nginx.stop()
        self.instances.stop()
        self.backend.stop()
