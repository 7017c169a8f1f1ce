"""The settings of mail."""

import pytest

from customers import config
from customers.config import ConfigurationError

MAIL = {
    "CUSTOMERS_SMTP_URL": "smtps://user:tell-nobody@mail.example:465",
    "CUSTOMERS_MAIL_FROM": "The Shop <no-reply@shop.example>",
    "CUSTOMERS_RESET_URL": "https://shop.example/reset#{token}",
}


def test_the_settings_of_mail_are_read_and_the_password_is_not_shown() -> None:
    settings = config.load(MAIL)

    assert settings.smtp_url == MAIL["CUSTOMERS_SMTP_URL"]
    assert settings.mail_from == MAIL["CUSTOMERS_MAIL_FROM"]
    assert settings.reset_url == MAIL["CUSTOMERS_RESET_URL"]
    assert "tell-nobody" not in repr(settings)


@pytest.mark.parametrize("missing", ["CUSTOMERS_MAIL_FROM", "CUSTOMERS_RESET_URL"])
def test_a_mail_server_needs_a_sender_and_a_page(missing: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{missing} is needed with CUSTOMERS_SMTP_URL"):
        config.load({name: value for name, value in MAIL.items() if name != missing})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CUSTOMERS_SMTP_URL", "mail.example"),
        ("CUSTOMERS_SMTP_URL", "http://mail.example"),
        ("CUSTOMERS_SMTP_URL", "smtp://"),
        ("CUSTOMERS_SMTP_URL", "smtp://user:tell-nobody@mail.example:port"),
        ("CUSTOMERS_MAIL_FROM", "nobody"),
        ("CUSTOMERS_MAIL_FROM", "a@b.co\nBcc: c@d.ef"),
        ("CUSTOMERS_RESET_URL", "https://shop.example/reset"),
        ("CUSTOMERS_RESET_URL", "/reset?token={token}"),
        ("CUSTOMERS_SMTP_TIMEOUT", "0"),
        ("CUSTOMERS_MAIL_SENDER", "maybe"),
    ],
)
def test_a_wrong_value_is_a_fault_that_repeats_no_password(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        config.load({**MAIL, name: value})

    assert [fault.split()[0] for fault in caught.value.faults] == [name]
    assert "tell-nobody" not in caught.value.message
