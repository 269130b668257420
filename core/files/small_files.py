"""Reading of small files that anyone may have made: up to a limit, as bytes or as JSON."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any, BinaryIO

from pydantic_core import from_json

MAX_SMALL_FILE_BYTES = 256 * 1024
"""The most bytes of a document of Thaw: a schedule, settings, notes."""


def open_plain(path: Path) -> BinaryIO:
    """Return the file, open for reading bytes.

    Raises OSError unless it is a regular file: reading a pipe or a device may never end.
    """
    if not path.is_file():
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    return path.open("rb")


def read_start(path: Path, most: int = MAX_SMALL_FILE_BYTES) -> bytes:
    """Return the first bytes of a regular file, at most one more than `most`; else OSError."""
    with open_plain(path) as file:
        return file.read(most + 1)


def read_json(path: Path) -> Any:
    """Return the JSON value in a regular file.

    Raises OSError if it cannot be read, ValueError if it is not JSON or has over
    `MAX_SMALL_FILE_BYTES`. Unlike Python's own parser, this one raises no RecursionError for a
    thousand nested brackets.
    """
    data = read_start(path, MAX_SMALL_FILE_BYTES)
    if len(data) > MAX_SMALL_FILE_BYTES:
        raise ValueError(f"{path} has over {MAX_SMALL_FILE_BYTES:,} bytes")
    return from_json(data)
