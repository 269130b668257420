"""A lock between processes and threads, which the system takes back from whoever dies with it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_ASKS_EVERY = 0.05
"""Seconds between two tries on Windows, whose own way to wait gives up after ten."""


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """A context that one thread of one process at a time is in; the others wait for it.

    The file at `path` stays, since removing it would give two waiting ones two files to lock.
    Raises OSError if it cannot be made.
    """
    with path.open("ab") as file:
        if sys.platform == "win32":
            while not _lock(file):
                time.sleep(_ASKS_EVERY)
        else:
            fcntl.flock(file, fcntl.LOCK_EX)  # until the file is closed
        yield


@contextmanager
def alone_if_free(path: Path) -> Iterator[bool]:
    """As `alone`, but nobody waits: false where another is in such a context."""
    with path.open("ab") as file:
        yield _lock(file)


def _lock(file: BinaryIO) -> bool:
    """Lock an open file until it is closed; false where another has locked it."""
    try:
        if sys.platform == "win32":
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # the latter on Windows
        return False
    return True
