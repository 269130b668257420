"""Images that are decoded batch by batch and not held, in the training process or in workers."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from core.data.image_files import UNREADABLE, why_unreadable
from core.data.image_folder import ImageFiles
from core.errors import RunError
from core.training import augment
from core.training.decoding import decode

_START_METHOD = "fork" if sys.platform == "linux" else None
"""A forked worker begins at once and shares the files' names; elsewhere torch chooses."""


@dataclass(frozen=True, slots=True)
class ImageStream:
    """Images of files, indexed as a uint8 tensor of shape (n, 3, size, size) would be.

    They are decoded with `side` pixels a side, of which the middle `size` are taken.
    """

    files: ImageFiles
    side: int
    size: int
    workers: int

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """The shape of the tensor that would hold all of them."""
        return len(self.files), 3, self.size, self.size

    def __getitem__(self, positions: Tensor) -> Tensor:
        """Return the images at these positions; raise RunError, naming the file, if one is bad."""
        images = torch.empty((len(positions), *self.shape[1:]), dtype=torch.uint8)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for row, at in enumerate(positions.tolist()):
                images[row] = augment.center_crop(self._decode(at), self.size)
        return images

    def file_sizes(self) -> Iterator[tuple[str, int]]:
        """Yield the name of each file and its size in bytes; raise RunError if one is gone."""
        for at, name in enumerate(self.files.names):
            try:
                yield name, self.files.path(at).stat().st_size
            except OSError as error:
                raise self._unreadable(at, error) from None

    def _decode(self, at: int) -> Tensor:
        try:
            return decode(self.files.path(at), self.side)
        except UNREADABLE as error:
            raise self._unreadable(at, error) from None

    def _unreadable(self, at: int, error: BaseException) -> RunError:
        way_out = "put it back as it was and resume the run, or start a new one without it"
        return RunError(
            f"{self.files.path(at)} cannot be read ({why_unreadable(error)}): {way_out}"
        )


def load(
    pixels: Callable[[Tensor], Tensor], batches: Iterable[Tensor], workers: int
) -> Iterator[Tensor]:
    """Yield the pixels of each batch of entries, in order, as worker processes make them.

    The workers end with the iterator. Raises RunError where `pixels` does, and if a worker dies.
    """
    with warnings.catch_warnings(), _without_signal_handler():
        warnings.simplefilter("ignore")  # more workers than cores, or a fork beside other threads
        loader = DataLoader(
            _Batches(pixels),
            batch_size=None,
            sampler=(entries.tolist() for entries in batches),
            num_workers=workers,
            worker_init_fn=_begin_worker,
            multiprocessing_context=_START_METHOD,
            generator=torch.Generator(),  # leaves the global one to the model
        )
        others = multiprocessing.active_children()
        loaded = iter(loader)
        started = [each for each in multiprocessing.active_children() if each not in others]
    try:
        while (batch := _next(loaded)) is not None:
            yield batch
    finally:
        del loaded  # which ends the workers, unless the traceback of an error holds it too
        for worker in started:
            worker.terminate()
            worker.join()


def _next(loaded: Iterator[Tensor | str]) -> Tensor | None:
    """Return the next batch, None at the end; raise RunError for a file or a worker that failed."""
    try:
        batch = next(loaded, None)
    except (RuntimeError, OSError, EOFError) as error:  # a dead worker's connection is closed
        reason = str(error).rstrip(". \n").rpartition("\n")[2]  # after its traceback, if any
        raise RunError(
            f"a process that decodes images failed ({reason}): resume the run; if it fails again, "
            "start one with fewer --workers"
        ) from error
    if isinstance(batch, str):
        raise RunError(batch)
    return batch


@contextmanager
def _without_signal_handler() -> Iterator[None]:
    """Take back the handler that torch sets for the death of a worker.

    It raises wherever the process is, as in a write to the disk. Without it, whoever waits for the
    worker's batch sees within seconds that the worker is dead.
    """
    if sys.platform == "win32":
        yield
        return
    before = signal.getsignal(signal.SIGCHLD)
    yield
    if signal.getsignal(signal.SIGCHLD) is not before:
        signal.signal(signal.SIGCHLD, before)


class _Batches(Dataset[Tensor | str]):
    """Batches of pixels by their entries; the message of a RunError in the place of those."""

    def __init__(self, pixels: Callable[[Tensor], Tensor]) -> None:
        self._pixels = pixels

    def __getitem__(self, entries: list[int]) -> Tensor | str:
        try:
            pixels = self._pixels(torch.tensor(entries))
        except RunError as error:  # a DataLoader would raise it with a traceback as its message
            return str(error)
        pixels.untyped_storage().share_memory_()  # here, where an error is seen
        return pixels


def _begin_worker(_: int) -> None:
    """Leave Ctrl-C to the process that trains, and end with it, however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_exit_with_parent, daemon=True).start()


def _exit_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(0)
