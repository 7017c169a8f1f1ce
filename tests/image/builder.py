"""Builds the image without an engine, by buildah, on a base that debootstrap makes of the machine's own Debian.

Nothing of the machine is baked in: the mirror and pip's configuration are found when it runs, and are only lent to the
build.
"""

import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.conftest import REPOSITORY

STORE = REPOSITORY / "build" / "image"
BASE = "localhost/customers-base"
IMAGE = "localhost/customers"


def run(*command: str | Path) -> str:
    """Run a command and return what it wrote; say all it said if it fails."""
    done = subprocess.run(
        command,
        env={**os.environ, "BUILDAH_ISOLATION": "chroot"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-5000:]}\n{done.stderr[-5000:]}"
    return done.stdout


def buildah(*arguments: str | Path) -> str:
    """Run buildah on a store of its own. Files are copied (vfs): that works in a container, too."""
    return run(
        "buildah", "--root", STORE / "root", "--runroot", STORE / "run", "--storage-driver", "vfs", *arguments
    ).strip()


def make_base() -> None:
    """Make the base, unless it is there: the smallest Debian with Python."""
    if buildah("images", "--quiet", "--filter", f"reference={BASE}"):
        return
    codename, mirror = find_mirror()
    container = buildah("from", "scratch")
    root = Path(buildah("mount", container))
    packages = "python3,python3-venv,ca-certificates"
    run("debootstrap", "--variant=minbase", f"--include={packages}", codename, root, mirror)
    for cache in ("var/cache/apt/archives", "var/lib/apt/lists"):
        shutil.rmtree(root / cache)
    (root / "etc" / "apt" / "sources.list").unlink()
    buildah("commit", "--rm", container, BASE)


@contextmanager
def unpacked(image: str) -> Iterator[Path]:
    """Have the root of an image as a folder, for as long as it is looked into."""
    container = buildah("from", "--pull-never", image)
    yield Path(buildah("mount", container))
    buildah("rm", container)


def find_mirror() -> tuple[str, str]:
    """Return the code name of the machine's Debian and where its packages come from."""
    told = Path("/etc/os-release").read_text()
    found = re.search(r"^VERSION_CODENAME=(\w+)$", told, re.MULTILINE)
    assert found, "/etc/os-release names the release"
    codename = found[1]
    targets = run("apt-get", "indextargets", "--format", "$(CODENAME) $(COMPONENT) $(REPO_URI)", "Created-By: Packages")
    for line in targets.splitlines():
        release, component, uri = line.split()
        if (release, component) == (codename, "main"):
            return codename, uri
    raise AssertionError(f"apt knows no source of {codename}")


def build() -> str:
    """Build the image by the repository's Dockerfile, and return its id."""
    buildah("rm", "--all")  # of a run that was broken off
    make_base()
    values = read_pip_configuration()
    # Gone afterwards, and meanwhile for root alone: there may be a password in it.
    with tempfile.NamedTemporaryFile("w") as configuration:
        configuration.write(write_pip_configuration(values))
        configuration.flush()
        # What is mounted is there during the build, and not in what it makes.
        volumes = [f"{configuration.name}:/etc/pip.conf:ro", *(f"{path}:{path}:ro" for path in find_paths(values))]
        made = buildah(
            "bud", "--quiet", "--pull-never", "--format", "docker", "--build-arg", f"BASE={BASE}", "--tag", IMAGE,
            *(argument for volume in volumes for argument in ("--volume", volume)), REPOSITORY,
        )  # fmt: skip
    buildah("rmi", "--prune")  # the image of the last run, which has no name any more
    return made


def read_pip_configuration() -> dict[str, str]:
    """Return pip's settings on this machine, those of the environment included, by their names."""
    values = {}
    for line in run(sys.executable, "-m", "pip", "config", "list").splitlines():
        name, _, value = line.partition("=")
        # `global.index-url`, `:env:.index-url`, `install.find-links`; the environment's win.
        section, _, key = name.rpartition(".")
        if section in ("global", "install", ":env:") and (section == ":env:" or key not in values):
            values[key] = str(ast.literal_eval(value))
    return values


def write_pip_configuration(values: dict[str, str]) -> str:
    """Return a `pip.conf` that holds settings."""
    lines = (f"{key} = " + value.replace("\n", "\n    ") for key, value in values.items())
    return "\n".join(["[global]", *lines, ""])


def find_paths(values: dict[str, str]) -> set[Path]:
    """Return the files and folders that settings of pip name; of an index in a folder also what lies beside it."""
    paths = set()
    for word in " ".join(values.values()).split():
        if word.startswith("file:"):
            paths.add(Path(urlsplit(word).path).parent)  # the files are often beside `simple`
        elif word.startswith("/"):
            paths.add(Path(word))
    return {path for path in paths if path.exists() and path != Path("/")}
