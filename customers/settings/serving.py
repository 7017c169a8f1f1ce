"""How requests are served, and for whom."""

from dataclasses import dataclass

from customers import readers
from customers.environment import setting
from customers.processors import processors


@dataclass(frozen=True, kw_only=True)
class Serving:
    """How requests are served, and for whom."""

    host: str = setting("HOST", readers.text, "127.0.0.1", "address to listen on")
    port: int = setting("PORT", readers.whole(1, 65535), 8000, "port to listen on")
    workers: int = setting(
        "CUSTOMERS_WORKERS", readers.whole(1, 256), processors(), "worker processes", "the number of processors"
    )
    threads: int = setting(
        "CUSTOMERS_THREADS", readers.whole(1, 1024), 64, "threads of a worker, each serving one request"
    )
    max_requests: int = setting(
        "CUSTOMERS_MAX_REQUESTS",
        readers.whole(0, 10**9),
        50_000,
        "a worker is replaced after so many requests, up to a tenth more; 0: never",
    )
    request_timeout: float = setting(
        "CUSTOMERS_REQUEST_TIMEOUT",
        readers.seconds,
        30.0,
        "a request that takes longer, from its first byte to the last of its answer, is cut off",
        "30",
    )
    trusted_origins: frozenset[str] = setting(
        "CUSTOMERS_TRUSTED_ORIGINS",
        readers.origins,
        frozenset(),
        "other origins whose pages may call, separated by commas",
        "none",
    )
    trusted_proxies: int = setting(
        "CUSTOMERS_TRUSTED_PROXIES",
        readers.whole(0, 16),
        0,
        "proxies in front whose `X-Forwarded-For` is believed; 0: the peer's address is the client's",
    )
    max_body: int = setting("CUSTOMERS_MAX_BODY", readers.whole(1024, 2**30), 2**20, "largest request body; then 413")
    pages: bool = setting(
        "CUSTOMERS_PAGES", readers.flag, True, "`false`: no pages for the shop's staff below `/admin`", "true"
    )
