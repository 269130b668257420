"""The provenance of a run: what its bits depend on, compared before it is resumed."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import timm
import torch
import torchvision

from core.errors import DataError, InputError
from core.files.home import CODE
from core.runs.settings import CHANGE_NO_BIT, RunSettings
from core.schedule.parse import pretty, to_raw
from core.schedule.spec import Schedule
from core.training.data import Data, Split
from core.training.device import device_name, processor_name
from core.training.image_stream import ImageStream
from core.training.numerics import Arithmetic

_HASHED_AT_ONCE = 64_000_000
"""Bytes of images that are hashed between two checks whether the run is to stop."""
_FILES_AT_ONCE = 1_000
"""Files whose sizes are read between two such checks."""
_MAY_CHANGE = ("numpy",)
"""Libraries of which another version is reported and not refused: the images that NumPy passes on
are compared, and only the last bit of some rates may differ."""
_UNNAMED_CPU = "a CPU"
"""Stands for a processor that has no name, or whose name was not recorded."""
_WAYS_OUT = {
    "--device": "use --device cpu, or machines of one kind",
    "--precision": "use --precision exact, or machines of one kind",
}
"""What to do where machines have chosen differently what a flag leaves open."""
_START_ANEW = "or start a new run in another folder"
_OLDER_FIELDS = (
    "format version name model weights epochs optimizer base_lr weight_decay momentum lr "
    "group_decay interval warmup start_factor shape decay floor factor cooldown power milestones "
    "gamma after_unfreeze groups modules trainable lr_scale when_frozen batchnorm"
)
"""All fields of a schedule at the time when checkpoints still hashed fields at their defaults."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """The hashes, versions and machine that a run was begun with.

    `schedule` and `settings` are hashes. `data` has a hash for the training images, one for the
    validation images (labels included), and one for the classes. Of images that are not held, the
    paths and sizes of their files are hashed in the place of pixels. `libraries` are versions by
    name; `machine` names what does the arithmetic.
    """

    schedule: str
    settings: str
    data: dict[str, str]
    libraries: dict[str, str]
    machine: str


def collect(
    schedule: Schedule,
    settings: RunSettings,
    data: Data,
    device: torch.device,
    check_stop: Callable[[], None],
) -> Provenance:
    """Return the provenance of a run begun now; `check_stop` is called while images are hashed."""
    return Provenance(
        schedule=document_hash(schedule),
        settings=document_hash(settings),
        data=_data_hashes(data, check_stop),
        libraries=libraries(),
        machine=_machine(device),
    )


@dataclass(frozen=True, slots=True)
class OfProcess:
    """A process of a run: its host, its provenance, and a hash of the code that it runs.

    `chosen` is, by flag, what it has chosen by its hardware.
    """

    host: str
    provenance: Provenance
    code: str
    chosen: dict[str, str]


def of_process(collected: Provenance, arithmetic: Arithmetic) -> OfProcess:
    """Return this process, which has collected that provenance and has that arithmetic."""
    digest = hashlib.sha256()
    for file in sorted((CODE / "core").rglob("*.py")):
        digest.update(file.read_bytes())
    layout = "channels_last" if arithmetic.channels_last else "contiguous"
    chosen = {
        "--device": arithmetic.device.type,  # of auto
        "--precision": f"fast ({arithmetic.dtype or torch.float32}, {layout})",
    }
    return OfProcess(socket.gethostname(), collected, digest.hexdigest(), chosen)


def check_alike(processes: Sequence[OfProcess]) -> None:
    """Raise InputError, naming the first that differs, unless processes have the same of all.

    That is the same code, libraries, type of device, arithmetic and data. Machines may differ.
    """
    first = processes[0]
    for rank, other in enumerate(processes):
        where = f"in process {rank} on {other.host} than in process 0 on {first.host}"
        mine, its = asdict(first.provenance), asdict(other.provenance)
        if first.code != other.code:
            raise InputError("Thaw", f"is another version {where}", "install the same on both")
        names = its["libraries"] | other.chosen, mine["libraries"] | first.chosen
        for name, (here, there) in _changed(*names).items():
            wrong = f"is {here} in process {rank} on {other.host}, and {there} in process 0"
            raise InputError(name, wrong, _WAYS_OUT.get(name, "install the same version on both"))
        if changed := " and ".join(_changed(its["data"], mine["data"])):
            way_out = "give each machine the same files in the same folder"
            if first.provenance.machine != other.provenance.machine:
                way_out += f", and use machines of one kind ({mine['machine']}, {its['machine']})"
            raise DataError("--data", f"has other {changed} {where}", way_out)


def document_hash(document: Schedule | RunSettings) -> str:
    """Return a hash of a schedule or of run settings; equal for documents that train alike.

    Fields at their defaults are left out, so that the hash outlives new fields. So is what changes
    no bit: the schedule's name, the settings of the frozen-part cache, and `workers`. The names
    of groups count, since optimizer, audit and events use them.
    """
    if isinstance(document, Schedule):
        return _hash(document.model_dump_json(exclude_defaults=True, exclude={"name"}))
    left_out = {*CHANGE_NO_BIT, "optimizer_step"}
    text = document.model_dump_json(exclude_defaults=True, exclude=left_out)
    plain = document.optimizer_step == "plain"  # as all runs did before there was that setting
    return _hash(text if plain else f"{text} {document.optimizer_step}")


def _older_document_hash(schedule: Schedule) -> str:
    """Return the hash that older checkpoints have, with the schedule's name and its defaults."""
    set_fields = schedule.model_dump(mode="json", exclude_defaults=True)
    return _hash(pretty(_with_older_defaults(to_raw(schedule), set_fields)))


