"""Where Thaw keeps what is a person's own, and whether it runs as the hosted demo, without any."""

from __future__ import annotations

import os
from pathlib import Path

from core.errors import InputError, shown

HOME = "THAW_HOME"
DEMO = "THAW_DEMO"


def home() -> Path:
    """The folder of runs, of uploaded data and of the library: $THAW_HOME, or `~/.thaw`.

    Raises InputError, naming THAW_HOME, if that begins with a home folder that there is not.
    """
    named = os.environ.get(HOME) or "~/.thaw"
    try:
        return Path(named).expanduser()
    except RuntimeError:
        wrong = f"is {shown(named)}, and there is no such home folder"
        raise InputError(HOME, wrong, "set it to a folder's whole path") from None


def is_demo() -> bool:
    """Whether this is the hosted demo, whose visitors share one machine."""
    return bool(os.environ.get(DEMO))
