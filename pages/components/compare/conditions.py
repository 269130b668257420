"""The settings in which compared runs differ, which say whether their results may be compared."""

from __future__ import annotations

from collections.abc import Sequence

from core.runs.settings import RunSettings
from core.schedule.words import listed
from pages.components.compare.slots import Slot

_MEASURED_ON = {
    "data": "data",
    "validation_samples": "validation images",
    "image_size": "image size",
}
_TRAINED_WITH = {
    "samples": "training images",
    "batch_size": "batch size",
    "device": "device",
    "seed": "seed",
    "augment": "augmentation",
    "precision": "precision",
    "optimizer_step": "optimizer step",
    "clip_norm": "gradient clipping",
    "autocast": "autocast",
    "memory_format": "memory format",
    "processes": "number of processes",
    "accumulate": "micro-batches",
}
_TITLES = _MEASURED_ON | _TRAINED_WITH


def measured_alike(slots: Sequence[Slot]) -> bool:
    """Return whether all runs in the slots were validated on the same images of the same size."""
    return not _differing(slots, _MEASURED_ON)


def conditions(slots: Sequence[Slot]) -> str:
    """Return a sentence with the settings in which the slots' runs differ; empty if they agree."""
    names = [_TITLES[field] for field in _differing(slots, _TITLES)]
    return f"The runs differ in {listed(names)}." if names else ""


def _differing(slots: Sequence[Slot], fields: dict[str, str]) -> list[str]:
    runs: list[RunSettings] = [slot.settings for slot in slots if slot.run is not None]
    return [field for field in fields if len({getattr(run, field) for run in runs}) > 1]
