"""Settings: read, checked, and all faults named at once."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from customers import config
from customers.errors import ConfigurationError
from tests.conftest import REPOSITORY
from tests.support.service import BIN

URL = "postgresql://user:hunter2hunter2@localhost/shop"
KEY = "k" * 32
NEEDED = {"CUSTOMERS_DATABASE_URL": URL, "CUSTOMERS_SECRET_KEY": KEY}
MAIL = {"CUSTOMERS_MAIL_FROM": "a@b.co", "CUSTOMERS_RESET_URL": "https://x/{token}"}
DAY = 24 * 3600


def faults(environ: dict[str, str]) -> list[str]:
    """Return what is wrong with the settings of an environment."""
    with pytest.raises(ConfigurationError) as caught:
        config.load(environ)
    return caught.value.faults


def test_the_defaults_are_those_of_the_contract() -> None:
    settings = config.load(NEEDED)

    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert (settings.cookie_secure, settings.cookie) == (True, "__Host-customers")
    assert settings.bcrypt_rounds == 12
    assert (settings.customer_idle, settings.customer_lifetime) == (DAY, 30 * DAY)
    assert (settings.admin_idle, settings.admin_lifetime) == (3600, 12 * 3600)
    assert (settings.recent_login, settings.reset_lifetime, settings.max_sessions) == (15 * 60, 3600, 100)
    assert settings.max_body == 2**20
    assert settings.trusted_proxies == 0
    assert settings.trusted_origins == frozenset()
    assert (settings.limit_free_attempts, settings.limit_longest_pause) == (5, 15 * 60)
    assert (settings.limit_network_failures, settings.limit_account_failures) == (30, 100)
    assert (settings.limit_registrations, settings.limit_reset_requests) == (20, 10)
    assert (settings.limit_email_changes, settings.limit_writes) == (5, 120)


def test_without_a_database_and_a_key_nothing_starts_and_a_blank_value_counts_as_unset() -> None:
    missing = ["CUSTOMERS_DATABASE_URL: Missing.", "CUSTOMERS_SECRET_KEY: Missing."]

    assert faults({}) == faults({"CUSTOMERS_DATABASE_URL": "", "CUSTOMERS_SECRET_KEY": " ", "PORT": ""}) == missing


def test_with_a_mail_server_sender_and_link_must_be_set() -> None:
    environ = {**NEEDED, "CUSTOMERS_SMTP_URL": "smtp://mail.example"}

    assert faults(environ) == ["CUSTOMERS_MAIL_FROM: Missing.", "CUSTOMERS_RESET_URL: Missing."]


@pytest.mark.parametrize(
    ("name", "value", "field", "read"),
    [
        ("CUSTOMERS_DATABASE_URL", "postgresql+psycopg://a@b/c", "database_url", "postgresql://a@b/c"),
        ("CUSTOMERS_DATABASE_URL", "postgres://a,b/c?target_session_attrs=read-write", "database_url",
         "postgres://a,b/c?target_session_attrs=read-write"),
        ("CUSTOMERS_FORMER_SECRET_KEYS", f"{KEY}, {KEY}x", "former_secret_keys", (KEY, KEY + "x")),
        ("CUSTOMERS_TRUSTED_ORIGINS", "https://A.example:443, http://b.example:8080/,http://[2001:DB8::1]:80",
         "trusted_origins", frozenset({"https://a.example", "http://b.example:8080", "http://[2001:db8::1]"})),
        ("CUSTOMERS_COOKIE_SECURE", "No", "cookie", "customers"),
        ("CUSTOMERS_COOKIE_NAME", "shop", "cookie", "shop"),
        ("CUSTOMERS_DATABASE_TIMEOUT", "0.5", "database_timeout", 0.5),
        ("CUSTOMERS_RESET_URL", "https://shop.example/reset#{token}", "reset_url", "https://shop.example/reset#{token}"),
        ("CUSTOMERS_LIMIT_WRITES", " 0 ", "limit_writes", 0),
        ("CUSTOMERS_LOG_FORMAT", "json", "log_format", "json"),
    ],
)  # fmt: skip
def test_a_value_is_read(name: str, value: str, field: str, read: Any) -> None:
    assert getattr(config.load({**NEEDED, name: value}), field) == read


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "0"), ("PORT", "65536"), ("PORT", "http"),
        ("CUSTOMERS_DATABASE_URL", "mysql://x"), ("CUSTOMERS_DATABASE_URL", "postgresql://a:b:c:d@[/x"),
        ("CUSTOMERS_SECRET_KEY", "k" * 31), ("CUSTOMERS_FORMER_SECRET_KEYS", f"{KEY},short"),
        ("CUSTOMERS_BCRYPT_ROUNDS", "3"), ("CUSTOMERS_BCRYPT_ROUNDS", "15"), ("CUSTOMERS_COOKIE_SECURE", "maybe"),
        ("CUSTOMERS_COOKIE_NAME", "a b"), ("CUSTOMERS_COOKIE_NAME", "x" * 65),
        ("CUSTOMERS_TRUSTED_ORIGINS", "shop.example"), ("CUSTOMERS_TRUSTED_ORIGINS", "https://shop.example/path"),
        ("CUSTOMERS_TRUSTED_ORIGINS", "https://user@shop.example/x"), ("CUSTOMERS_TRUSTED_ORIGINS", "null"),
        ("CUSTOMERS_TRUSTED_ORIGINS", "*"), ("CUSTOMERS_TRUSTED_ORIGINS", "https://shop.example:x"),
        ("CUSTOMERS_TRUSTED_PROXIES", "-1"), ("CUSTOMERS_DATABASE_TIMEOUT", "0"), ("CUSTOMERS_DATABASE_TIMEOUT", "nan"),
        ("CUSTOMERS_SMTP_URL", "mail.example"), ("CUSTOMERS_MAIL_FROM", "nobody"), ("CUSTOMERS_RESET_URL", "https://x/"),
        ("CUSTOMERS_LIMIT_WRITES", "-1"), ("CUSTOMERS_LOG_LEVEL", "loud"), ("CUSTOMERS_LOG_FORMAT", "xml"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_a_fault_that_names_its_variable(name: str, value: str) -> None:
    (fault,) = faults({**NEEDED, **MAIL, name: value})

    assert fault.startswith(name)


def test_a_misspelt_setting_is_a_fault_and_a_strange_one_is_not() -> None:
    config.load({**NEEDED, "CUSTOMERS_SERVICE_HOST": "10.0.0.1", "CUSTOMERS_PORT": "tcp://10.0.0.1:80"})  # Kubernetes'

    assert faults({**NEEDED, "CUSTOMERS_WORKER": "3"}) == ["CUSTOMERS_WORKER is not a setting; CUSTOMERS_WORKERS is."]


@pytest.mark.parametrize(
    "environ",
    [
        {"CUSTOMERS_SECRET_KEY": "tell-nobody"},
        {"CUSTOMERS_FORMER_SECRET_KEYS": f"{KEY},tell-nobody"},
        {"CUSTOMERS_DATABASE_URL": "mysql://user:tell-nobody@x/y"},
        {"CUSTOMERS_DATABASE_URL": "postgresql://user:tell-nobody@[x/y"},
        {"CUSTOMERS_SMTP_URL": "http://user:tell-nobody@mail.example"},
    ],
)
def test_a_fault_never_repeats_a_secret(environ: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        config.load({**NEEDED, **environ})

    assert "tell-nobody" not in str(caught.value)


def test_settings_do_not_show_their_secrets() -> None:
    secrets = {"CUSTOMERS_FORMER_SECRET_KEYS": KEY, "CUSTOMERS_SMTP_URL": "smtp://user:hunter2@mail.example"}
    settings = config.load({**NEEDED, **MAIL, **secrets})

    assert KEY not in repr(settings)
    assert "hunter2" not in repr(settings)


def test_faults_stop_the_start_with_one_message() -> None:
    environ = {**os.environ, "PORT": "x", "CUSTOMERS_BCRYPT_ROUNDS": "99", "CUSTOMERS_DATABASE_URL": URL}
    environ.pop("CUSTOMERS_SECRET_KEY", None)

    result = subprocess.run(
        [BIN / "gunicorn"], cwd=REPOSITORY, env=environ, capture_output=True, text=True, timeout=120, check=False
    )

    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    for name in ("PORT", "CUSTOMERS_BCRYPT_ROUNDS", "CUSTOMERS_SECRET_KEY"):
        assert len(re.findall(rf"  - {name}\b", result.stderr)) == 1, result.stderr
    assert "hunter2" not in result.stderr


@pytest.mark.parametrize(
    ("cpu_max", "most"), [("100000 100000", 1), ("50000 100000", 1), ("max 100000", 999), ("", 999), (None, 999)]
)
def test_a_containers_share_of_processors_bounds_the_workers(tmp_path: Path, cpu_max: str | None, most: int) -> None:
    if cpu_max is not None:
        (tmp_path / "cpu.max").write_text(cpu_max)

    assert 1 <= config._processors(tmp_path / "cpu.max") <= most
