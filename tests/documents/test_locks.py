"""The locks name every package, with every extra that another locked package asks for.

A lock with `coverage==…` where pytest-cov requires `coverage[toml]` installs only while that version is the newest.
After that pip takes `coverage[toml]` for another requirement, without a pin. `uv` drops extras unless told not to.
"""

from collections.abc import Callable
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import REPOSITORY

LOCKS = ("requirements.txt", "dev/requirements-run.txt", "dev/requirements-test.txt")


def locked(path: Path) -> dict[str, Requirement]:
    """Return the requirements of a lock that apply to this Python, by normalized name."""
    lines = [line.split(" \\")[0] for line in path.read_text().splitlines() if line[:1].isalnum()]
    requirements = [Requirement(line) for line in lines]
    return {canonicalize_name(each.name): each for each in requirements if not each.marker or each.marker.evaluate()}


def assert_complete(path: Path, requires: Callable[[str], list[str] | None]) -> None:
    """Assert that a lock holds whatever its packages require, as the metadata of the installed packages tell."""
    lock = locked(path)
    for package, pin in lock.items():
        assert str(pin.specifier).startswith("=="), f"{package} is not pinned"
        for line in requires(package) or ():
            needed = Requirement(line)
            if needed.marker and not any(needed.marker.evaluate({"extra": extra}) for extra in ("", *pin.extras)):
                continue
            found = lock.get(canonicalize_name(needed.name))
            assert found, f"{path.name}: {package} requires {needed}, which is not locked"
            assert needed.extras <= found.extras, f"{path.name}: {package} requires {needed}, locked is {found}"
            assert needed.specifier.contains(str(found.specifier).removeprefix("=="), prereleases=True)


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_and_extra_that_a_locked_package_requires_is_locked(name: str) -> None:
    assert "flask" in locked(REPOSITORY / name)
    assert_complete(REPOSITORY / name, requires)


def test_the_locks_agree_on_every_version() -> None:
    production, run, test = (locked(REPOSITORY / name) for name in LOCKS)
    for small, large in ((production, run), (run, test)):
        assert {name: str(pin) for name, pin in small.items()}.items() <= {
            name: str(pin) for name, pin in large.items()
        }.items()
