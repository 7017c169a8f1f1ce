"""`make run`: serve the application with an embedded PostgreSQL, whose data stay in a folder.

    python -m dev.run           HOST, PORT and DATA_DIR (by default .data) may be set

The settings are also written to `.env`, so that `flask` commands in this folder find the same database while it runs.
With CUSTOMERS_DATABASE_URL set, that database is used, and nothing is started beside it.
"""

import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path

import psycopg

from dev import postgres

REPOSITORY = Path(__file__).parent.parent
BIN = Path(sys.executable).parent

# As deploy/role.sql has it for the role of production.
TIMEOUTS = """
    ALTER ROLE CURRENT_USER SET statement_timeout TO '5s';
    ALTER ROLE CURRENT_USER SET idle_in_transaction_session_timeout TO '10s';
"""


def main() -> int:
    """Serve until interrupted; return gunicorn's exit status."""
    environ = dict(os.environ)
    if not environ.get("CUSTOMERS_DATABASE_URL", "").strip():
        try:
            environ |= own_settings(Path(environ.get("DATA_DIR", "").strip() or REPOSITORY / ".data"))
        except (postgres.PostgresUnavailable, OSError) as error:
            print(f"Error: {error}", file=sys.stderr)
            return 1
    subprocess.run([BIN / "flask", "init-db"], cwd=REPOSITORY, env=environ, check=True)
    server = subprocess.Popen([BIN / "gunicorn"], cwd=REPOSITORY, env=environ)
    signal.signal(signal.SIGTERM, lambda *_: server.terminate())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to gunicorn as well
    return server.wait()


def own_settings(folder: Path) -> dict[str, str]:
    """Start the folder's PostgreSQL; return the settings of a development service on it, and write them to `.env`."""
    url = postgres.start(folder)
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(TIMEOUTS)
    mails = folder.resolve() / "mail"
    settings = {
        "CUSTOMERS_DATABASE_URL": url,
        "CUSTOMERS_SECRET_KEY": secret_key(folder),
        "CUSTOMERS_COOKIE_SECURE": "false",
        "CUSTOMERS_MAIL_DIRECTORY": str(mails),
    }
    file = REPOSITORY / ".env"
    file.touch(mode=0o600)
    file.write_text("".join(f'{name}="{value}"\n' for name, value in settings.items()))
    print(f"A PostgreSQL of its own runs in {folder.resolve()}; mails are written to {mails}.", file=sys.stderr)
    return settings


def secret_key(folder: Path) -> str:
    """Return the folder's secret key, made at the first call and readable by its owner alone."""
    path = folder / "secret_key"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(48))
    return path.read_text()


if __name__ == "__main__":
    sys.exit(main())
