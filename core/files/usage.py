"""What a run's folder takes of the disk, and what is left there."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

_FULL = 1_000_000
"""Bytes: a disk that has less left is called full, since no event or summary may fit."""


def used(folder: Path) -> int:
    """Return bytes that the files below a folder take; what cannot be read counts nothing."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                found = os.lstat(os.path.join(place, name))  # noqa: PTH118 - walked for every row
            except OSError:
                continue
            total += getattr(found, "st_blocks", -(-found.st_size // 512)) * 512
    return total


def free(folder: Path) -> int:
    """Bytes left on the disk of a folder, which need not be there yet; none if it is not told."""
    for place in (folder, *folder.parents):
        try:
            return shutil.disk_usage(place).free
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            break
    return 0


def is_full(folder: Path) -> bool:
    """Whether there is hardly anything left on the folder's disk, as far as that can be told."""
    try:
        return shutil.disk_usage(folder).free < _FULL
    except OSError:
        return False
