"""The tour in README.md gives the answers that stand there."""

import re
from collections.abc import Callable
from pathlib import Path

from tests.conftest import REPOSITORY
from tests.support.service import BIN, Service, run
from tests.support.shops import with_schema

README = (REPOSITORY / "README.md").read_text()
TOUR = re.findall(r"<!-- tour -->\n```sh\n(.*?)```\n\n```json\n(.*?)```", README, re.DOTALL)
MARK = "--- next ---"
# What differs from run to run, as it is written in the answers.
VARIES = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


def pattern(written: str) -> str:
    """Return what an answer in the README matches: `\u2026` stands for whatever is left out."""
    masked = VARIES.sub("VARIES", written.strip())
    return "[^\\n]*".join(re.escape(part) for part in masked.split("\u2026"))


def test_every_command_of_the_tour_gives_the_answer_that_stands_below_it(
    serve: Callable[..., Service], make_database: Callable[[], str], tmp_path: Path
) -> None:
    assert len(TOUR) == README.count("<!-- tour -->") == 8
    service = serve(with_schema(make_database()), CUSTOMERS_MAIL_DIRECTORY=str(tmp_path / "mail"))
    script = f"echo '{MARK}'\n".join(commands for commands, _ in TOUR)
    for written, here in {
        "http://127.0.0.1:8000": service.base,
        ".data/mail": f"{tmp_path}/mail",
        ".venv/bin/": f"{BIN}/",
    }.items():
        assert written in script
        script = script.replace(written, here)

    done = run("/usr/bin/env", "bash", "-c", script, **service.settings)

    assert (done.returncode, done.stderr) == (0, "")
    for given, (_, written) in zip(done.stdout.split(MARK), TOUR, strict=True):
        masked = VARIES.sub("VARIES", given.strip())
        assert re.fullmatch(pattern(written), masked), masked
