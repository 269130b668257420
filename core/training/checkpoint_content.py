"""What a checkpoint's bytes must be before torch reads them, and its values before a run does."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Mapping
from typing import Any

from core.runs.zip_members import UNZIPPABLE

_KINDS: Mapping[str, type] = {
    "epoch": int,
    "model": dict,
    "optimizer": dict,
    "scheduler": dict,
    "random": dict,
    "audit": dict,
    "seconds": float,
    "schedule": str,
    "settings": str,
}


def is_plain(content: bytes) -> bool:
    """Whether it is a zip as torch writes it, in which nothing is packed.

    What is packed may grow a thousandfold, and torch's older formats make room for whatever they
    claim to hold.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
    except UNZIPPABLE:
        return False
    packed = any(entry.compress_type != zipfile.ZIP_STORED for entry in entries)
    return not packed and sum(entry.file_size for entry in entries) <= len(content)


def fits(values: Mapping[str, Any], epoch: int) -> bool:
    """Whether each value is of its kind, and the epoch is that of the file's name."""
    kinds = all(isinstance(values.get(name), kind) for name, kind in _KINDS.items())
    return kinds and values["epoch"] == epoch and math.isfinite(values["seconds"])
