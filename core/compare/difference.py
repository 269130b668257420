"""A difference between two schedules, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import inf, log2
from typing import Any

from core.schedule.words import listed


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference between two schedules: what it is, and its numbers as `detail`.

    `groups` names the groups that it is about as in the second schedule, or as in the first where
    only that has one; `text` begins with these names. `fields` are the places in the JSON document
    that differ: `lr.warmup.epochs`, or a group's `trainable`. `size` is how large it is: the change
    of a share of learning, or a factor's power of two.
    """

    text: str
    detail: str
    fields: tuple[str, ...]
    groups: tuple[str, ...] = ()
    size: float = field(default=0.0, compare=False)

    @property
    def line(self) -> str:
        """The text, and the detail in brackets, in one line."""
        return f"{self.text} ({self.detail})" if self.detail else self.text


_WEIGHTS = (
    {"model.name", "model.weights", "epochs", "optimizer.name", "optimizer"},
    {"trainable", "optimizer.base_lr", "lr.group_decay", "lr_scale", "rates"},
    {"groups", "modules", "lr.after_unfreeze", "lr.decay.shape"},
)
"""The fields whose differences weigh most, and so on; those of `lr` follow, then all others."""


def by_weight(differences: Sequence[Difference]) -> tuple[Difference, ...]:
    """Return the differences; those that change the run most come first."""
    return tuple(sorted(differences, key=lambda each: (_place(each.fields[0]), -each.size)))


def size_of_change(before: Any, after: Any) -> float:
    """Return the power of two by which a number changes; infinite from or to 0, 0 for a text."""
    if before == after or not all(isinstance(each, int | float) for each in (before, after)):
        return 0.0
    ratio = after / before if before > 0 else 0.0  # 0 also for numbers too far apart
    return abs(log2(ratio)) if ratio > 0 else inf


def _place(path: str) -> int:
    """Return the place of a field in `_WEIGHTS`."""
    places = (place for place, paths in enumerate(_WEIGHTS) if path in paths)
    return next(places, len(_WEIGHTS) + (not path.startswith("lr.")))


def merged(differences: list[Difference]) -> Iterator[Difference]:
    """Yield the differences, with one in place of those that are the same for several groups.

    Only texts that begin with `NAME: ` are merged.
    """
    groups_of: dict[tuple[str, str], list[str]] = {}
    for each in differences:
        groups_of.setdefault(_without_group(each), []).extend(each.groups)
    for each in differences:
        rest, detail = _without_group(each)
        names = groups_of[rest, detail]
        if not rest.startswith(": ") or len(names) < 2:
            yield each
        elif names[0] == each.groups[0]:
            yield replace(each, text=f"{listed(names, 3)}{rest}", groups=tuple(names))


def _without_group(each: Difference) -> tuple[str, str]:
    return each.text[len(each.groups[0]) :] if each.groups else each.text, each.detail
