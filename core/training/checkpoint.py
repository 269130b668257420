"""Checkpoints of a run: one file per epoch, whole or not there at all."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import IO, Any, cast
from zipfile import BadZipFile

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import nn

from core.errors import InputError, RunError
from core.files import atomic
from core.runs import checkpoint_files
from core.training.cache import mmap_tensor
from core.training.checkpoint_content import fits, is_plain
from core.training.provenance import Origin

FORMAT = 2
"""Counted up whenever a checkpoint holds something else, or is gone on with in another way."""
_LOW_PRIORITY = 10
_UNREADABLE = (EOFError, RuntimeError, ValueError, pickle.UnpicklingError, BadZipFile)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """All that a run needs to go on with `epoch` as if it had never been interrupted.

    `seconds` counts every session. Everything in it can be loaded with `weights_only=True`.
    """

    epoch: int
    model: dict[str, Any]
    optimizer: dict[str, Any]
    scheduler: dict[str, Any]
    random: dict[str, torch.Tensor]
    audit: dict[str, Any]
    seconds: float
    origin: Origin


@dataclass(frozen=True, slots=True)
class Found:
    """The newest good checkpoint of a folder, and the names of newer ones that are damaged."""

    checkpoint: Checkpoint | None
    damaged: tuple[str, ...]


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
        """Take away what a killed write has left, also where no other comes after it."""
        if self._folder.is_dir():
            with atomic.as_run_error(self._folder):
                atomic.clear_unfinished(self._folder)
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

        RunError if the disk has refused one of them.
        """
        self.wait()
        beside = self._folder / f".epoch-{checkpoint.epoch:05}.pt.{os.getpid()}"
        with atomic.as_run_error(self._folder):
            if not self._folder.is_dir():  # a run whose own folder is gone is not made anew
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
        """Wait until everything is on the disk; RunError if that refuses."""
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()


def _give_way() -> None:
    """Let a thread wait for those that train: what it takes from one of them, all of them lose."""
    if sys.platform == "linux":  # where each thread has a priority of its own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOW_PRIORITY)


def _content(checkpoint: Checkpoint) -> list[memoryview]:
    content: dict[str, Any] = {f.name: getattr(checkpoint, f.name) for f in fields(checkpoint)}
    content |= {"format": FORMAT, "origin": asdict(checkpoint.origin)}
    file = mmap_tensor.File()  # io.BytesIO would stay with the process: its size again, and more
    torch.save(content, cast(IO[bytes], file))
    return file.pieces()


def _write(folder: Path, epoch: int, content: list[memoryview], beside: Path) -> Path:
    """Takes away `beside` once it is done, which shows until then that it is not."""
    path = folder / checkpoint_files.name(epoch, _digest(*content))
    with atomic.as_run_error(path):
        try:
            atomic.replace_durably(path, *content)
            for old in checkpoint_files.outdated(folder, path):
                old.unlink(missing_ok=True)
        finally:
            beside.unlink(missing_ok=True)
    return path


def newest(folder: Path) -> Found:
    """Return the newest checkpoint whose content is what was written, passing over damaged ones.

    RunError if one may not be read; InputError if it was written by another version of Thaw.
    """
    damaged: list[str] = []
    for path in checkpoint_files.stored(folder):
        checkpoint = _load(path)
        if checkpoint is not None:
            return Found(checkpoint, tuple(damaged))
        damaged.append(path.name)
    return Found(None, tuple(damaged))


def save_weights(path: Path, model: nn.Module) -> None:
    """Write the model's parameters and buffers as safetensors, in one step.

    Tied ones are written under each of their names, since `load_state_dict` asks for all of them,
    and other loaders for the first: `load_model` of safetensors needs `strict=False` for these.
    Raises RunError if the disk refuses.
    """
    try:
        with atomic.as_run_error(path), atomic.replacing(path) as beside:
            beside.touch()
            mode = beside.stat().st_mode
            save_file(_untied(model.state_dict()), beside, metadata={"format": "pt"})
            beside.chmod(mode)  # safetensors lets nobody else read it
    except SafetensorError as error:
        raise atomic.unwritable(path, error) from error


def _untied(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the tensors contiguous, and those that share memory with an earlier one as copies."""
    found: dict[str, torch.Tensor] = {}
    taken: set[tuple[torch.device, int]] = set()
    for name, tensor in state.items():
        memory = (tensor.device, tensor.untyped_storage().data_ptr())
        copied = tensor.clone() if memory in taken else tensor
        found[name] = copied.contiguous()
        taken.add(memory)
    return found


def _load(path: Path) -> Checkpoint | None:
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
    found = {"format": 1, **stored}  # the first format did not say so
    if found.pop("format") != FORMAT:
        wrong = f"is not in format {FORMAT}, the one that this Thaw reads"
        way_out = "resume the run with the Thaw that began it, or start a new one"
        raise InputError(f"checkpoints/{path.name}", wrong, way_out)
    if not fits(found, checkpoint_files.epoch(path)):
        return None
    try:
        return Checkpoint(**{**found, "origin": Origin(**found["origin"])})
    except (KeyError, TypeError):
        return None


def _digest(*content: bytes | memoryview) -> str:
    digest = hashlib.sha256()
    for piece in content:
        digest.update(piece)
    return digest.hexdigest()[: checkpoint_files.DIGEST]
