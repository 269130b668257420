"""The command line: python -m core COMMAND. Ctrl-C ends it with exit code 130, also early."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

from core.errors import STOPPED, InputError, importing


def main() -> None:
    """Run the command, which a Ctrl-C interrupts; before and after it, one ends the process."""
    try:
        try:
            _at_ctrl_c(_end)
            _open_missing_streams()
            with importing():  # takes a second, in which there is nothing to lose
                from core.cli.app import cli

            _at_ctrl_c(signal.default_int_handler)
            cli(prog_name="python -m core")
        finally:
            _at_ctrl_c(_end)
    except KeyboardInterrupt:  # between two lines of these
        raise SystemExit(STOPPED) from None
    except InputError as error:
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(error.exit_code) from None


def _open_missing_streams() -> None:
    """Let what is printed go nowhere where there is no such stream, as under cron and in daemons.

    The numbers of closed ones are taken too, or files that are opened later would have them, and
    would get what libraries print past Python.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            setattr(sys, name, os.fdopen(nowhere, "w", encoding="utf-8", errors="replace"))


def _at_ctrl_c(handler: Callable[..., object]) -> None:
    """Set the handler, unless the process was started to ignore Ctrl-C, as a script's `&` does."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, handler)


def _end(*_: object) -> None:
    """Without an exception, which an import may turn into another, or print and go on."""
    os._exit(STOPPED)


if __name__ == "__main__":
    main()
