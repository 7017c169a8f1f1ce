"""`python -m tests.clients.generators.types`: write the types of the JavaScript client anew."""

import subprocess
from pathlib import Path

from app import create_app
from customers.config import Settings
from tests.conftest import REPOSITORY

HERE = Path(__file__).parent
BIN = HERE / "node_modules" / ".bin"
TYPES = REPOSITORY / "clients" / "openapi.d.ts"


def document() -> str:
    """Return the OpenAPI document; it needs no database."""
    app = create_app(Settings(secret_key="k" * 32, database_url="postgresql:///none"))
    return app.test_client().get("/openapi.json").get_data(as_text=True)


def write(path: Path) -> None:
    """Have openapi-typescript write its types into a file."""
    subprocess.run([BIN / "openapi-typescript", "-o", path], input=document(), text=True, check=True)


if __name__ == "__main__":
    write(TYPES)
