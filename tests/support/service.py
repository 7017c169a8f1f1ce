"""The real service for tests: gunicorn in a process of its own."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psutil
import requests
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample
from psycopg.conninfo import conninfo_to_dict

from tests.conftest import NO_LIMITS, PASSWORD, REPOSITORY

BIN = Path(sys.executable).parent
NO_LIMITS_SET = {f"CUSTOMERS_{name.upper()}": "0" for name in NO_LIMITS}
ANN = {"email": "ann@example.com", "password": PASSWORD, "full_name": "Ann"}


def free_port() -> int:
    """Return a port that nobody listens on, below those of which the kernel may give it to a client meanwhile."""
    with socket.socket() as sock:
        while True:
            port = random.randrange(10_000, 32_000)
            with suppress(OSError):
                sock.bind(("127.0.0.1", port))
                return port


def environment(**changes: str) -> dict[str, str]:
    """Return this process's environment with no settings of the service but these."""
    ours = ("CUSTOMERS_", "HOST", "PORT", "OTEL_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "PATH": f"{BIN}:{kept['PATH']}", **changes}


def run(program: str, *args: str, stdin: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a program of this environment with these settings of the service, as the operator does."""
    command: list[str | Path] = [BIN / program, *args]
    env = environment(**settings)
    return subprocess.run(
        command, cwd=REPOSITORY, env=env, input=stdin, capture_output=True, text=True, timeout=120, check=False
    )


def make_admin(email: str, **settings: str) -> None:
    args = ("create-admin", email, "--full-name", "Ada Admin", "--password-stdin")
    made = run("flask", *args, stdin=f"{PASSWORD}\n", **settings)
    assert made.returncode == 0, made.stderr


def database_url(conninfo: str) -> str:
    """Return a connection string in the form that CUSTOMERS_DATABASE_URL takes."""
    parts = conninfo_to_dict(conninfo)
    return f"postgresql:///{parts.pop('dbname')}?{urlencode(parts)}"


def wait_until(condition: Callable[[], object], seconds: float = 20, what: str = "the condition") -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.02)  # between two looks, not in place of one
    raise AssertionError(f"{what} never came in {seconds} s")


class Service:
    def __init__(self, log: Path, **settings: str) -> None:
        self.port = int(settings.get("PORT") or free_port())
        self.base = f"http://127.0.0.1:{self.port}"
        self.log = log
        defaults = {"CUSTOMERS_SECRET_KEY": "k" * 32, "CUSTOMERS_COOKIE_SECURE": "false", **NO_LIMITS_SET}
        self.environment = environment(**{**defaults, **settings, "PORT": str(self.port)})
        url = self.environment["CUSTOMERS_DATABASE_URL"]
        if not url.startswith("postgresql://"):
            self.environment["CUSTOMERS_DATABASE_URL"] = database_url(url)
        nowhere = subprocess.DEVNULL
        with log.open("w") as stderr:
            self.process = subprocess.Popen(
                self.command(), cwd=REPOSITORY, env=self.environment, stdin=nowhere, stdout=nowhere, stderr=stderr
            )
        wait_until(self.answers, 240)  # seconds, on a busy machine

    def command(self) -> list[str | Path]:
        return [BIN / "gunicorn"]

    def answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            return self.call("GET", "/healthz")[0] == 200
        except OSError:
            return False

    def call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> tuple[int, Any]:
        """Send a request on a connection of its own; return the status and the parsed body."""
        answer = requests.request(method, self.base + path, json=body, headers=headers, timeout=30)
        return answer.status_code, answer.json()

    def lines(self) -> list[dict[str, Any]]:
        """Return the log so far; every line is a JSON object."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    @property
    def settings(self) -> dict[str, str]:
        """The service's settings, for a command beside it."""
        return {name: value for name, value in self.environment.items() if name.startswith("CUSTOMERS_")}

    def samples(self, name: str) -> list[Sample]:
        families = text_string_to_metric_families(requests.get(f"{self.base}/metrics", timeout=30).text)
        return [sample for family in families for sample in family.samples if sample.name == name]

    def metric(self, name: str, **labels: str) -> float:
        """Return the sum of the samples of a name that have these labels."""
        return sum(sample.value for sample in self.samples(name) if labels.items() <= sample.labels.items())

    def workers(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children()

    def stop(self) -> int:
        """End the service gracefully and return its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)


def sign_up(service: Service, email: str) -> tuple[str, dict[str, str]]:
    """Register and sign in; return the customer's path and the header."""
    login = {"email": email, "password": PASSWORD}
    path = f"/api/customers/{service.call('POST', '/api/customers', {**ANN, **login})[1]['data']['uuid']}"
    return path, {"X-Session-ID": service.call("POST", "/customer/login", login)[1]["data"]["sid"]}
