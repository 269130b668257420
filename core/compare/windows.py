"""Differences between the epochs in which a group trains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.compare import formats
from core.compare.difference import Difference
from core.schedule import plan
from core.schedule.spec import BaseGroup
from core.schedule.words import epochs as many_epochs
from core.schedule.words import percent


@dataclass(frozen=True, slots=True)
class GroupTimes:
    """When the groups of a run train, and each group's share of learning by its name."""

    epochs: int
    learning: Mapping[str, float | None]

    def share(self, group: BaseGroup) -> float:
        """Return the group's share of learning; 0 if it never trains."""
        return self.learning[group.name] or 0.0

    def trains(self, group: BaseGroup) -> str:
        """Return when the group trains, in words."""
        return formats.spans(self.spans(group), self.epochs)

    def spans(self, group: BaseGroup) -> tuple[plan.Span, ...]:
        """Return the epochs in which the group trains."""
        return plan.training_spans(group, self.epochs)

    def starts_and_ends(self, group: BaseGroup) -> tuple[tuple[int, int | None], ...]:
        """Return the epochs in which the group trains, with None for the end of the run."""
        last = self.epochs
        return tuple((start, None if end == last else end) for start, end in self.spans(group))


def window_difference(
    one: GroupTimes, before: BaseGroup, other: GroupTimes, after: BaseGroup
) -> Difference | None:
    """Return the difference, as in "thaws 2 epochs earlier"; None if there is none.

    The ends of both runs count as the same epoch.
    """
    text = _difference(one.starts_and_ends(before), other.starts_and_ends(after))
    if text is None:
        return None
    old, new = one.share(before), other.share(after)
    shares = f"share of learning {percent(old)} → {percent(new)}"
    detail = f"{one.trains(before)} → {other.trains(after)}, {shares}"
    names = (after.name,)
    return Difference(f"{after.name} {text}", detail, ("trainable",), names, abs(new - old))


_Ends = tuple[tuple[int, int | None], ...]


def _difference(a: _Ends, b: _Ends) -> str | None:
    if a == b:
        return None
    if not a:
        return "now trains"
    if not b:
        return "no longer trains"
    if len(a) > 1 or len(b) > 1:
        return "trains in other epochs"
    (start, end), (new_start, new_end) = a[0], b[0]
    changes = []
    if start != new_start:
        when = "earlier" if new_start < start else "later"
        changes.append(f"thaws {many_epochs(abs(new_start - start))} {when}")
    if end != new_end:
        changes.append(_freezes(end, new_end))
    return " and ".join(changes)


def _freezes(end: int | None, new_end: int | None) -> str:
    if new_end is None:
        return "trains to the end"
    if end is None:
        return f"freezes again at epoch {new_end}"
    when = "earlier" if new_end < end else "later"
    return f"freezes {many_epochs(abs(new_end - end))} {when}"
