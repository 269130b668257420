"""Thaw's home folder, and whether this is the hosted demo."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from core.errors import InputError, quoted

HOME = "THAW_HOME"
DEMO = "THAW_DEMO"
CODE = Path(__file__).parents[2]
"""The folder that holds `core`, in which helpers are started."""
_OFF = ("", "0", "false", "no", "off")


def home() -> Path:
    """Return the absolute path, without links, of Thaw's home: $THAW_HOME, or `~/.thaw`.

    It holds the library and, outside of the demo, runs and data. Raises InputError, naming
    THAW_HOME, if the path begins with the home folder of an unknown user.
    """
    named = os.environ.get(HOME) or "~/.thaw"
    try:
        return Path(os.path.realpath(Path(named).expanduser()))
    except RuntimeError:
        wrong = f"is {quoted(named)}, but there is no such home folder"
        raise InputError(HOME, wrong, "set it to a folder's whole path") from None


def data_root() -> Path:
    """Return the folder of runs and uploaded data: Thaw's home, or in the hosted demo `demo` in it.

    The demo deletes what it finds in its folder; a person's own runs lie outside of it. Raises
    InputError, naming THAW_HOME, if the path begins with the home folder of an unknown user.
    """
    return home() / "demo" if is_demo() else home()


@contextmanager
def locked(folder: Path, file: str = ".lock") -> Iterator[None]:
    """Lock a folder in Thaw's home against changes by others; make the folder if need be.

    Turns an OSError within the context into an InputError that names THAW_HOME.
    """
    with _existing(folder), FileLock(folder / file):
        yield


@contextmanager
def try_locked(folder: Path, file: str) -> Iterator[bool]:
    """Lock a folder like `locked`, but give False at once if somebody else has locked it."""
    with _existing(folder), ExitStack() as held:
        try:
            held.enter_context(FileLock(folder / file, timeout=0))
            free = True
        except Timeout:
            free = False
        yield free


@contextmanager
def _existing(folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        wrong = f"is {str(folder.parent)!r}, where {folder.name} cannot be written"
        reason = error.strerror or error
        way_out = "free some space there, or set it to a folder that you may write to"
        raise InputError(HOME, f"{wrong} ({reason})", way_out) from error


def is_demo() -> bool:
    """Return whether this is the hosted demo, whose visitors share one machine.

    It is if $THAW_DEMO is set to anything but 0, false, no, off, or nothing.
    """
    return os.environ.get(DEMO, "").strip().lower() not in _OFF
