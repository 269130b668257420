"""Lists of names, counts, epochs, rates and shares, as messages write them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import count

MIN_DIGITS = 3
"""Digits of a number that a person reads at a glance."""


def listed(names: Iterable[str], limit: int = 6) -> str:
    """Return `a, b and c` for one name or more; beyond `limit` the last ones are only counted."""
    *others, last = names
    if len(others) >= limit:
        others, last = others[: limit - 1], f"{len(others) + 2 - limit} more"
    return f"{', '.join(others)} and {last}" if others else last


def columns(rows: Sequence[tuple[str, ...]], right: Collection[int] = ()) -> Iterator[str]:
    """Yield a line for every row, with aligned cells; columns in `right` are aligned right."""
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    for row in rows:
        cells = (
            f"{cell:>{width}}" if at in right else f"{cell:{width}}"
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(cells).rstrip()


def counted(many: float, thing: str) -> str:
    """Return `1 group`, `2 groups`, `2 classes`, `0.5 epochs` or `1,200 steps`."""
    number = f"{many:,}" if isinstance(many, int) else f"{many:g}"
    plural = "es" if thing.endswith("s") else "s"
    return f"{number} {thing}{'' if many == 1 else plural}"


def epochs(many: float) -> str:
    """Return `1 epoch`, `2 epochs` or `0.5 epochs`."""
    return counted(many, "epoch")


def from_to(first: int, last: int) -> str:
    """Return `3`, or `3 to 5`, both included."""
    return str(first) if first == last else f"{first} to {last}"


def rate(value: float, digits: int = MIN_DIGITS) -> str:
    """Return a rate as `1e-3`, `2.5e-4`, `0.1`, `0`."""
    if value == 0 or 0.01 <= value < 1000:
        plain = f"{value:.{digits}g}"
        if "e" not in plain:
            return plain
    mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{mantissa}e{int(power)}"


def percent(share: float) -> str:
    """Return a share in percent, with two digits: `62%`, `3.6%`, `0.091%`, `0%`."""
    return f"{100 * share:.2g}%" if share < 0.0995 else f"{share:.0%}"


def one_or_more(names: tuple[str, ...], one: str, more: str) -> str:
    """Return the form of a verb or noun for one name, or for more."""
    return one if len(names) == 1 else more


def numbered(name: str, suffix: str = " {}", longest: int | None = None) -> Iterator[str]:
    """Yield the name, then `name 2`, `name 3` and so on, each cut to `longest` characters."""
    yield name[:longest]
    for number in count(2):
        end = suffix.format(number)
        yield name[: None if longest is None else longest - len(end)] + end
