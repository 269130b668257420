"""A difference between two schedules, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from core.schedule.words import listed


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference between two schedules: what it is, and its numbers as `detail`.

    `groups` names the groups that it is about as in the second schedule, or as in the first where
    only that has one; `text` begins with these names. `fields` are the places in the JSON document
    that differ: `lr.warmup.epochs`, or a group's `trainable`.
    """

    text: str
    detail: str
    fields: tuple[str, ...]
    groups: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """The text, and the detail in brackets, in one line."""
        return f"{self.text} ({self.detail})" if self.detail else self.text


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
