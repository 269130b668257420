"""The command line: python -m core COMMAND. Ctrl-C ends it with exit code 130, also early."""

from __future__ import annotations

import os
import sys

from core.cli.interrupts import at_ctrl_c, end
from core.errors import STOPPED, InputError, importing


def main() -> None:
    """Run the command. A Ctrl-C before or after it ends the process at once."""
    try:
        try:
            at_ctrl_c(end)
            _open_missing_streams()
            with importing():
                from core.cli.app import cli

            cli(prog_name="python -m core")
        finally:
            at_ctrl_c(end)
    except KeyboardInterrupt:  # between two of these lines
        raise SystemExit(STOPPED) from None
    except InputError as error:
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(error.exit_code) from None


def _open_missing_streams() -> None:
    """Discard what is printed to streams that do not exist, as under cron and in daemons.

    Closed descriptors 0 to 2 are opened too: otherwise a file that is opened later would get their
    number, and with it what libraries print without Python.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            devnull = os.open(os.devnull, os.O_WRONLY)
            setattr(sys, name, os.fdopen(devnull, "w", encoding="utf-8", errors="replace"))


if __name__ == "__main__":
    main()
