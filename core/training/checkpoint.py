"""Checkpoints of a run: one file per epoch, whole or not there at all."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import torch
from safetensors.torch import save_model
from torch import nn

from core.design.parse import dumps
from core.design.spec import Schedule
from core.errors import InputError, RunError
from core.runs.settings import RunSettings

_KEPT = 2
"""The newest, and the one before in case the newest turns out to be damaged."""
_DIGEST = 16
_NAME = re.compile(rf"epoch-(\d{{5}})-([0-9a-f]{{{_DIGEST}}})\.pt")
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
    """A hash of a schedule or of run settings; equal for documents that say the same."""
    text = dumps(document) if isinstance(document, Schedule) else document.model_dump_json()
    return hashlib.sha256(text.encode()).hexdigest()


def save(folder: Path, checkpoint: Checkpoint) -> Path:
    """Write a checkpoint so that a crash at any moment leaves a good one; returns its path.

    It is written beside, synced and renamed; its name carries the first 16 hex digits of its
    SHA-256. Of the older ones, the newest is kept. RunError if the disk refuses.
    """
    buffer = io.BytesIO()
    torch.save({name: getattr(checkpoint, name) for name in Checkpoint.__slots__}, buffer)
    content = buffer.getvalue()
    path = folder / f"epoch-{checkpoint.epoch:05}-{_digest(content)}.pt"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_durably(path, content)
    except OSError as error:
        raise RunError(
            f"{path} cannot be written ({error.strerror}): "
            "make room or allow it there, and resume the run"
        ) from error
    for old in _stored(folder)[_KEPT:]:
        old.unlink(missing_ok=True)
    return path


def write_durably(path: Path, content: bytes) -> None:
    """Replace a file by new content in one step that survives a power cut."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    if os.name == "posix":  # the rename itself lies in the folder
        descriptor = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def newest(folder: Path) -> Found:
    """The newest checkpoint whose content is what was written, passing over damaged ones."""
    damaged: list[str] = []
    for path in _stored(folder):
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
    """Write the model's parameters and buffers as safetensors, in one step; tied ones once."""
    with tempfile.TemporaryDirectory(dir=path.parent) as beside:
        save_model(model, f"{beside}/weights")
        write_durably(path, Path(beside, "weights").read_bytes())


def _load(path: Path) -> Checkpoint | None:
    match = _NAME.fullmatch(path.name)
    try:
        content = path.read_bytes()
        if match is None or _digest(content) != match[2]:
            return None
        stored = torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
        return Checkpoint(**stored)
    except (*_UNREADABLE, TypeError):
        return None


def _stored(folder: Path) -> list[Path]:
    """Checkpoint files, newest first."""
    if not folder.is_dir():
        return []
    return sorted((p for p in folder.iterdir() if _NAME.fullmatch(p.name)), reverse=True)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_DIGEST]
