"""Tensors and files in memory mappings, which go back to the system as soon as nothing uses them.

They are for what is large and is dropped while a run goes on. The heap would keep that memory, see
`device.keep_freed_memory`, and could not reuse it for anything larger.
"""

from __future__ import annotations

import mmap
import sys
from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor

_CHUNK = 2**24
"""Bytes by which a `MmapFile` grows. The system provides only the pages that are written to."""


def empty(shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """Return an empty tensor on the CPU, in a mapping that lives as long as any view of it.

    Raises MemoryError if there is no memory left.
    """
    size = prod(shape) * dtype.itemsize
    if not size:  # nothing can be mapped
        return torch.empty(*shape, dtype=dtype)
    return torch.frombuffer(_mapping(size), dtype=dtype).view(*shape)


class MmapFile:
    """A file in memory that is written from start to end, as `torch.save` does.

    Raises MemoryError if there is no memory left.
    """

    def __init__(self) -> None:
        self._chunks: list[mmap.mmap] = []
        self._size = 0

    def write(self, content: bytes | memoryview) -> int:
        """Append bytes and return their number."""
        rest = memoryview(content).cast("B")
        while rest:
            at = self._size % _CHUNK
            if at == 0:
                self._chunks.append(_mapping(_CHUNK))
            part = rest[: _CHUNK - at]
            self._chunks[-1][at : at + len(part)] = part
            self._size += len(part)
            rest = rest[len(part) :]
        return memoryview(content).nbytes

    def flush(self) -> None:
        """Do nothing: `torch.save` calls it, and nothing is buffered."""

    def chunks(self) -> list[memoryview]:
        """Return the content, in order."""
        sizes = [min(_CHUNK, self._size - start) for start in range(0, self._size, _CHUNK)]
        return [memoryview(chunk)[:size] for chunk, size in zip(self._chunks, sizes, strict=True)]


def _mapping(size: int) -> mmap.mmap:
    try:
        if sys.platform == "win32":
            return mmap.mmap(-1, size)
        return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except (OSError, OverflowError) as error:
        raise MemoryError(f"there are no {size:,} bytes to be mapped") from error
