"""Memory that a run can still take: what the machine has left, or a container's limit if less."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

import psutil

_FILES = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)
"""Of both versions of Linux's control groups: the limit, what is used of it, and which line of
`memory.stat` tells the part of that which is given back when it is wanted."""


def free(machine: Path = Path("/")) -> int:
    """Return bytes that this process can still take; `machine` is where `/proc` and `/sys` lie."""
    return min((int(psutil.virtual_memory().available), *_left(machine)))


def _left(machine: Path) -> Iterator[int]:
    """What each limit leaves that holds for this process; a limit of a group is its children's."""
    for group in _groups(machine):
        for limit, used, cached in _FILES:
            with suppress(OSError, ValueError, KeyError):  # no such file, or no limit: `max`
                most, held = (int((group / name).read_text()) for name in (limit, used))
                stat = (group / "memory.stat").read_text().splitlines()
                given_back = dict(line.split() for line in stat)[cached]
                yield max(0, most - max(0, held - int(given_back)))


def _groups(machine: Path) -> Iterator[Path]:
    """Yield the folders of this process's control groups that count memory, and of all above them.

    A container may see its own group where it sees the root of all, under any name.
    """
    mounted = machine / "sys/fs/cgroup"
    with suppress(OSError):
        for line in (machine / "proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers and "memory" not in controllers.split(","):
                continue
            root = mounted / "memory" if controllers else mounted
            inside = PurePosixPath(path.lstrip("/"))
            for above in (inside, *inside.parents):
                yield root / above
