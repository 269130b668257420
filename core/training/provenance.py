"""What the bits of a run depend on, by which a resume knows whether anything has changed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import timm
import torch
import torchvision

from core.errors import DataError, InputError
from core.runs.settings import RunSettings
from core.schedule.parse import pretty, to_raw
from core.schedule.spec import Schedule
from core.training.data import Data, Split
from core.training.device import describe, processor

_HASHED_AT_ONCE = 64_000_000
"""Bytes of images between two looks at whether the run is to stop."""
_TOLD_ONLY = ("numpy",)
"""Of these another version is told, and not refused: the images that it hands on are compared, and
of the rates that it computes some may differ in the last bit."""
_SOME_CPU = "a CPU"
"""What a machine's processor is called that has no name, or that nobody has noted."""
_START_ANEW = "or start a new run in another folder"
_OLDER_FIELDS = (
    "format version name model weights epochs optimizer base_lr weight_decay momentum lr "
    "group_decay interval warmup start_factor shape decay floor factor cooldown power milestones "
    "gamma after_unfreeze groups modules trainable lr_scale when_frozen batchnorm"
)
"""All fields of a schedule when checkpoints still hashed those that have their defaults."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What a run was begun with. All but `libraries` and `machine` are hashes.

    `data` has one for the training images, one for the validation images (labels included), one for
    the classes; `libraries` are versions by name; `machine` is what does the arithmetic.
    """

    schedule: str
    settings: str
    data: dict[str, str]
    libraries: dict[str, str]
    machine: str


def origin(
    schedule: Schedule,
    settings: RunSettings,
    data: Data,
    device: torch.device,
    between: Callable[[], None],
) -> Origin:
    """What a run is begun with now. `between` is called while the images are gone through."""
    return Origin(
        schedule=fingerprint(schedule),
        settings=fingerprint(settings),
        data=_of_data(data, between),
        libraries=libraries(),
        machine=_machine(device),
    )


def fingerprint(document: Schedule | RunSettings) -> str:
    """Return a hash of a schedule or of run settings; equal for documents that train alike.

    Defaults are left out, so that it outlives a new field that has one. So is what changes no bit:
    a schedule's name, and what is said of the frozen-part cache. The names of groups are not: by
    these, optimizer, audit and events know them.
    """
    if isinstance(document, Schedule):
        return _hash(document.model_dump_json(exclude_defaults=True, exclude={"name"}))
    cache = {"cache", "cache_memory", "cache_disk"}
    text = document.model_dump_json(exclude_defaults=True, exclude={*cache, "optimizer_step"})
    plain = document.optimizer_step == "plain"  # as all runs did before there was that setting
    return _hash(text if plain else f"{text} {document.optimizer_step}")


def _older_fingerprint(schedule: Schedule) -> str:
    """Return the hash of checkpoints that counted the schedule's name and its defaults, as then."""
    own = schedule.model_dump(mode="json", exclude_defaults=True)
    return _hash(pretty(_with_older_defaults(to_raw(schedule), own)))


def _with_older_defaults(full: Any, own: Any) -> Any:
    """Return the JSON value `full` without newer fields, unless they are also in `own`."""
    if isinstance(full, dict):
        own = own or {}
        kept = own.keys() | _OLDER_FIELDS.split()
        return {k: _with_older_defaults(v, own.get(k)) for k, v in full.items() if k in kept}
    if isinstance(full, list) and own:
        return [_with_older_defaults(*pair) for pair in zip(full, own, strict=True)]
    return full


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def libraries() -> dict[str, str]:
    """Return the versions of the libraries that make the numbers."""
    return {
        "torch": str(torch.__version__),
        "torchvision": torchvision.__version__,
        "timm": timm.__version__,
        "numpy": np.__version__,
    }


