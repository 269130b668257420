"""The disk space that a folder takes, and what is left."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

_FULL = 1_000_000
"""Bytes: a disk with less space left counts as full, since an event may not fit."""


def disk_use(folder: Path) -> int:
    """Return the bytes that the files below a folder take; unreadable ones count as 0."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                status = os.lstat(os.path.join(place, name))  # noqa: PTH118 - walked for every row
            except OSError:
                continue
            total += getattr(status, "st_blocks", -(-status.st_size // 512)) * 512
    return total


def free_disk(folder: Path) -> int:
    """Return the bytes left on the disk of a folder, which need not exist; 0 if unknown."""
    for place in (folder, *folder.parents):
        try:
            return shutil.disk_usage(place).free
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            break
    return 0


def is_full(folder: Path) -> bool:
    """Return whether the folder's disk is known to be full."""
    try:
        return shutil.disk_usage(folder).free < _FULL
    except OSError:
        return False
