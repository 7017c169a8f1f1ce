"""Cookies, sessions and password reset tokens: what keeps people signed in, and for how long."""

from dataclasses import dataclass

from customers import readers
from customers.environment import setting


@dataclass(frozen=True, kw_only=True)
class Access:
    """Cookies, sessions and password reset tokens: what keeps people signed in, and for how long."""

    secret_key: str = setting(
        "CUSTOMERS_SECRET_KEY",
        readers.secret_key,
        "",
        "signs the cookie; at least 32 bytes; needed with `CUSTOMERS_DATABASE_URL`",
        "made and kept in the data directory",
    )
    former_secret_keys: tuple[str, ...] = setting(
        "CUSTOMERS_FORMER_SECRET_KEYS",
        readers.secret_keys,
        (),
        "keys that still verify cookies, separated by commas, while the key is being changed",
        "none",
    )
    cookie_name: str | None = setting(
        "CUSTOMERS_COOKIE_NAME",
        readers.cookie_name,
        None,
        "the cookie's name",
        "`__Host-customers`, or `customers` over plain HTTP",
    )
    cookie_secure: bool | None = setting(
        "CUSTOMERS_COOKIE_SECURE",
        readers.flag,
        None,
        "`false` lets the cookie travel over plain HTTP, for development",
        "`true` with `CUSTOMERS_DATABASE_URL`",
    )
    customer_idle: int = setting(
        "CUSTOMERS_CUSTOMER_IDLE",
        readers.whole(60, 10**9),
        24 * 3600,
        "a customer's session ends when unused for so long",
    )
    customer_lifetime: int = setting(
        "CUSTOMERS_CUSTOMER_LIFETIME",
        readers.whole(60, 10**9),
        30 * 24 * 3600,
        "a customer's session lasts so long in all",
    )
    admin_idle: int = setting(
        "CUSTOMERS_ADMIN_IDLE", readers.whole(60, 10**9), 3600, "an admin's session ends when unused for so long"
    )
    admin_lifetime: int = setting(
        "CUSTOMERS_ADMIN_LIFETIME", readers.whole(60, 10**9), 12 * 3600, "an admin's session lasts so long in all"
    )
    recent_login: int = setting(
        "CUSTOMERS_RECENT_LOGIN", readers.whole(1, 10**9), 900, "how old a login may be for sensitive changes"
    )
    reset_lifetime: int = setting(
        "CUSTOMERS_RESET_LIFETIME", readers.whole(60, 10**6), 3600, "a password reset token lasts so long"
    )
