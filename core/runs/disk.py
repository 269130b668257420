"""Files that are whole or not there at all, and what a disk refuses told in words."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import RunError


def unwritable(path: Path, error: Exception) -> RunError:
    """What to raise when a file of a run cannot be written."""
    reason = getattr(error, "strerror", None) or str(error)
    return RunError(
        f"{path} cannot be written ({reason}): make room or allow it there, and resume the run"
    )


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn what the disk refuses into a RunError about the file or folder."""
    try:
        yield
    except OSError as error:
        raise unwritable(path, error) from error


def replace(path: Path, content: bytes | memoryview) -> None:
    """Replace a file by new content in one step; OSError if the disk refuses.

    A power cut may leave the old content, or none.
    """
    beside = _beside(path)
    try:
        beside.write_bytes(content)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def replace_durably(path: Path, content: bytes | memoryview) -> None:
    """As `replace`, and once it returns, the new content outlasts a power cut."""
    beside = _beside(path)
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    if os.name == "posix":  # the rename itself lies in the folder
        descriptor = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}")