def check_documents(before: Origin, epochs: int, schedule: Schedule, settings: RunSettings) -> None:
    """Raise InputError, naming which, for another schedule or other settings than `before`.

    `epochs` is how many were run with those, here and below.
    """
    pairs = (
        ("schedule", before.schedule, (fingerprint(schedule), _older_fingerprint(schedule))),
        ("settings", before.settings, (fingerprint(settings),)),
    )
    for name, stored, now in pairs:
        if stored not in now:
            wrong = f"is not the one that {_epochs(epochs)} run with"
            raise InputError(f"{name}.json", wrong, f"put the old one back, {_START_ANEW}")


def check_libraries(before: Origin, epochs: int) -> None:
    """Raise InputError, naming each with both versions, if libraries are not those of `before`."""
    needed = {name: own for name, own in libraries().items() if name not in _TOLD_ONLY}
    changed = _changed(before.libraries, needed)
    if changed:
        now, then = (
            " and ".join(f"{name} {versions[at]}" for name, versions in changed.items())
            for at in (1, 0)
        )
        wrong = f"changed: here is {now}, but {_epochs(epochs)} run with {then}"
        way_out = (
            "install that version again, or continue with --other-libraries "
            "(the last bits may differ)"
        )
        raise InputError("a library", wrong, f"{way_out}, {_START_ANEW}")


def check_data(before: Origin, epochs: int, now: Origin, flag: str) -> None:
    """Raise DataError, naming what of it, if the data that `flag` tells is not that of `before`."""
    changed = " and ".join(_changed(before.data, now.data))
    if changed:
        wrong = f"is {flag!r}, whose {changed} are not those that {_epochs(epochs)} run with"
        raise DataError("--data", wrong, f"put the old ones back, {_START_ANEW}")


def other_arithmetic(before: Origin, epochs: int, now: Origin) -> str:
    """In words, that the run goes on where other last bits are possible; empty if it does not.

    What an older Thaw has not noted of where it ran is no difference.
    """
    changed = _changed({**now.libraries, **before.libraries}, now.libraries)
    told = [f"{name} {old}, now {new}" for name, (old, new) in changed.items()]
    if _is_another(before.machine, now.machine):
        told.append(f"{before.machine}, now {now.machine}")
    if not told:
        return ""
    return f"{_epochs(epochs)} run on {'; '.join(told)}: the last bits may differ from here on"


def _epochs(done: int) -> str:
    return "epoch 0 was" if done == 1 else f"epochs 0 to {done - 1} were"


def _changed(before: Mapping[str, str], now: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    return {
        name: (before.get(name, "none"), value)
        for name, value in now.items()
        if before.get(name) != value
    }


def _of_data(data: Data, between: Callable[[], None]) -> dict[str, str]:
    return {
        "classes": hashlib.sha256("\0".join(data.classes).encode()).hexdigest(),
        "training images": _of_split(data.train, between),
        "validation images": _of_split(data.validation, between),
    }


def _of_split(split: Split, between: Callable[[], None]) -> str:
    digest = hashlib.sha256(split.labels.numpy().tobytes())
    digest.update(str(tuple(split.images.shape)).encode())
    at_once = max(1, _HASHED_AT_ONCE // split.images[0].nbytes)
    for start in range(0, len(split), at_once):
        between()
        digest.update(split.images[start : start + at_once].contiguous().numpy().data)
    return digest.hexdigest()


def _machine(device: torch.device) -> str:
    """What the last bits depend on beside the libraries: kernels, and how sums are cut up."""
    if device.type != "cpu":
        return describe(device)
    kernels, threads = torch.backends.cpu.get_cpu_capability(), torch.get_num_threads()
    return f"{processor() or _SOME_CPU} with {kernels}, {threads} threads"


def _is_another(machine: str, now: str) -> bool:
    """Return whether two machines differ, in their processors as far as both are known."""
    (named, _, rest), (named_now, _, rest_now) = (
        each.rpartition(" with ") for each in (machine, now)
    )
    return rest != rest_now or (named != named_now and _SOME_CPU not in (named, named_now))
