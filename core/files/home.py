"""Where Thaw keeps what is a person's own, and whether it runs as the hosted demo, without any."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import InputError, shown
from core.files.lock import alone, alone_if_free

HOME = "THAW_HOME"
DEMO = "THAW_DEMO"


def home() -> Path:
    """The folder of runs, of uploaded data and of the library: $THAW_HOME, or `~/.thaw`.

    Its whole path, without links, wherever this process was started. Raises InputError, naming
    THAW_HOME, if that begins with a home folder that there is not.
    """
    named = os.environ.get(HOME) or "~/.thaw"
    try:
        return Path(os.path.realpath(Path(named).expanduser()))
    except RuntimeError:
        wrong = f"is {shown(named)}, and there is no such home folder"
        raise InputError(HOME, wrong, "set it to a folder's whole path") from None


@contextmanager
def alone_in(folder: Path, lock: str = ".lock") -> Iterator[None]:
    """A context in which nobody else changes a folder in Thaw's home, which is made if need be.

    What the disk refuses in it is an InputError that names THAW_HOME.
    """
    with _made(folder), alone(folder / lock):
        yield


@contextmanager
def alone_if_free_in(folder: Path, lock: str = ".lock") -> Iterator[bool]:
    """As `alone_in`, but nobody waits: false where somebody else changes the folder."""
    with _made(folder), alone_if_free(folder / lock) as free:
        yield free


@contextmanager
def _made(folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        wrong = f"is {str(folder.parent)!r}, where {folder.name} cannot be written"
        reason = error.strerror or error
        way_out = "make room there, or set it to a folder that you may write to"
        raise InputError(HOME, f"{wrong} ({reason})", way_out) from error


def is_demo() -> bool:
    """Whether this is the hosted demo, whose visitors share one machine."""
    return bool(os.environ.get(DEMO))
