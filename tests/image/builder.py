"""Builds the image without an engine: buildah, on a base that debootstrap makes of the machine's Debian and mirror."""

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
VARIABLES = {**os.environ, "BUILDAH_ISOLATION": "chroot"}


def run(*command: str | Path) -> str:
    """Run a command and return what it wrote; say all it said if it fails."""
    done = subprocess.run(command, env=VARIABLES, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout[-5000:]}\n{done.stderr[-5000:]}"
    return done.stdout.strip()


def buildah(*arguments: str | Path) -> str:
    """Run buildah on a store of its own. Files are copied (vfs): that works in a container, too."""
    return run("buildah", "--root", STORE / "root", "--runroot", STORE / "run", "--storage-driver", "vfs", *arguments)


def make_base() -> None:
    """Make the base, unless it is there: the smallest Debian with Python, from the mirror of the machine."""
    if buildah("images", "--quiet", "--filter", f"reference={BASE}"):
        return
    (codename,) = re.findall(r"^VERSION_CODENAME=(\w+)$", Path("/etc/os-release").read_text(), re.MULTILINE)
    sources = run("apt-get", "indextargets", "--format", "$(CODENAME)/$(COMPONENT) $(REPO_URI)", "Created-By: Packages")
    mirror = dict(reversed([line.split() for line in sources.splitlines()]))[f"{codename}/main"]
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


def build() -> str:
    """Build the image by the repository's Dockerfile, and return its id."""
    buildah("rm", "--all")  # of a run that was broken off
    make_base()
    values = read_pip_configuration()
    # Gone afterwards, and meanwhile for root alone: there may be a password in it.
    with tempfile.NamedTemporaryFile("w") as configuration:
        lines = (f"{key} = " + value.replace("\n", "\n    ") for key, value in values.items())
        configuration.write("\n".join(["[global]", *lines, ""]))
        configuration.flush()
        # What is mounted is there during the build, and not in what it makes.
        lent = [f"{configuration.name}:/etc/pip.conf:ro", *(f"{path}:{path}:ro" for path in find_paths(values))]
        volumes = [argument for volume in lent for argument in ("--volume", volume)]
        made = buildah(
            "bud", "--quiet", "--pull-never", "--format", "docker", "--build-arg", f"BASE={BASE}", "--tag", IMAGE,
            *volumes, REPOSITORY,
        )  # fmt: skip
    buildah("rmi", "--prune")  # the image of the last run, which has no name any more
    return made


def read_pip_configuration() -> dict[str, str]:
    """Return pip's settings on this machine, those of the environment last, by their names."""
    listed = run(sys.executable, "-m", "pip", "config", "list").splitlines()
    values = {}
    # `global.index-url='…'`, `:env:.index-url='…'`
    for line in sorted(listed, key=lambda line: line.startswith(":env:")):
        name, _, value = line.partition("=")
        values[name.rpartition(".")[2]] = str(ast.literal_eval(value))
    return values


def find_paths(values: dict[str, str]) -> set[Path]:
    """Return the files and folders that settings of pip name; of an index in a folder also what lies beside it."""
    words = " ".join(values.values()).split()
    paths = {Path(urlsplit(word).path).parent for word in words if word.startswith("file:")}
    paths |= {Path(word) for word in words if word.startswith("/")}
    return {path for path in paths if path.exists() and path != Path("/")}
