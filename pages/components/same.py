"""A key by which a cache tells large values apart: each is equal to itself alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, eq=False)
class Same(Generic[Value]):
    """Equal to another one that holds the very same object.

    For values that are kept anyway, such as layer tables: comparing them field by field would cost
    more than what the cache saves.
    """

    value: Value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other.value is self.value

    def __hash__(self) -> int:
        return id(self.value)
