"""Checkpoints of a run: one file per epoch, whole or not there at all."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import math
import os
import pickle
import sys
import threading
import zipfile
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import nn

from core.data.zip_members import UNZIPPABLE
from core.errors import InputError, RunError
from core.files import atomic
from core.runs import checkpoint_files
from core.training.cache import mmap_tensor
from core.training.provenance import Provenance

FORMAT = 2
"""Rises whenever a checkpoint's content, or the way in which a run goes on from it, changes."""
_PROVENANCE = "origin"
"""The key of `Checkpoint.provenance` in the file."""
_LOW_PRIORITY = 10
_UNREADABLE = (EOFError, RuntimeError, ValueError, pickle.UnpicklingError, zipfile.BadZipFile)
_FIELD_TYPES: Mapping[str, type] = {
    "epoch": int,
    "model": dict,
    "optimizer": dict,
    "scaler": dict,
    "scheduler": dict,
    "random": dict,
    "audit": dict,
    "seconds": float,
    _PROVENANCE: dict,
}
_PROVENANCE_TYPES: Mapping[str, type] = {
    "schedule": str,
    "settings": str,
    "data": dict,
    "libraries": dict,
    "machine": str,
}


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state from which a run goes on with `epoch` as if it had never been interrupted.

    `seconds` are those of all sessions so far. `scaler` is empty without float16, and then not in
    the file. `torch.load` reads it with `weights_only=True`.
    """

    epoch: int
    model: dict[str, Any]
    optimizer: dict[str, Any]
    scheduler: dict[str, Any]
    random: dict[str, torch.Tensor]
    audit: dict[str, Any]
    seconds: float
    provenance: Provenance
    scaler: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewestCheckpoint:
    """The newest good checkpoint of a folder, and the names of newer ones that are damaged."""

    checkpoint: Checkpoint | None
    damaged: tuple[str, ...]


class CheckpointWriter:
    """A writer of checkpoints that works while training goes on.

    At the end of its `with` block all of them are on the disk. A crash at any moment leaves a good
    one: each is written to a temporary file, synced and renamed, and its name carries the first 16
    hex digits of its SHA-256. Of the older ones the newest stays.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._thread = ThreadPoolExecutor(1, "checkpoint", _lower_priority)
        self._writing: Future[Path] | None = None

    def __enter__(self) -> CheckpointWriter:
        """Remove what a killed write has left, even if this session writes no checkpoint."""
        if self._folder.is_dir():
            with atomic.disk_errors_as_run_error(self._folder):
                atomic.clear_unfinished(self._folder)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Wait for the last write; raise its RunError unless another error is on its way."""
        try:
            self.wait()
        except RunError:
            if kind is None:
                raise
        finally:
            self._thread.shutdown()

    def save(self, checkpoint: Checkpoint) -> None:
        """Copy the checkpoint as it is now, and write it once the one before it is written.

        Raises RunError if the disk refuses this one or has refused the one before.
        """
        self.wait()
        beside = self._folder / f".epoch-{checkpoint.epoch:05}.pt.{os.getpid()}"
        with atomic.disk_errors_as_run_error(self._folder):
            if not self._folder.is_dir():  # it is not made anew where the run's folder is gone
                atomic.make_folder(self._folder, parents=False)
            beside.touch()  # an enforced stop waits for it, see `stopping.wait_for_checkpoint`
        with ExitStack() as broken_off:
            broken_off.callback(beside.unlink, missing_ok=True)
            content = _content(checkpoint)
            self._writing = self._thread.submit(
                _write, self._folder, checkpoint.epoch, content, beside
            )
            broken_off.pop_all()

    def wait(self) -> None:
        """Wait until everything is on the disk; raise RunError if the disk refuses."""
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()


def _lower_priority() -> None:
    """Let this thread wait for those that train, since they all wait for the slowest of them."""
    if sys.platform == "linux":  # where each thread has a priority of its own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOW_PRIORITY)


def _content(checkpoint: Checkpoint) -> list[memoryview]:
    content: dict[str, Any] = {
        each.name: getattr(checkpoint, each.name) for each in dataclasses.fields(checkpoint)
    }
    if not content["scaler"]:
        del content["scaler"]
    content |= {_PROVENANCE: asdict(content.pop("provenance")), "format": FORMAT}
    file = mmap_tensor.MmapFile()  # the process would keep the memory of an io.BytesIO
    torch.save(content, cast(IO[bytes], file))
    return file.chunks()


def _write(folder: Path, epoch: int, content: list[memoryview], beside: Path) -> Path:
    """Write a checkpoint and return its path; `beside` exists until that is done or has failed."""
    path = folder / checkpoint_files.name(epoch, _digest(*content))
    with atomic.disk_errors_as_run_error(path):
        try:
            atomic.write_durably(path, *content)
            for old in checkpoint_files.outdated(folder, path):
                old.unlink(missing_ok=True)
        finally:
            beside.unlink(missing_ok=True)
    return path


def newest(folder: Path) -> NewestCheckpoint:
    """Return the newest checkpoint whose content is what was written, passing over damaged ones.

    Raises RunError if one may not be read, InputError if another version of Thaw wrote it.
    """
    damaged: list[str] = []
    for path in checkpoint_files.stored(folder):
        checkpoint = _load(path)
        if checkpoint is not None:
            return NewestCheckpoint(checkpoint, tuple(damaged))
        damaged.append(path.name)
    return NewestCheckpoint(None, tuple(damaged))


def save_weights(path: Path, model: nn.Module) -> None:
    """Write the model's parameters and buffers as safetensors, in one step.

    Tied tensors are written under each of their names, since `load_state_dict` asks for all of
    them; `load_model` of safetensors, which knows only the first, needs `strict=False` for these.
    Raises RunError if the disk refuses.
    """
    try:
        with atomic.disk_errors_as_run_error(path), atomic.writing_durably(path) as beside:
            beside.touch()
            mode = beside.stat().st_mode
            save_file(_untied(model.state_dict()), beside, metadata={"format": "pt"})
            beside.chmod(mode)  # safetensors lets nobody else read it
    except SafetensorError as error:
        raise atomic.unwritable_error(path, error) from error


def _untied(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the tensors contiguous; one that shares memory with an earlier one is a copy."""
    untied: dict[str, torch.Tensor] = {}
    memories: set[tuple[torch.device, int]] = set()
    for name, tensor in state.items():
        memory = (tensor.device, tensor.untyped_storage().data_ptr())
        copied = tensor.clone() if memory in memories else tensor
        untied[name] = copied.contiguous()
        memories.add(memory)
    return untied


