"""A module run as a process of its own, with bounded time and memory, one at a time."""

from __future__ import annotations

import subprocess
import sys
import threading

from core.files.home import CODE

SECONDS = 30
_BYTES = 1_000_000_000
"""What such a process may have for data; of that, Vega sets 600 MB aside and does not use them."""
_ONE_AT_A_TIME = threading.Lock()


class UnfinishedError(Exception):
    """The process came to no end within its bounds; the message completes "it was not done …"."""


def run(module: str, *arguments: str, content: bytes, seconds: int = SECONDS) -> bytes:
    """Return what `python -m module arguments` writes, given the content as its standard input.

    It ends with this call, and waits for others no longer than it may take itself. Raises
    UnfinishedError where its bounds do not suffice.
    """
    command = [sys.executable, "-m", module, *arguments]
    if not _ONE_AT_A_TIME.acquire(timeout=seconds):
        raise UnfinishedError(f"(waited {seconds} s for others)")
    try:
        done = subprocess.run(
            command, cwd=CODE, input=content, capture_output=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise UnfinishedError(f"in {seconds} s") from None
    except OSError as error:
        raise UnfinishedError(f"({error.strerror})") from None
    finally:
        _ONE_AT_A_TIME.release()
    if done.returncode != 0:
        raise UnfinishedError(f"(its process ended with {done.returncode})")
    return done.stdout


def bound() -> None:
    """Bound this process, where the system can: it would outlive a server that is killed."""
    if sys.platform != "win32":
        import resource

        for limit, most in ((resource.RLIMIT_CPU, SECONDS), (resource.RLIMIT_DATA, _BYTES)):
            hard = resource.getrlimit(limit)[1]
            lower = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(limit, (lower, hard))
