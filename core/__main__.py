"""The command line: python -m core COMMAND. Ctrl-C ends it with exit code 130, also early."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from core.errors import STOPPED


def main() -> None:
    """Run the command, which a Ctrl-C interrupts; before and after it, one ends the process."""
    try:
        try:
            _at_ctrl_c(_end)
            from core.command_line import cli  # takes a second, in which there is nothing to lose

            _at_ctrl_c(signal.default_int_handler)
            cli(prog_name="python -m core")
        finally:
            _at_ctrl_c(_end)
    except KeyboardInterrupt:  # between two lines of these
        raise SystemExit(STOPPED) from None


def _at_ctrl_c(handler: Callable[..., object]) -> None:
    """Set the handler, unless the process was started to ignore Ctrl-C, as a script's `&` does."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, handler)


def _end(*_: object) -> None:
    """Without an exception, which an import may turn into another, or print and go on."""
    os._exit(STOPPED)


if __name__ == "__main__":
    main()
