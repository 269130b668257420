"""A module run in a process of its own with limited time and memory, one at a time."""

from __future__ import annotations

import subprocess
import sys
import threading

from core.files.home import CODE

SECONDS = 30
_BYTES = 1_000_000_000
"""Limit of a process's data; Vega reserves 600 MB of it without using them."""
_ONE_AT_A_TIME = threading.Lock()


class UnfinishedError(Exception):
    """The process did not finish within its limits; the message completes "it was not done …"."""


def run(module: str, *arguments: str, content: bytes, seconds: int = SECONDS) -> bytes:
    """Return what `python -m module arguments` writes, with `content` as its standard input.

    It waits for other processes at most as long as it may take itself. Raises UnfinishedError if
    its limits do not suffice.
    """
    command = [sys.executable, "-m", module, *arguments]
    if not _ONE_AT_A_TIME.acquire(timeout=seconds):
        raise UnfinishedError(f"(waited {seconds} s for others)")
    try:
        process = subprocess.run(
            command, cwd=CODE, input=content, capture_output=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise UnfinishedError(f"in {seconds} s") from None
    except OSError as error:
        raise UnfinishedError(f"({error.strerror})") from None
    finally:
        _ONE_AT_A_TIME.release()
    if process.returncode != 0:
        raise UnfinishedError(f"(its process ended with {process.returncode})")
    return process.stdout


def limit_resources() -> None:
    """Limit this process itself, if the system can, since it outlives a server that is killed."""
    if sys.platform != "win32":
        import resource

        for resource_kind, most in ((resource.RLIMIT_CPU, SECONDS), (resource.RLIMIT_DATA, _BYTES)):
            hard = resource.getrlimit(resource_kind)[1]
            lower = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(resource_kind, (lower, hard))
