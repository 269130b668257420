"""Rates by step as straight pieces: few where they are regular, at most one for two steps."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.schedule.curves import Array

Piece = tuple[int, float, float]
"""A number of steps, and the rates of the first and the last; the others lie on a line between."""


@dataclass(frozen=True)
class PiecewiseLinear:
    """A curve over `count` steps, each of which lies in one piece."""

    lengths: NDArray[np.int64]
    firsts: Array
    lasts: Array

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """The first step of each piece."""
        return np.cumsum(self.lengths) - self.lengths

    @property
    def count(self) -> int:
        """The steps of the whole curve."""
        return int(self.lengths.sum())

    @property
    def highest(self) -> float:
        """The highest rate of all steps."""
        return float(max(self.firsts.max(), self.lasts.max()))

    def at(self, steps: ArrayLike) -> Array:
        """Return the rates at steps in [0, count - 1], which may be fractions.

        Between two pieces the rate is that of the step before.
        """
        places, shares = self._places(np.asarray(steps, dtype=np.float64))
        return self._between(places, shares)

    def sums(self, steps: ArrayLike) -> Array:
        """Return the sum of the rates of all steps before each of whole `steps` in [0, count]."""
        ends = np.asarray(steps, dtype=np.float64)
        whole = np.concatenate([[0.0], np.cumsum(self.lengths * (self.firsts + self.lasts) / 2)])
        places = np.searchsorted(self.starts, ends, side="right") - 1
        into = ends - self.starts[places]
        _, shares = self._places(np.maximum(ends - 1, 0))
        reached = np.where(into > 0, self._between(places, shares), 0.0)
        return np.asarray(whole[places] + into * (self.firsts[places] + reached) / 2)

    @cached_property
    def knots(self) -> NDArray[np.int64]:
        """The first and the last step of every piece, in order and without repeats."""
        return np.unique(np.concatenate([self.starts, self.starts + self.lengths - 1]))

    def _places(self, steps: Array) -> tuple[NDArray[np.int64], Array]:
        """Return the piece of each step, and the share of that piece before it, from 0 to 1."""
        places = np.searchsorted(self.starts, steps, side="right") - 1
        widths = np.maximum(self.lengths[places] - 1, 1)
        return places, np.minimum((steps - self.starts[places]) / widths, 1.0)

    def _between(self, places: NDArray[np.int64], shares: Array) -> Array:
        first, last = self.firsts[places], self.lasts[places]
        # exact at both ends and where the piece is level
        return np.where(first == last, first, first * (1.0 - shares) + last * shares)


def from_pieces(pieces: tuple[Piece, ...]) -> PiecewiseLinear:
    """Return the curve that consists of these pieces, at least one."""
    lengths, firsts, lasts = zip(*pieces, strict=True)
    return PiecewiseLinear(np.array(lengths, dtype=np.int64), np.array(firsts), np.array(lasts))


def fit_pieces(rates: Array, within: float, most: int) -> list[Piece] | None:
    """Return pieces that differ from the rates by at most a relative `within`.

    Each is as long as possible, so a straight line is one. None if there are more than `most`.
    """
    pieces: list[Piece] = []
    at = 0
    while at < len(rates):
        if len(pieces) == most:
            return None
        length = _longest(rates[at:], within)
        pieces.append((length, float(rates[at]), float(rates[at + length - 1])))
        at += length
    return pieces


def _longest(rates: Array, within: float) -> int:
    """Return how many of the first rates one piece can hold, at least 1."""
    good, bad = 1, 2
    while bad <= len(rates) and _is_straight(rates[:bad], within):
        good, bad = bad, 2 * bad
    bad = min(bad, len(rates) + 1)
    while bad - good > 1:
        middle = (good + bad) // 2
        if _is_straight(rates[:middle], within):
            good = middle
        else:
            bad = middle
    return good


def _is_straight(rates: Array, within: float) -> bool:
    line = PiecewiseLinear(np.array([len(rates)]), rates[:1], rates[-1:]).at(np.arange(len(rates)))
    return bool((np.abs(line - rates) <= within * rates).all())
