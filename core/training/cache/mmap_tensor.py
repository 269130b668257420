"""Memory that goes back to the system as soon as nothing uses it: a mapping of its own.

For what is large and is dropped while a run goes on. The heap would keep it (`allocator`), and what
is larger than the hole that it leaves would come on top of it.
"""

from __future__ import annotations

import mmap
import sys
from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor

_PIECE = 2**24
"""Bytes by which a `File` grows; of the last piece the system gives only what is written to."""


def empty(shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """Return a tensor on the CPU, in a mapping that lives as long as any view of it.

    Raises MemoryError if there is none left.
    """
    size = prod(shape) * dtype.itemsize
    if not size:  # nothing can be mapped
        return torch.empty(*shape, dtype=dtype)
    return torch.frombuffer(_mapping(size), dtype=dtype).view(*shape)


class File:
    """A file in memory that is written from start to end, as `torch.save` does.

    Raises MemoryError if there is none left.
    """

    def __init__(self) -> None:
        self._pieces: list[mmap.mmap] = []
        self._size = 0

    def write(self, content: bytes | memoryview) -> int:
        """Append bytes and return their number."""
        left = memoryview(content).cast("B")
        while left:
            at = self._size % _PIECE
            if at == 0:
                self._pieces.append(_mapping(_PIECE))
            taken = left[: _PIECE - at]
            self._pieces[-1][at : at + len(taken)] = taken
            self._size += len(taken)
            left = left[len(taken) :]
        return memoryview(content).nbytes

    def flush(self) -> None:
        """Do nothing, since nothing waits to be written."""

    def pieces(self) -> list[memoryview]:
        """Return all that was written, in order."""
        sizes = [min(_PIECE, self._size - start) for start in range(0, self._size, _PIECE)]
        return [memoryview(piece)[:size] for piece, size in zip(self._pieces, sizes, strict=True)]


def _mapping(size: int) -> mmap.mmap:
    try:
        if sys.platform == "win32":
            return mmap.mmap(-1, size)
        return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except (OSError, OverflowError) as error:
        raise MemoryError(f"there are no {size:,} bytes to be mapped") from error
