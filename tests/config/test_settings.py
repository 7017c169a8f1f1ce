"""Settings: read, checked, and all faults named at once."""

import re
from pathlib import Path

import pytest

from customers import config
from customers.errors import ConfigurationError
from customers.mail.smtp import Smtp
from tests.support.service import run

URL = "postgresql://user:hunter2hunter2@localhost/shop"
KEY = "k" * 32
NEEDED = {"CUSTOMERS_DATABASE_URL": URL, "CUSTOMERS_SECRET_KEY": KEY}
MAIL = {"CUSTOMERS_MAIL_FROM": "a@b.co", "CUSTOMERS_RESET_URL": "https://x/{token}"}
DAY = 24 * 3600


def faults(environ: dict[str, str]) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        config.load(environ)
    return caught.value.faults


def test_the_defaults_are_those_of_the_contract() -> None:
    settings = vars(config.load(NEEDED))

    assert settings.items() >= {
        "cookie_secure": True, "bcrypt_rounds": 12, "recent_login": 900, "reset_lifetime": 3600, "max_sessions": 100,
        "customer_idle": DAY, "customer_lifetime": 30 * DAY, "admin_idle": 3600, "admin_lifetime": 12 * 3600,
        "max_body": 2**20, "trusted_proxies": 0, "trusted_origins": frozenset(), "limit_free_attempts": 5,
        "limit_longest_pause": 900, "limit_network_failures": 30, "limit_account_failures": 100,
        "limit_registrations": 20, "limit_reset_requests": 10, "limit_email_changes": 5,
    }.items()  # fmt: skip


def test_without_a_database_and_a_key_nothing_starts_and_a_blank_value_counts_as_unset() -> None:
    missing = ["CUSTOMERS_DATABASE_URL: Missing.", "CUSTOMERS_SECRET_KEY: Missing."]

    assert faults({}) == faults({"CUSTOMERS_DATABASE_URL": "", "CUSTOMERS_SECRET_KEY": " ", "PORT": ""}) == missing
    with_mail = {**NEEDED, "CUSTOMERS_SMTP_URL": "smtp://mail.example"}
    assert faults(with_mail) == ["CUSTOMERS_MAIL_FROM: Missing.", "CUSTOMERS_RESET_URL: Missing."]


def test_a_value_is_read() -> None:
    url = "postgres://a,b/c?target_session_attrs=read-write"
    for name, value, field, read in (
        ("CUSTOMERS_DATABASE_URL", "postgresql+psycopg://a@b/c", "database_url", "postgresql://a@b/c"),
        ("CUSTOMERS_DATABASE_URL", url, "database_url", url),
        ("CUSTOMERS_FORMER_SECRET_KEYS", f"{KEY}, {KEY}x", "former_secret_keys", (KEY, KEY + "x")),
        ("CUSTOMERS_TRUSTED_ORIGINS", "https://A.example:443, http://b.example:8080/,http://[2001:DB8::1]:80",
         "trusted_origins", frozenset({"https://a.example", "http://b.example:8080", "http://[2001:db8::1]"})),
        ("CUSTOMERS_COOKIE_SECURE", "No", "cookie", "customers"),
        ("CUSTOMERS_COOKIE_NAME", "shop", "cookie", "shop"),
        ("CUSTOMERS_DATABASE_TIMEOUT", "0.5", "database_timeout", 0.5),
        ("CUSTOMERS_LIMIT_WRITES", " 0 ", "limit_writes", 0),
    ):  # fmt: skip
        assert getattr(config.load({**NEEDED, name: value}), field) == read


