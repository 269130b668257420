"""Small files of folders that anyone may have made: read up to a limit, as bytes or as JSON."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any, BinaryIO

from pydantic_core import from_json

MOST = 256 * 1024
"""Bytes of a document of Thaw's own: a schedule, settings, notes."""


def opened(path: Path) -> BinaryIO:
    """Return the file, open for reading bytes.

    OSError if it is no plain file: a pipe has no end, and some devices never stop to give.
    """
    if not path.is_file():
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    return path.open("rb")


def content(path: Path, most: int = MOST) -> bytes:
    """Return what the file holds, but no more than one byte over `most`; OSError as `opened`."""
    with opened(path) as file:
        return file.read(most + 1)


def json_of(path: Path, most: int = MOST) -> Any:
    """The JSON value in the file; OSError as above, ValueError for what is none or too large.

    Python's own parser ends in a RecursionError where brackets stand a thousand deep.
    """
    text = content(path, most)
    if len(text) > most:
        raise ValueError(f"{path} has over {most:,} bytes")
    return from_json(text)
