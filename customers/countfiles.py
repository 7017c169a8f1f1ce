"""Where gunicorn's workers count: files in memory, which outlive a worker that is killed.

prometheus-client keeps them (its multi-process mode). Here is where they lie, and who counts into which.
"""

import atexit
import fcntl
import functools
import itertools
import os
import shutil
import tempfile
from collections.abc import Collection
from pathlib import Path

from prometheus_client import values
from prometheus_client.multiprocess import mark_process_dead

_PREFIX = "customers-metrics-"
# The kinds of files that prometheus-client keeps for a process, and the size it gives a new one.
_KINDS, _SIZE = ("counter", "histogram", "gauge_livesum"), 1 << 16


class CountFiles:
    """The files of one gunicorn: a set for each place of a worker, whose next worker goes on counting in them."""

    def __init__(self, base: Path) -> None:
        """Make the directory, in ``base``, and have prometheus-client use it; it goes when this process ends."""
        self.directory, self._lock = _private_directory(base)
        self._owner = os.getpid()
        self._place = "master"
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(self.directory)
        # By itself it would name files after process ids, and every replaced worker would leave its own for good.
        values.ValueClass = values.MultiProcessValue(lambda: self._place)
        atexit.register(self._remove)

    def reserve(self, taken: Collection[str]) -> str:
        """Return a place for a new worker, the first that is not taken."""
        place = next(place for place in map(str, itertools.count(1)) if place not in taken)
        self.release(place)
        for kind in _KINDS:
            path = self.directory / f"{kind}_{place}.db"
            if not path.exists():
                # Under another name until it is whole: a scrape stumbles over an empty file.
                new = path.with_suffix(".new")
                with new.open("wb") as file:
                    file.truncate(_SIZE)
                new.rename(path)
        return place

    def adopt(self, place: str) -> None:
        """Count there from now on; for a process that was just forked."""
        self._place = place

    def release(self, place: str) -> None:
        """Forget what the place's last worker held at the moment; what it counted stays."""
        mark_process_dead(place, str(self.directory))

    def _remove(self) -> None:
        if os.getpid() == self._owner:  # a worker, too, comes here at its end
            shutil.rmtree(self.directory, ignore_errors=True)


@functools.cache
def shared() -> CountFiles:
    """Return this gunicorn's files. It reads its settings again on SIGHUP, and they stay.

    In memory where that is to be had: the kernel would write files elsewhere to the disk again and again.
    """
    memory = Path("/dev/shm")  # noqa: S108  # a directory of its own is made there, which nobody else can enter
    return CountFiles(memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir()))


def _private_directory(base: Path) -> tuple[Path, int]:
    """Return a new directory and a descriptor that locks it; remove those that a killed gunicorn has left.

    The lock is held by this process and its workers, until the last of them ends.
    """
    for old in base.glob(f"{_PREFIX}*"):
        descriptor = _lock(old)
        if descriptor is not None:
            shutil.rmtree(old, ignore_errors=True)
            os.close(descriptor)
    while True:
        made = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base))
        descriptor = _lock(made)
        if descriptor is not None and made.exists():  # another that starts now may have taken it for an old one
            return made, descriptor


def _lock(directory: Path) -> int | None:
    """Return a descriptor that locks a directory, or None if somebody else does, or it is somebody else's."""
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
