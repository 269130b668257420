"""The Run page's labels of the run settings, in fields and in messages."""

from __future__ import annotations

import re
from collections.abc import Mapping

LABELS: Mapping[str, str] = {
    "data": "Data",
    "samples": "Images, train",
    "validation_samples": "Images, validation",
    "image_size": "Image size, px",
    "batch_size": "Batch size",
    "device": "Device",
    "cache": "Frozen-part cache",
    "augment": "Augmentation",
    "precision": "Precision",
    "optimizer_step": "Optimizer step",
    "clip_norm": "Clip gradients at",
    "autocast": "Autocast",
    "memory_format": "Memory format",
    "processes": "Processes",
    "accumulate": "Micro-batches",
    "decode": "Decoding",
    "workers": "Decoding processes",
    "cache_memory": "Cache memory, MB",
    "cache_disk": "Cache disk, MB",
    "seed": "Seed",
}
"""The label of each field of `RunSettings`."""
_FLAG = re.compile(r"(?<![^\s(])--([a-z]+(?:-[a-z]+)*)(?![\w/=-])")


def by_label(message: object) -> str:
    """Return a message with labels in place of flags: `“Batch size” is 0`.

    Messages of `core`, also those that a run has left, call a setting by its flag on the command
    line. Flags that are no settings stay.
    """
    return _FLAG.sub(_label, str(message))


def _label(flag: re.Match[str]) -> str:
    label = LABELS.get(flag[1].replace("-", "_"))
    return flag[0] if label is None else f"“{label}”"
