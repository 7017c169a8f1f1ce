"""Settings: read, checked, and told about all at once."""

import importlib.util
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app import create_app
from customers import config, embedded
from customers.config import ConfigurationError, Settings
from customers.processors import processors
from tests.conftest import REPOSITORY

URL = "postgresql://user:hunter2hunter2@localhost/shop"
KEY = "k" * 32


def test_nothing_set_gives_the_contracts_defaults_and_an_own_database() -> None:
    settings = config.load({})

    assert settings.embedded
    assert not settings.secure
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.bcrypt_rounds == 12
    assert (settings.customer_idle, settings.customer_lifetime) == (24 * 3600, 30 * 24 * 3600)
    assert (settings.admin_idle, settings.admin_lifetime) == (3600, 12 * 3600)
    assert settings.recent_login == 15 * 60
    assert settings.max_body == 1024 * 1024
    assert settings.trusted_proxies == 0
    assert (settings.limit_free_attempts, settings.limit_longest_pause) == (5, 15 * 60)
    assert (settings.limit_network_failures, settings.limit_account_failures) == (30, 100)
    assert (settings.limit_registrations, settings.limit_reset_requests) == (20, 10)
    assert settings.trusted_origins == frozenset()
    assert settings.data_dir == Path(".data")


def test_with_a_url_cookies_are_secure_and_nothing_is_embedded() -> None:
    settings = config.load({"CUSTOMERS_DATABASE_URL": URL, "CUSTOMERS_SECRET_KEY": KEY})

    assert not settings.embedded
    assert settings.secure


def test_a_blank_value_counts_as_unset() -> None:
    assert config.load({"CUSTOMERS_DATABASE_URL": "", "PORT": " "}) == Settings()


