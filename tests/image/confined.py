"""A container without an engine: namespaces of its own, the image's root read-only, and its user without privileges."""

import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil

from tests.support.service import Service


@dataclass
class Container:
    """What is run from an image: its root, and its configuration as Docker has it."""

    root: Path
    configuration: dict[str, Any]
    lent: Path  # a file of the machine, to be seen in /mnt
    settings: dict[str, str]

    def command(self, *words: str, **settings: str) -> list[str | Path]:
        """Return what runs a command, or the image's own, in a container."""
        variables = dict(variable.split("=", 1) for variable in self.configuration["Env"])
        variables |= self.settings | settings
        return [
            "unshare", "--mount", "--pid", "--fork", "--kill-child",
            "bash", Path(__file__).parent / "enter.sh", self.root, self.lent,
            self.configuration["User"], self.configuration["WorkingDir"],
            *(f"{name}={value}" for name, value in variables.items()),
            *(words or self.configuration["Cmd"]),
        ]  # fmt: skip

    def run(self, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        options: dict[str, Any] = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": 120}
        return subprocess.run(self.command(*words, **settings), check=False, **options)


class Contained(Service):
    """The service as its image runs it."""

    def __init__(self, container: Container, log: Path) -> None:
        # The network is the machine's; an image listens on all addresses of its own.
        self.container = replace(container, settings={**container.settings, "HOST": "127.0.0.1"})
        super().__init__(log, **container.settings)

    def command(self) -> list[str | Path]:
        return self.container.command(PORT=str(self.port))

    def first(self) -> psutil.Process:
        """Return the container's process 1."""
        (first,) = psutil.Process(self.process.pid).children()
        return first

    def stop(self) -> int:
        """End process 1 gracefully, as an engine does, and return its exit status."""
        self.first().terminate()
        return self.process.wait(timeout=60)
