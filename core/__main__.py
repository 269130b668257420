"""The command line: python -m core COMMAND. Ctrl-C ends it with exit code 130 at any moment."""

from __future__ import annotations

import os
import signal

from core.errors import STOPPED


def main() -> None:
    """Run the command, which a Ctrl-C interrupts; before and after it, one ends the process."""
    try:
        try:
            signal.signal(signal.SIGINT, _end)
            from core.command_line import cli  # takes a second, in which there is nothing to lose

            signal.signal(signal.SIGINT, signal.default_int_handler)
            cli(prog_name="python -m core")
        finally:
            signal.signal(signal.SIGINT, _end)
    except KeyboardInterrupt:  # between two lines of these
        raise SystemExit(STOPPED) from None


def _end(*_: object) -> None:
    """Without an exception, which an import may turn into another, or print and go on."""
    os._exit(STOPPED)


if __name__ == "__main__":
    main()