def _load(path: Path) -> Checkpoint | None:
    """Return the checkpoint of a file; None if it is damaged or gone."""
    try:
        content = path.read_bytes()
    except PermissionError as error:
        way_out = "grant read permission, then resume the run"
        raise RunError(f"{path} cannot be read ({error.strerror}): {way_out}") from error
    except OSError:
        return None
    if _digest(content) != checkpoint_files.digest(path) or not is_plain(content):
        return None
    try:
        stored = torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
    except _UNREADABLE:
        return None
    if not isinstance(stored, Mapping) or not isinstance(stored.get("format", 1), int):
        return None
    fields = {"format": 1, "scaler": {}, **stored}  # the first format did not say so
    if fields.pop("format") != FORMAT:
        wrong = f"is not in format {FORMAT}, the one that this Thaw reads"
        way_out = "resume the run with the Thaw that began it, or start a new one"
        raise InputError(f"checkpoints/{path.name}", wrong, way_out)
    if not _is_valid(fields, checkpoint_files.epoch(path)):
        return None
    try:
        provenance = Provenance(**fields.pop(_PROVENANCE))
        return Checkpoint(**fields, provenance=provenance)
    except (KeyError, TypeError):
        return None


def is_plain(content: bytes) -> bool:
    """Return whether the bytes are a zip as torch writes it, in which nothing is compressed.

    What is compressed may grow a thousandfold, and torch's older formats make room for whatever
    they claim to hold.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
    except UNZIPPABLE:
        return False
    compressed = any(entry.compress_type != zipfile.ZIP_STORED for entry in entries)
    return not compressed and sum(entry.file_size for entry in entries) <= len(content)


def _is_valid(fields: Mapping[str, Any], epoch: int) -> bool:
    """Return whether each field has its type, and the epoch is that of the file's name."""
    return (
        _have_types(fields, _FIELD_TYPES)
        and _have_types(fields[_PROVENANCE], _PROVENANCE_TYPES)
        and fields["epoch"] == epoch
        and math.isfinite(fields["seconds"])
    )


def _have_types(fields: Mapping[str, Any], types: Mapping[str, type]) -> bool:
    return all(isinstance(fields.get(name), kind) for name, kind in types.items())


def _digest(*content: bytes | memoryview) -> str:
    digest = hashlib.sha256()
    for piece in content:
        digest.update(piece)
    return digest.hexdigest()[: checkpoint_files.DIGEST]
