"""How many classes the data of a run has, as far as it is known without reading images."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from core.data.bundled import BUNDLED_DATA
from core.data.image_folder import TRAIN, VALIDATION

BUNDLED_CLASSES = 10


def count_classes(data: str) -> int | None:
    """Classes of the run settings' `data`: 10 for the bundled images, else its class folders.

    None where that is no folder with two of them. A folder that holds `train` and a folder for
    validation is counted by the first, as runs do.
    """
    if data == BUNDLED_DATA:
        return BUNDLED_CLASSES
    try:
        folder = Path(data).expanduser()
        return _count(str(folder), folder.stat().st_mtime_ns)
    except (OSError, RuntimeError, ValueError):
        return None


@lru_cache(maxsize=16)
def _count(folder: str, changed: int) -> int | None:
    """Return the count; `changed` says when, so that a folder with new ones is counted anew."""
    below = _folders(folder)
    if TRAIN in below and any(name in below for name in VALIDATION):
        below = _folders(os.path.join(folder, TRAIN))  # noqa: PTH118
    return len(below) if len(below) > 1 else None


def _folders(folder: str) -> set[str]:
    with os.scandir(folder) as entries:
        return {each.name for each in entries if each.is_dir() and not each.name.startswith(".")}
