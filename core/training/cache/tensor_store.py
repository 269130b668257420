"""Tensors with a row per entry, stored in memory or in a file, and read back row by row."""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core.errors import RunError
from core.training.cache import mmap_tensor


class NoRoomError(Exception):
    """There is no room for rows; the message says where."""


class _Layout:
    """The order of the rows' dimensions in memory, the outermost first.

    Rows are read back with the strides that they had, since kernels are chosen by strides.
    """

    def __init__(self, like: Tensor) -> None:
        strides = like.stride()
        self._dims = (0, *sorted(range(1, like.dim()), key=lambda dim: -strides[dim]))

    def stored(self, rows: Tensor) -> Tensor:
        """Return the rows with their dimensions in the order in which they lie in memory."""
        return rows.permute(self._dims)

    def restored(self, rows: Tensor) -> Tensor:
        """Return stored rows with their dimensions in the original order."""
        return rows.permute([self._dims.index(dim) for dim in range(rows.dim())])


class MemoryRows:
    """Rows in one tensor on the device of `like`, with the shape and type of its rows.

    On the CPU the memory goes back to the system with the rows, as the next pass may need more.
    Raises NoRoomError if there is not enough memory.
    """

    def __init__(self, count: int, like: Tensor) -> None:
        self._layout = _Layout(like)
        shape = (count, *self._layout.stored(like).shape[1:])
        try:
            if like.device.type == "cpu":
                self._tensor = mmap_tensor.empty(shape, like.dtype)
            else:
                self._tensor = torch.empty(shape, dtype=like.dtype, device=like.device)
        except (MemoryError, RuntimeError) as error:  # torch.empty raises either
            size = count * like[0].nbytes
            raise NoRoomError(f"there is no memory for another {size / 1e6:,.0f} MB") from error

    def write(self, start: int, rows: Tensor) -> None:
        """Store rows from position `start` on."""
        self._tensor[start : start + len(rows)] = self._layout.stored(rows)

    def read(self, positions: Tensor) -> Tensor:
        """Return a copy of the rows at these positions, in their order."""
        return self._layout.restored(self._tensor[positions.to(self._tensor.device)])


class FileRows:
    """Rows in a temporary file in `folder`, which is gone with the process, however that ends.

    Rows are read and not mapped, so that those read do not add up in the process's memory; the
    system's file cache keeps what it has room for.
    """

    def __init__(self, count: int, like: Tensor, folder: Path) -> None:
        self._layout = _Layout(like)
        self._shape = self._layout.stored(like).shape[1:]
        self._dtype, self._device = like.dtype, like.device
        self._size = like[0].nbytes
        self._folder = folder
        with _no_room(folder):
            self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - stays open
            weakref.finalize(self, self._file.close)
            self._file.truncate(count * self._size)

    def write(self, start: int, rows: Tensor) -> None:
        """Store rows from position `start` on; raise NoRoomError if the disk is full."""
        content = _memory(self._layout.stored(rows).cpu().contiguous())
        with _no_room(self._folder):
            self._file.seek(start * self._size)
            while content:
                content = content[self._file.write(content) :]

    def read(self, positions: Tensor) -> Tensor:
        """Return a copy of the rows at these positions, in their order."""
        rows = torch.empty((len(positions), *self._shape), dtype=self._dtype)
        content = _memory(rows)
        for at, position in enumerate(positions.tolist()):
            self._file.seek(position * self._size)
            rest = content[at * self._size : (at + 1) * self._size]
            while rest:
                count = self._file.readinto(rest)
                if not count:
                    raise RunError(f"a stored row of the frozen-part cache is gone: row {position}")
                rest = rest[count:]
        return self._layout.restored(rows).to(self._device)


Rows = MemoryRows | FileRows
"""Rows of one shape and type; each is written once and may be read in any order."""


@contextmanager
def _no_room(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise NoRoomError(f"nothing more can be stored in {folder} ({reason})") from error


def _memory(tensor: Tensor) -> memoryview:
    """Return the tensor's memory as bytes, by a view of bytes, since numpy has no bfloat16."""
    content: Any = tensor.view(-1).view(torch.uint8).numpy()
    return memoryview(content)
