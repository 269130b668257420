"""The effect of Ctrl-C: to end the process, or to interrupt a command."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from core.errors import STOPPED


def at_ctrl_c(handler: Callable[..., object]) -> None:
    """Set the handler, unless the process was started to ignore Ctrl-C, as by a script's `&`."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, handler)


def end(*_: object) -> None:
    """End the process without an exception, since an import could catch it."""
    os._exit(STOPPED)
