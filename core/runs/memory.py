"""The memory that a run can still take, by what the machine has left and a container's limits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

import psutil

_FILES = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)
"""For both versions of Linux's control groups: the files of the limit and of the use, and the line
of `memory.stat` with the part of the use that the system takes back when memory is short."""
_MACHINE = Path("/")
"""The folder with `proc` and `sys`."""


def available() -> int:
    """Return the bytes of memory that this process can still take."""
    return min((int(psutil.virtual_memory().available), *_left_by_limits()))


def _left_by_limits() -> Iterator[int]:
    """Yield the bytes that each limit on this process leaves, those of groups above it too."""
    for group in _groups():
        for limit, used, cached in _FILES:
            with suppress(OSError, ValueError, KeyError):  # no such file, or no limit: `max`
                most, held = (int((group / name).read_text()) for name in (limit, used))
                stat = (group / "memory.stat").read_text().splitlines()
                reclaimable = dict(line.split() for line in stat)[cached]
                yield max(0, most - max(0, held - int(reclaimable)))


def _groups() -> Iterator[Path]:
    """Yield the folders of this process's control groups that count memory, and of all above them.

    In a container, its own group may be mounted in the place of the root, under any name.
    """
    mounted = _MACHINE / "sys/fs/cgroup"
    with suppress(OSError):
        for line in (_MACHINE / "proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers and "memory" not in controllers.split(","):
                continue
            root = mounted / "memory" if controllers else mounted
            inside = PurePosixPath(path.lstrip("/"))
            for above in (inside, *inside.parents):
                yield root / above