def test_a_wrong_value_is_a_fault_that_names_its_variable() -> None:
    for name, values in {
        "PORT": ["0", "65536", "http"],
        "CUSTOMERS_DATABASE_URL": ["mysql://x", "postgresql://a:b:c:d@[/x"],
        "CUSTOMERS_SECRET_KEY": ["k" * 31],
        "CUSTOMERS_FORMER_SECRET_KEYS": [f"{KEY},short"],
        "CUSTOMERS_BCRYPT_ROUNDS": ["3", "15"],
        "CUSTOMERS_COOKIE_SECURE": ["maybe"],
        "CUSTOMERS_COOKIE_NAME": ["a b", "x" * 65],
        "CUSTOMERS_TRUSTED_ORIGINS": ["shop.example", "https://shop.example/path", "https://user@shop.example/x", "*",
                                      "null", "https://shop.example:x"],
        "CUSTOMERS_TRUSTED_PROXIES": ["-1"],
        "CUSTOMERS_DATABASE_TIMEOUT": ["0", "nan"],
        "CUSTOMERS_SMTP_URL": ["mail.example", "smtp://", "smtp://mail.example:0", "smtp://mail.example:port",
                               "smtp://mail.example/x", "smtp://user:12#word@mail.example"],
        "CUSTOMERS_MAIL_FROM": ["nobody", "a@b.co\nBcc: c@d.ef", "@b.co", "no-réply@b.co", "no reply@b.co"],
        "CUSTOMERS_MAIL_TEMPLATES": ["/nowhere"],
        "CUSTOMERS_RESET_URL": ["https://x/", "/reset?token={token}", "https://x/ {token}", "https:// /{token}", "https://x/{token}\nx"],
        "CUSTOMERS_LOG_LEVEL": ["loud"],
    }.items():  # fmt: skip
        for value in values:
            (fault,) = faults({**NEEDED, **MAIL, name: value})
            assert fault.startswith(name)


def test_a_misspelt_setting_is_a_fault_and_a_strange_one_is_not() -> None:
    config.load({**NEEDED, "CUSTOMERS_SERVICE_HOST": "10.0.0.1", "CUSTOMERS_PORT": "tcp://10.0.0.1:80"})  # Kubernetes'

    assert faults({**NEEDED, "CUSTOMERS_WORKER": "3"}) == ["CUSTOMERS_WORKER is not a setting; CUSTOMERS_WORKERS is."]


def test_beside_an_evershop_no_cookie_has_the_name_of_another() -> None:
    for name in ("CUSTOMERS_COOKIE_NAME", "CUSTOMERS_EVERSHOP_ADMIN_COOKIE_NAME"):
        (fault,) = faults({**NEEDED, "CUSTOMERS_EVERSHOP_COOKIE_SECRETS": KEY, name: "sid"})
        assert "three names" in fault


def test_settings_do_not_show_their_secrets() -> None:
    """Nor does a fault."""
    secrets = {"CUSTOMERS_FORMER_SECRET_KEYS": KEY, "CUSTOMERS_SMTP_URL": "smtp://user:hunter2@mail.example"}
    settings = config.load({**NEEDED, **MAIL, **secrets})
    assert not re.search(f"{KEY}|hunter2", f"{settings!r} {Smtp(settings.smtp_url, 1)!r}")

    for name, value in (
        ("CUSTOMERS_SECRET_KEY", "tell-nobody"),
        ("CUSTOMERS_FORMER_SECRET_KEYS", f"{KEY},tell-nobody"),
        ("CUSTOMERS_DATABASE_URL", "mysql://user:tell-nobody@x/y"),
        ("CUSTOMERS_DATABASE_URL", "postgresql://user:tell-nobody@[x/y"),
        ("CUSTOMERS_SMTP_URL", "http://user:tell-nobody@mail.example"),
        ("CUSTOMERS_SMTP_URL", "smtp://user:tell-nobody@mail.example:port"),
        ("CUSTOMERS_SMTP_URL", "smtp://user:tell-nobody/x@mail.example"),
        ("CUSTOMERS_SMTP_URL", "smtp://user:tell-nobody\u2100@mail.example"),
    ):
        assert "tell-nobody" not in " ".join(faults({**NEEDED, name: value}))


@pytest.mark.parametrize("command", [["gunicorn"], ["flask", "purge"]])
def test_faults_stop_the_start_with_one_message(command: list[str]) -> None:
    # An empty one counts also where `make run` has written a .env, which flask reads.
    faulty = {"PORT": "x", "CUSTOMERS_BCRYPT_ROUNDS": "99", "CUSTOMERS_DATABASE_URL": URL, "CUSTOMERS_SECRET_KEY": ""}

    result = run(*command, **faulty)

    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    for name in ("PORT", "CUSTOMERS_BCRYPT_ROUNDS", "CUSTOMERS_SECRET_KEY"):
        assert len(re.findall(rf"  - {name}\b", result.stderr)) == 1, result.stderr
    assert "hunter2" not in result.stderr


def test_a_containers_share_of_processors_bounds_the_workers(tmp_path: Path) -> None:
    quota = tmp_path / "cpu.max"
    assert 1 <= config._processors(quota) <= 999
    for cpu_max, most in (("100000 100000", 1), ("50000 100000", 1), ("max 100000", 999), ("", 999)):
        quota.write_text(cpu_max)
        assert 1 <= config._processors(quota) <= most
