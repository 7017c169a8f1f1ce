"""The locks name every package, with every extra that another locked package asks for.

`coverage==…` where pytest-cov requires `coverage[toml]` installs only while that version is the newest: then pip takes
`coverage[toml]` for another requirement, without a pin. `uv` drops extras unless told not to.
"""

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


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_and_extra_that_a_locked_package_requires_is_locked(name: str) -> None:
    lock = locked(REPOSITORY / name)
    assert "flask" in lock
    for package, pin in lock.items():
        assert str(pin.specifier).startswith("=="), f"{package} is not pinned"
        for needed in map(Requirement, requires(package) or ()):  # as the metadata of the installed package tell
            if needed.marker and not any(needed.marker.evaluate({"extra": extra}) for extra in ("", *pin.extras)):
                continue
            found = lock.get(canonicalize_name(needed.name))
            assert found, f"{package} requires {needed}, which is not locked"
            assert needed.extras <= found.extras, f"{package} requires {needed}, locked is {found}"
            assert needed.specifier.contains(str(found.specifier).removeprefix("=="), prereleases=True)


def test_the_locks_agree_on_every_version() -> None:
    production, run, test = ({(name, str(pin)) for name, pin in locked(REPOSITORY / name).items()} for name in LOCKS)

    assert production <= run <= test
