"""Checkpoints of a run: one file per epoch, whole or not there at all."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import sys
import tempfile
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import torch
from safetensors import SafetensorError
from safetensors.torch import save_model
from torch import nn

from core.design.parse import dumps
from core.design.spec import Schedule
from core.errors import InputError, RunError
from core.runs import checkpoint_files
from core.runs.disk import replace_durably, told, unwritable
from core.runs.settings import RunSettings

_KEPT = 2
"""The newest, and the one before in case the newest turns out to be damaged."""
_LOW_PRIORITY = 10
_UNREADABLE = (OSError, EOFError, RuntimeError, ValueError, pickle.UnpicklingError, BadZipFile)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """All that a run needs to go on with `epoch` as if it had never been interrupted.

    `seconds` counts every sitting. `schedule` and `settings` are hashes of what was run, see
    `fingerprint`. Everything in it can be loaded with `weights_only=True`.
    """

    epoch: int
    model: dict[str, Any]
    optimizer: dict[str, Any]
    scheduler: dict[str, Any]
    random: dict[str, torch.Tensor]
    audit: dict[str, Any]
    seconds: float
    schedule: str
    settings: str


@dataclass(frozen=True, slots=True)
class Found:
    """The newest good checkpoint of a folder, and the names of newer ones that are damaged."""

    checkpoint: Checkpoint | None
    damaged: tuple[str, ...]


def fingerprint(document: Schedule | RunSettings) -> str:
    """A hash of a schedule or of run settings; equal for documents that say the same.

    What is said of the frozen-part cache changes no bit, and is left out.
    """
    if isinstance(document, Schedule):
        text = dumps(document)
    else:
        cache = {"cache", "cache_memory", "cache_disk"}
        text = document.model_dump_json(exclude_defaults=True, exclude=cache)
    return hashlib.sha256(text.encode()).hexdigest()


class Writer:
    """Writes checkpoints into a folder while training goes on; leave it, and all are on the disk.

    A crash at any moment leaves a good one: each is written beside, synced and renamed, and its
    name carries the first 16 hex digits of its SHA-256. Of the older ones the newest is kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._thread = ThreadPoolExecutor(1, "checkpoint", _give_way)
        self._writing: Future[Path] | None = None

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """A disk that refuses now is told unless something else has failed before."""
        try:
            self.wait()
        except RunError:
            if kind is None:
                raise
        finally:
            self._thread.shutdown()

    def save(self, checkpoint: Checkpoint) -> None:
        """Take the checkpoint's content as it is now, and write it once the one before is written.

        RunError if the disk has refused that.
        """
        self.wait()
        buffer = io.BytesIO()
        torch.save({name: getattr(checkpoint, name) for name in Checkpoint.__slots__}, buffer)
        self._writing = self._thread.submit(
            _write, self._folder, checkpoint.epoch, buffer.getbuffer()
        )

    def wait(self) -> None:
        """Wait until everything is on the disk; RunError if that refuses."""
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()


def save(folder: Path, checkpoint: Checkpoint) -> Path:
    """Write one checkpoint, see `Writer`, and return its path. RunError if the disk refuses."""
    with Writer(folder) as writer:
        writer.save(checkpoint)
    return checkpoint_files.stored(folder)[0]


def _give_way() -> None:
    """Let a thread wait for those that train: what it takes from one of them, all of them lose."""
    if sys.platform == "linux":  # where each thread has a priority of its own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOW_PRIORITY)


def _write(folder: Path, epoch: int, content: memoryview) -> Path:
    """Also takes away what a killed write has left."""
    path = folder / checkpoint_files.name(epoch, _digest(content))
    with told(path):
        folder.mkdir(parents=True, exist_ok=True)
        for left in checkpoint_files.unfinished(folder):
            left.unlink(missing_ok=True)
        replace_durably(path, content)
        for old in checkpoint_files.stored(folder)[_KEPT:]:
            old.unlink(missing_ok=True)
    return path


def newest(folder: Path) -> Found:
    """The newest checkpoint whose content is what was written, passing over damaged ones."""
    damaged: list[str] = []
    for path in checkpoint_files.stored(folder):
        checkpoint = _load(path)
        if checkpoint is not None:
            return Found(checkpoint, tuple(damaged))
        damaged.append(path.name)
    return Found(None, tuple(damaged))


def check_same(checkpoint: Checkpoint, schedule: Schedule, settings: RunSettings) -> None:
    """Raise InputError, naming which, if a checkpoint is of another schedule or other settings."""
    pairs = (
        ("schedule", checkpoint.schedule, fingerprint(schedule)),
        ("settings", checkpoint.settings, fingerprint(settings)),
    )
    for name, stored, now in pairs:
        if stored != now:
            wrong = f"is not the one that epochs 0 to {checkpoint.epoch - 1} were run with"
            way_out = "put the old one back, or start a new run in another folder"
            raise InputError(f"{name}.json", wrong, way_out)


def save_weights(path: Path, model: nn.Module) -> None:
    """Write the model's parameters and buffers as safetensors, in one step; tied ones once.

    RunError if the disk refuses.
    """
    with told(path), tempfile.TemporaryDirectory(dir=path.parent) as beside:
        try:
            save_model(model, f"{beside}/weights")
        except SafetensorError as error:
            raise unwritable(path, error) from error
        replace_durably(path, Path(beside, "weights").read_bytes())


def _load(path: Path) -> Checkpoint | None:
    try:
        content = path.read_bytes()
        if _digest(content) != checkpoint_files.digest(path):
            return None
        stored = torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
        return Checkpoint(**stored)
    except (*_UNREADABLE, TypeError):
        return None


def _digest(content: bytes | memoryview) -> str:
    return hashlib.sha256(content).hexdigest()[: checkpoint_files.DIGEST]
