"""What a password costs to hash, and how long that is waited for."""

from dataclasses import dataclass

from customers import readers
from customers.environment import setting


@dataclass(frozen=True, kw_only=True)
class Hashing:
    """What a password costs to hash, and how long that is waited for."""

    bcrypt_rounds: int = setting(
        "CUSTOMERS_BCRYPT_ROUNDS", readers.whole(4, 17), 12, "bcrypt's cost; each step doubles it"
    )
    hash_threads: int | None = setting(
        "CUSTOMERS_HASH_THREADS",
        readers.whole(1, 64),
        None,
        "threads of a worker that hash passwords",
        "processors / workers, at least 1",
    )
    hash_max_wait: float = setting(
        "CUSTOMERS_HASH_MAX_WAIT",
        readers.seconds,
        5.0,
        "a password that would wait longer to be hashed gets a 503",
        "5",
    )