@pytest.mark.parametrize(
    ("name", "value", "field", "read"),
    [
        ("CUSTOMERS_DATABASE_URL", "postgresql+psycopg://a@b/c", "database_url", "postgresql://a@b/c"),
        ("CUSTOMERS_DATABASE_URL", "postgres://a,b/c?target_session_attrs=read-write", "database_url",
         "postgres://a,b/c?target_session_attrs=read-write"),
        ("CUSTOMERS_FORMER_SECRET_KEYS", f"{KEY}, {KEY}x", "former_secret_keys", (KEY, KEY + "x")),
        ("CUSTOMERS_TRUSTED_ORIGINS", "https://A.example, http://b.example:8080/", "trusted_origins",
         frozenset({"https://a.example", "http://b.example:8080"})),
        ("CUSTOMERS_COOKIE_SECURE", "No", "cookie_secure", False),
        ("CUSTOMERS_POOLER", "None", "pooler", "none"),
        ("CUSTOMERS_POOL_TIMEOUT", "0.5", "pool_timeout", 0.5),
        ("CUSTOMERS_LOG_LEVEL", "WARNING", "log_level", "warning"),
        ("CUSTOMERS_LOG_FORMAT", "JSON", "log_format", "json"),
        ("CUSTOMERS_METRICS", "10.0.0.1:9464", "metrics_address", ("10.0.0.1", 9464)),
        ("CUSTOMERS_METRICS", "[::1]:9464", "metrics_address", ("::1", 9464)),
        ("CUSTOMERS_METRICS", "Off", "metrics_address", None),
        ("CUSTOMERS_METRICS", "  ", "metrics_address", ("127.0.0.1", 9464)),
        ("PORT", "8001", "metrics_address", ("127.0.0.1", 9465)),
        ("PORT", "65000", "metrics_address", ("127.0.0.1", 63536)),
        ("CUSTOMERS_COOKIE_NAME", "shop", "cookie", "shop"),
    ],
)  # fmt: skip
def test_a_value_is_read(name: str, value: str, field: str, read: Any) -> None:
    assert getattr(config.load({"CUSTOMERS_SECRET_KEY": KEY, name: value}), field) == read


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "0"), ("PORT", "65536"), ("PORT", "http"), ("PORT", "1_0"),
        ("CUSTOMERS_DATABASE_URL", "mysql://x"), ("CUSTOMERS_DATABASE_URL", "postgresql://a:b:c:d@[/x"),
        ("CUSTOMERS_POOLER", "session"), ("CUSTOMERS_POOLER", "transaction"),
        ("CUSTOMERS_DIRECT_URL", "postgresql://a/b"), ("CUSTOMERS_REPLICA_URL", "postgresql://a/b"),
        ("CUSTOMERS_REPLICA_URL", "http://a/b"),
        ("CUSTOMERS_SECRET_KEY", "k" * 31), ("CUSTOMERS_FORMER_SECRET_KEYS", f"{KEY},short"),
        ("CUSTOMERS_BCRYPT_ROUNDS", "3"), ("CUSTOMERS_BCRYPT_ROUNDS", "twelve"),
        ("CUSTOMERS_COOKIE_SECURE", "maybe"), ("CUSTOMERS_COOKIE_NAME", "a b"),
        ("CUSTOMERS_TRUSTED_ORIGINS", "shop.example"), ("CUSTOMERS_TRUSTED_ORIGINS", "https://shop.example/path"),
        ("CUSTOMERS_TRUSTED_PROXIES", "-1"), ("CUSTOMERS_POOL_TIMEOUT", "0"), ("CUSTOMERS_POOL_TIMEOUT", "soon"),
        ("CUSTOMERS_STATEMENT_TIMEOUT", "nan"), ("CUSTOMERS_LOG_LEVEL", "loud"),
        ("CUSTOMERS_LOG_FORMAT", "xml"), ("CUSTOMERS_METRICS", "9464"), ("CUSTOMERS_METRICS", ":9464"),
        ("CUSTOMERS_METRICS", "127.0.0.1:0"), ("CUSTOMERS_METRICS", "127.0.0.1:65536"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_a_fault_that_names_its_variable(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        config.load({name: value})

    assert any(fault.startswith(name) for fault in caught.value.faults)


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        config.load({"PORT": "x", "CUSTOMERS_DATABASE_URL": URL, "CUSTOMERS_BCRYPT_ROUNDS": "99"})

    assert [fault.split()[0] for fault in caught.value.faults] == [
        "PORT",
        "CUSTOMERS_BCRYPT_ROUNDS",
        "CUSTOMERS_SECRET_KEY",
    ]


@pytest.mark.parametrize(
    "environ",
    [
        {"CUSTOMERS_SECRET_KEY": "tell-nobody"},
        {"CUSTOMERS_DATABASE_URL": "mysql://user:tell-nobody@x/y"},
        {"CUSTOMERS_FORMER_SECRET_KEYS": "tell-nobody"},
    ],
)
def test_a_fault_never_repeats_a_secret(environ: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        config.load(environ)

    assert "tell-nobody" not in caught.value.message


def test_settings_do_not_show_their_secrets() -> None:
    settings = config.load(
        {"CUSTOMERS_DATABASE_URL": URL, "CUSTOMERS_SECRET_KEY": KEY, "CUSTOMERS_FORMER_SECRET_KEYS": KEY}
    )

    assert KEY not in repr(settings)
    assert "hunter2hunter2" not in repr(settings)


@pytest.mark.parametrize("command", [["gunicorn"], ["flask", "init-db"]])
def test_a_fault_stops_the_start_with_one_message(command: list[str]) -> None:
    program = Path(sys.executable).parent / command[0]
    environ = {**os.environ, "PORT": "x", "CUSTOMERS_BCRYPT_ROUNDS": "99", "CUSTOMERS_DATABASE_URL": URL}
    environ.pop("CUSTOMERS_SECRET_KEY", None)

    result = subprocess.run(
        [program, *command[1:]], cwd=REPOSITORY, env=environ, capture_output=True, text=True, timeout=60, check=False
    )

    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    for name in ("PORT", "CUSTOMERS_BCRYPT_ROUNDS", "CUSTOMERS_SECRET_KEY"):
        assert len(re.findall(rf"  - {name} ", result.stderr)) == 1
    assert "hunter2" not in result.stderr


def test_a_secret_key_is_made_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data"

    first, second = embedded.secret_key(folder), embedded.secret_key(folder)

    assert first == second
    assert len(first) >= 32
    assert stat.S_IMODE((folder / "secret_key").stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == ["secret_key"]


def test_processes_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    code = f"from dev import postgres, pathlib; print(embedded.secret_key(pathlib.Path({str(tmp_path)!r})))"
    code = code.replace("from dev import postgres, pathlib", "import pathlib; from dev import postgres")
    started = [
        subprocess.Popen([sys.executable, "-c", code], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]

    assert len({process.communicate(timeout=60)[0] for process in started}) == 1


def test_a_misspelt_setting_is_a_fault_and_a_strange_one_is_not() -> None:
    config.load(
        {"CUSTOMERS_SERVICE_HOST": "10.0.0.1", "CUSTOMERS_PORT": "tcp://10.0.0.1:80"}
    )  # as Kubernetes sets them

    with pytest.raises(ConfigurationError, match="CUSTOMERS_WORKER is not a setting; CUSTOMERS_WORKERS is"):
        config.load({"CUSTOMERS_WORKER": "3"})


@pytest.mark.parametrize("obstacle", ["package", "folder", "path"])
def test_without_a_url_and_without_an_own_database_the_start_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, obstacle: str
) -> None:
    """As in the image, which has neither the package nor a folder that can be written: not a traceback."""
    (tmp_path / "file").touch()
    if obstacle == "package":
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    folder = tmp_path / "with space" if obstacle == "path" else tmp_path / "file" / "data"

    with pytest.raises(ConfigurationError, match="CUSTOMERS_DATABASE_URL is not set"):
        create_app(Settings(data_dir=folder))


@pytest.mark.parametrize(
    ("cpu_max", "most"), [("100000 100000", 1), ("50000 100000", 1), ("max 100000", 999), ("", 999), (None, 999)]
)
def test_a_containers_share_of_processors_bounds_the_workers(tmp_path: Path, cpu_max: str | None, most: int) -> None:
    if cpu_max is not None:
        (tmp_path / "cpu.max").write_text(cpu_max)

    assert 1 <= processors(tmp_path / "cpu.max") <= most


def test_the_application_takes_its_cookie_and_keys_from_the_settings(settings: Settings) -> None:
    app: Flask = create_app(settings)

    assert app.config["SECRET_KEY"] == settings.secret_key
    assert app.config["SESSION_COOKIE_HTTPONLY"] is True
    assert app.config["SESSION_COOKIE_NAME"] == "customers"
