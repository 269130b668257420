"""The settings in which compared runs differ, which say whether their results may be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from core.compare.difference import Difference
from core.data.uploads import data_title
from core.runs import event_log
from core.schedule.words import listed
from pages.components.compare.slots import Slot

_MEASURED_ON = {
    "data": "data",
    "validation_samples": "validation images",
    "image_size": "image size",
}
_TRAINED_WITH = {
    "samples": "training images",
    "seed": "seed",
    "batch_size": "batch size",
    "device": "device",
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


def setting_conflicts(slots: Sequence[Slot]) -> str:
    """Return a sentence with the settings in which the slots' runs differ; empty if they agree."""
    names = [_TITLES[field] for field in _differing(slots, _TITLES)]
    return f"The runs differ in {listed(names)}." if names else ""


def setting_differences(first: Slot, other: Slot) -> tuple[Difference, ...]:
    """Return the differences between the settings of two slots' runs, what is measured first."""
    return tuple(
        Difference(
            f"{_TITLES[field]} {_text(first, field)} → {_text(other, field)}",
            "",
            (f"settings.{field}",),
        )
        for field in _differing((first, other), _TITLES)
    )


def _differing(slots: Sequence[Slot], fields: Mapping[str, str]) -> list[str]:
    ran = [slot for slot in slots if slot.run is not None]
    seeds = sorted((set(_seeds(slot)) for slot in ran), key=len)
    alike = {"seed"} if all(few <= more for few, more in pairwise(seeds)) else set()
    values = {field: {_value(slot, field) for slot in ran} for field in fields}
    return [field for field in fields if field not in alike and len(values[field]) > 1]


def _value(slot: Slot, field: str) -> object:
    """Return a setting, or what came of it: how many images there were, which device it was."""
    if field == "validation_samples" and slot.trials:
        return slot.trials[0].images
    if field == "device" and slot.run and (started := event_log.started(slot.run)):
        return started.device
    return getattr(slot.settings, field)


def _seeds(slot: Slot) -> tuple[int, ...]:
    """Return the seeds of the slot's trials, or of its run."""
    return tuple(trial.seed for trial in slot.trials) or (slot.settings.seed,)


def _text(slot: Slot, field: str) -> str:
    value = _value(slot, field)
    if field == "data":
        return data_title(slot.settings.data)
    if field == "seed":
        return listed(map(str, _seeds(slot)))
    return f"{value:,}" if isinstance(value, int) else "none" if value is None else str(value)
