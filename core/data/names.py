"""Very many names in little memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray


class Names(Sequence[str]):
    """Names in one array, which takes a third of the memory of a list.

    Forked processes share it. In a list, reading a name writes its reference count, which copies
    the memory around it.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._array = np.array([*names], np.dtypes.StringDType())

    def __len__(self) -> int:
        return len(self._array)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> Names: ...
    def __getitem__(self, at: int | slice) -> str | Names:
        return Names(self._array[at]) if isinstance(at, slice) else str(self._array[at])

    def take(self, positions: NDArray[np.int64]) -> Names:
        """Return the names at these positions."""
        return Names(self._array[positions])
