"""How many processors there are for this process."""

import os
from pathlib import Path


def processors(cpu_max: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """Return how many processors this process may use: those it may run on, or fewer where a container has a share.

    ``cpu_max`` is where Linux says so (cgroup v2): a quota of microseconds, or ``max``, and the period it is for.
    """
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = cpu_max.read_text().split()
        return max(1, min(count, int(quota) // int(period)))
    except (OSError, ValueError):
        return count
