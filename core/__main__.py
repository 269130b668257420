"""The command line: python -m core COMMAND. Ctrl-C ends it with exit code 130, also early."""

from __future__ import annotations

import os
import sys

from core.cli.interrupts import at_ctrl_c, end
from core.errors import STOPPED, InputError, importing


def main() -> None:
    """Run the command; before it is resolved and after it, a Ctrl-C ends the process."""
    try:
        try:
            at_ctrl_c(end)
            _open_missing_streams()
            with importing():
                from core.cli.app import cli

            cli(prog_name="python -m core")
        finally:
            at_ctrl_c(end)
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


if __name__ == "__main__":
    main()
