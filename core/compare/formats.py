"""Values of two schedules in words, with as many digits as it takes to tell them apart."""

from __future__ import annotations

from collections.abc import Callable

from core.schedule.plan import Span
from core.schedule.words import MIN_DIGITS, from_to, listed

_MAX_DIGITS = 17
"""Digits that tell any two floats apart."""
NumberFormat = Callable[[float, int], str]


def number(value: float, digits: int = MIN_DIGITS) -> str:
    """Return a number as `0.125`, `8`, `10000`."""
    return f"{value:.{max(digits, 6)}g}"


def times(value: float, digits: int = MIN_DIGITS) -> str:
    """Return a factor as `×0.5`."""
    return f"×{number(value, digits)}"


def change(before: float, after: float, number_format: NumberFormat = number) -> str:
    """Return `1e-3 → 5e-4`, with as many digits as it takes for the two to differ."""
    for digits in range(MIN_DIGITS, _MAX_DIGITS + 1):
        one, other = number_format(before, digits), number_format(after, digits)
        if one != other:
            break
    return f"{one} → {other}"


def spans(windows: tuple[Span, ...], epochs: int) -> str:
    """Return windows as `never`, `all the time`, `from 2`, `2 to 5` or `0 to 2, 4 and from 6`.

    The first and the last epoch of each window are named.
    """
    if not windows:
        return "never"
    if windows == ((0, epochs),):
        return "all the time"
    return listed(f"from {a}" if b == epochs else from_to(a, b - 1) for a, b in windows)
