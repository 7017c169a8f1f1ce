"""What the service tells about itself, and where."""

from dataclasses import dataclass

from customers import readers
from customers.environment import setting


@dataclass(frozen=True, kw_only=True)
class Telling:
    """What the service tells about itself, and where."""

    log_level: str = setting(
        "CUSTOMERS_LOG_LEVEL",
        readers.choice("debug", "info", "warning", "error"),
        "info",
        "least severe log line to write",
    )
    log_format: str = setting(
        "CUSTOMERS_LOG_FORMAT",
        readers.choice("auto", "json", "text"),
        "auto",
        "`json`, `text` for people, or `auto`: text on a terminal, else JSON",
    )
    metrics: tuple[str, int] | None = setting(
        "CUSTOMERS_METRICS",
        readers.address,
        None,
        "address that serves `/metrics` to Prometheus, as `host:port`; `off`: none",
        "`127.0.0.1`, `PORT` + 1464: 9464 beside 8000",
    )
