"""A helper's process ends with the one that started it, also when that is killed.

The helper's standard input is a pipe whose other end only the starter has open: the system closes
it, however the starter ends.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

LEASHED = "--leashed"
"""The flag of the command line that makes it call `end_with_input`."""


@contextmanager
def leash() -> Iterator[int]:
    """A descriptor to be a helper's standard input: it ends when the context is left."""
    ends = os.pipe()  # which no other process inherits
    try:
        yield ends[0]
    finally:
        for end in ends:
            os.close(end)


def end_with_input() -> None:
    """From now on, end this process at once when its standard input ends."""
    threading.Thread(target=_watch, name="leash", daemon=True).start()


def read_line() -> bytes | None:
    """Return the next line of standard input without its end, or None if input ends before that.

    It reads past `sys.stdin`, which a thread that still waits would keep from being closed.
    """
    line = b""
    while not line.endswith(b"\n"):
        read = os.read(0, 1)
        if not read:
            return None
        line += read
    return line[:-1]


def _watch() -> None:
    while os.read(0, 1024):
        pass
    os._exit(0)