def _with_older_defaults(full: Any, set_fields: Any) -> Any:
    """Return the JSON value `full` without newer fields, unless they are also in `set_fields`."""
    if isinstance(full, dict):
        inner = set_fields or {}
        hashed = inner.keys() | _OLDER_FIELDS.split()
        return {k: _with_older_defaults(v, inner.get(k)) for k, v in full.items() if k in hashed}
    if isinstance(full, list) and set_fields:
        return [_with_older_defaults(*pair) for pair in zip(full, set_fields, strict=True)]
    return full


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def libraries() -> dict[str, str]:
    """Return the versions of the libraries that do the arithmetic, by name."""
    return {
        "torch": str(torch.__version__),
        "torchvision": torchvision.__version__,
        "timm": timm.__version__,
        "numpy": np.__version__,
    }


def check_documents(
    before: Provenance, epochs: int, schedule: Schedule, settings: RunSettings
) -> None:
    """Raise InputError, naming the file, for another schedule or other settings than `before`.

    `epochs` is how many were run with `before`.
    """
    documents = (
        ("schedule", before.schedule, (document_hash(schedule), _older_document_hash(schedule))),
        ("settings", before.settings, (document_hash(settings),)),
    )
    for name, stored, now in documents:
        if stored not in now:
            wrong = f"is not the one that {_epochs(epochs)} run with"
            raise InputError(f"{name}.json", wrong, f"put the old one back, {_START_ANEW}")


def check_libraries(before: Provenance, epochs: int) -> None:
    """Raise InputError if libraries are not those of `before`, with which `epochs` were run.

    It names each that has changed, with both versions.
    """
    needed = {name: version for name, version in libraries().items() if name not in _MAY_CHANGE}
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


def check_data(before: Provenance, epochs: int, now: Provenance, name: str) -> None:
    """Raise DataError if the data called `name` is not that of `before`.

    It says whether images or classes differ. `epochs` is how many were run with `before`.
    """
    changed = " and ".join(_changed(before.data, now.data))
    if changed:
        wrong = f"is {name!r}, whose {changed} are not those that {_epochs(epochs)} run with"
        raise DataError("--data", wrong, f"put the old ones back, {_START_ANEW}")


def changed_arithmetic(before: Provenance, epochs: int, now: Provenance) -> str:
    """Return a warning that the last bits may differ from here on; empty if nothing has changed.

    It compares libraries and machines, and ignores what an older Thaw did not record. `epochs` is
    how many were run with `before`.
    """
    changed = _changed({**now.libraries, **before.libraries}, now.libraries)
    changes = [f"{name} {old}, now {new}" for name, (old, new) in changed.items()]
    if _machines_differ(before.machine, now.machine):
        changes.append(f"{before.machine}, now {now.machine}")
    if not changes:
        return ""
    return f"{_epochs(epochs)} run on {'; '.join(changes)}: the last bits may differ from here on"


def _epochs(done: int) -> str:
    return "epoch 0 was" if done == 1 else f"epochs 0 to {done - 1} were"


def _changed(before: Mapping[str, str], now: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    return {
        name: (before.get(name, "none"), value)
        for name, value in now.items()
        if before.get(name) != value
    }


def _data_hashes(data: Data, check_stop: Callable[[], None]) -> dict[str, str]:
    return {
        "classes": hashlib.sha256("\0".join(data.classes).encode()).hexdigest(),
        "training images": _split_hash(data.train, check_stop),
        "validation images": _split_hash(data.validation, check_stop),
    }


def _split_hash(split: Split, check_stop: Callable[[], None]) -> str:
    digest, images = hashlib.sha256(split.labels.numpy().tobytes()), split.images
    digest.update(str(tuple(images.shape)).encode())
    if isinstance(images, ImageStream):
        for at, (name, size) in enumerate(images.file_sizes()):
            if at % _FILES_AT_ONCE == 0:
                check_stop()
            digest.update(f"{name}\0{size}\0".encode())
        return digest.hexdigest()
    at_once = max(1, _HASHED_AT_ONCE // images[0].nbytes)
    for start in range(0, len(split), at_once):
        check_stop()
        digest.update(images[start : start + at_once].contiguous().numpy().data)
    return digest.hexdigest()


def _machine(device: torch.device) -> str:
    """Return the machine in words: what the last bits depend on besides the libraries.

    On a CPU that is its kernels, and how sums are split among threads.
    """
    if device.type != "cpu":
        return device_name(device)
    kernels, threads = torch.backends.cpu.get_cpu_capability(), torch.get_num_threads()
    return f"{processor_name() or _UNNAMED_CPU} with {kernels}, {threads} threads"


def _machines_differ(before: str, now: str) -> bool:
    """Return whether two machines differ; their processors count only if both have a name."""
    (cpu_before, _, rest_before), (cpu_now, _, rest_now) = (
        machine.rpartition(" with ") for machine in (before, now)
    )
    names = (cpu_before, cpu_now)
    return rest_before != rest_now or (cpu_before != cpu_now and _UNNAMED_CPU not in names)
