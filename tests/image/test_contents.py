"""What is in the image: the service and its locked packages, nothing of the build, nothing that the user may change."""

import os
import re
import stat
from pathlib import Path
from typing import Any

from tests.conftest import REPOSITORY
from tests.image import builder
from tests.image.confined import Container

SHIPPED = ("app.py", "wsgi.py", "gunicorn.conf.py", "schema.sql", "customers")


def walk(root: Path, *folders: str) -> list[Path]:
    """Return all files and folders within folders of a root, these included."""
    return [path for folder in folders for path in [root / folder, *(root / folder).rglob("*")]]


def test_the_code_is_what_the_repository_tracks_and_its_bytecode(root: Path) -> None:
    listed = ("git", "-C", REPOSITORY, "ls-files", "--cached", "--others", "--exclude-standard", "--", *SHIPPED)
    tracked = set(builder.run(*listed).splitlines())

    found = {str(path.relative_to(root / "app")) for path in walk(root, "app") if path.is_file()}

    assert {name for name in found if not name.endswith(".pyc")} == tracked
    compiled = {re.sub(r"__pycache__/(.*)\.cpython-\d+\.pyc$", r"\1.py", name) for name in found if name.endswith("c")}
    assert compiled == {name for name in tracked if name.endswith(".py")}
    for name in tracked:
        assert (root / "app" / name).read_bytes() == (REPOSITORY / name).read_bytes()


def test_the_packages_are_the_locked_ones_of_production(root: Path, container: Container) -> None:
    def normal(name: str) -> str:
        return re.sub("[-_.]+", "-", name).lower()

    lock = (REPOSITORY / "requirements.txt").read_text()
    locked = {(normal(name), at) for name, at in re.findall(r"^([\w.-]+)(?:\[\S+\])?==(\S+)", lock, re.MULTILINE)}
    folders = [path.name.removesuffix(".dist-info") for path in root.glob("venv/lib/python*/site-packages/*.dist-info")]
    installed = {(normal(name), at) for name, at in (folder.rsplit("-", 1) for folder in folders)}
    tools = container.run(
        "sh", "-c", "for tool in pip pip3 uv gcc cc c++ clang make git curl wget; do command -v $tool; done"
    )

    assert {"flask", "gunicorn", "psycopg", "sqlalchemy"} <= {name for name, _ in installed}
    assert installed <= locked
    assert tools.stdout == "", "there is an installer or a compiler"


def test_the_service_can_read_what_is_its_own_and_change_none_of_it(root: Path) -> None:
    for path in walk(root, "app", "venv"):
        found = path.lstat()
        assert (found.st_uid, found.st_gid) == (0, 0), path
        if not path.is_symlink():
            assert not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH | stat.S_ISUID | stat.S_ISGID), path
            needed = stat.S_IROTH | (stat.S_IXOTH if path.is_dir() else 0)
            assert found.st_mode & needed == needed, path


def test_nothing_of_the_build_is_left(root: Path, image: dict[str, Any]) -> None:
    with builder.unpacked(builder.BASE) as base:
        added = {path.name for path in root.iterdir()} - {path.name for path in base.iterdir()}
        theirs = walk(root, "etc", "home", "opt", "root", "tmp", "usr", "var")
        more = [path for path in theirs if not os.path.lexists(base / path.relative_to(root))]

    assert (added, more) == ({"app", "venv"}, [])
    assert list(root.glob("venv/lib/python*/site-packages/*.dist-info/direct_url.json")) == []
    # Neither the configuration nor the history names where the packages came from.
    told = str(image["Docker"]) + str(image["OCIv1"])
    for value in builder.read_pip_configuration().values():
        assert len(value) < 8 or value not in told
    assert set(re.findall(r"\w+://[\w.]*", told)) == {"http://127.0.0.1"}  # the health check's
    assert not re.search("pip[_ ]?conf|SECRET|PASSWORD|TOKEN", told)
