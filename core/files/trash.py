"""Trash folders: what is deleted can be restored for 30 days.

.trash/TIME-NAME    a deleted file or folder, with the moment of its deletion in ns since 1970
"""

from __future__ import annotations

import re
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

TRASH = ".trash"
TRASH_SECONDS = 30 * 24 * 3600.0
"""Seconds for which the trash keeps deleted schedules and runs."""
_NAME = re.compile(r"(\d{1,20})-(.+)")


@dataclass(frozen=True, slots=True)
class TrashEntry:
    """A file or folder in the trash: its former name, its path now, when it was deleted (ns)."""

    name: str
    path: Path
    moment: int


def new_entry(root: Path, name: str) -> TrashEntry:
    """Return the entry that something deleted from `root` now gets; the caller moves it there."""
    moment = time.time_ns()
    return TrashEntry(name, root / TRASH / f"{moment}-{name}", moment)


def entries(root: Path) -> list[TrashEntry]:
    """Return what is in the trash, the one deleted last first; all else is passed over."""
    found = []
    with suppress(OSError):
        for path in (root / TRASH).iterdir():
            if name := _NAME.fullmatch(path.name):
                found.append(TrashEntry(name[2], path, int(name[1])))
    return sorted(found, key=lambda each: each.moment, reverse=True)


def expired(root: Path) -> list[TrashEntry]:
    """Return what was deleted more than 30 days ago."""
    oldest = time.time_ns() - TRASH_SECONDS * 1e9
    return [each for each in entries(root) if each.moment < oldest]
