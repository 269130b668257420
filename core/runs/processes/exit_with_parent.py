"""Helpers: processes that exit with the process that has started them, even if that is killed.

A helper's standard input is a pipe whose other end only its parent has open. The system closes that
end whenever the parent ends.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Sequence

from core.files.home import CODE

EXIT_WITH_PARENT = "--exit-with-parent"
"""The flag with which the command line calls `exit_with_parent`."""


def helper_command(*words: str) -> list[str]:
    """Return the arguments that run `python -m core …` as a helper."""
    return [sys.executable, "-m", "core", EXIT_WITH_PARENT, *words]


def run_helper(
    command: Sequence[str], seconds: float | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a helper to its end, and return its exit code and what it printed.

    `environment` is added to this process's own. Raises subprocess.TimeoutExpired if it was killed
    after so many seconds, OSError if it cannot be started, UnicodeDecodeError if it has printed
    anything but text.
    """
    ends = os.pipe()  # which no other process inherits
    try:
        return subprocess.run(
            command,
            cwd=CODE,
            env={**os.environ, **environment},
            stdin=ends[0],
            capture_output=True,
            encoding="utf-8",
            timeout=seconds,
            start_new_session=True,
            check=False,
        )
    finally:
        for end in ends:
            os.close(end)


def exit_with_parent() -> None:
    """Let this process exit as soon as its standard input ends."""
    threading.Thread(target=_watch, name="exit with parent", daemon=True).start()


def read_line() -> bytes | None:
    """Return the next line of standard input without its end, or None if the input ends before.

    It does not use `sys.stdin`, which could not be closed while a thread waits in it.
    """
    line = b""
    while not line.endswith(b"\n"):
        read = os.read(0, 1)
        if not read:
            return None
        line += read
    return line[:-1]


def _watch() -> None:
    while os.read(0, 1024):
        pass
    os._exit(0)
