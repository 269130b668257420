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
CODE = Path(__file__).parents[2]
"""The folder that holds `core`, in which helpers are started."""
_OFF = ("", "0", "false", "no", "off")


def home() -> Path:
    """Thaw's folder, with the library and what `place` keeps: $THAW_HOME, or `~/.thaw`.

    Its whole path, without links, wherever this process was started. Raises InputError, naming
    THAW_HOME, if that begins with a home folder that there is not.
    """
    named = os.environ.get(HOME) or "~/.thaw"
    try:
        return Path(os.path.realpath(Path(named).expanduser()))
    except RuntimeError:
        wrong = f"is {shown(named)}, but there is no such home folder"
        raise InputError(HOME, wrong, "set it to a folder's whole path") from None


def place() -> Path:
    """The folder of runs and of uploaded data: Thaw's home; in the hosted demo, `demo` in it.

    What strangers leave is deleted there, and on a machine where someone tries the demo, what is
    their own lies beside it. Raises what `home` raises.
    """
    return home() / "demo" if is_demo() else home()


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
        way_out = "free some space there, or set it to a folder that you may write to"
        raise InputError(HOME, f"{wrong} ({reason})", way_out) from error


def is_demo() -> bool:
    """Return whether this is the hosted demo, whose visitors share one machine.

    That is where $THAW_DEMO is set to anything but 0, false, no, off, or nothing.
    """
    return os.environ.get(DEMO, "").strip().lower() not in _OFF
