"""What a Ctrl-C does: end the process, or interrupt a command."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from core.errors import STOPPED


def at_ctrl_c(handler: Callable[..., object]) -> None:
    """Set the handler, unless the process was started to ignore Ctrl-C, as a script's `&` does."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, handler)


def end(*_: object) -> None:
    """End without an exception, which an import may turn into another, or print and go on."""
    os._exit(STOPPED)
