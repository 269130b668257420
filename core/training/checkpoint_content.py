"""What a checkpoint's bytes must be before torch reads them, and its values before a run does."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Mapping
from typing import Any

from core.data.zip_members import UNZIPPABLE

_KINDS: Mapping[str, type] = {
    "epoch": int,
    "model": dict,
    "optimizer": dict,
    "scheduler": dict,
    "random": dict,
    "audit": dict,
    "seconds": float,
    "origin": dict,
}
_OF_ORIGIN: Mapping[str, type] = {
    "schedule": str,
    "settings": str,
    "data": dict,
    "libraries": dict,
    "machine": str,
}


def is_plain(content: bytes) -> bool:
    """Return whether it is a zip as torch writes it, in which nothing is packed.

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
    """Return whether each value is of its kind, and the epoch is that of the file's name."""
    if not _are(values, _KINDS) or not _are(values["origin"], _OF_ORIGIN):
        return False
    return values["epoch"] == epoch and math.isfinite(values["seconds"])


def _are(values: Mapping[str, Any], kinds: Mapping[str, type]) -> bool:
    return all(isinstance(values.get(name), kind) for name, kind in kinds.items())
