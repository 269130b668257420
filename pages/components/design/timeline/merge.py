"""Edits of the timeline, put into the schedule as it is by now: it may have changed meanwhile.

A drag begins on what the browser shows. Whatever was typed or undone just before may still be on
its way then, so that an edit changes only what the hand itself has changed, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from core.errors import InputError
from core.schedule import edits
from core.schedule.document import Window
from core.schedule.parse import to_raw
from core.schedule.spec import Schedule
from pages.components.design.timeline.events import FieldsEvent, GroupFields, GroupsEvent

_AGAIN = "it was changed at the same time, so make the change again on what is shown now"


def with_groups(schedule: Schedule, event: GroupsEvent) -> Schedule:
    """Return the schedule with what a hand has changed of its groups.

    Edges that it left where they were stay where the schedule has them. InputError if a
    group is gone, or if one whose windows were added or taken away has other ones by now.
    """
    now = {group.name: group for group in schedule.groups}
    changes: dict[str, dict[str, Any]] = {}
    for name, after in event.after.items():
        if name not in now:
            raise InputError(name, "is no longer a group", _AGAIN)
        changes[name] = after.model_dump(exclude_none=True)
        before = event.before.get(name, GroupFields()).trainable
        if after.trainable is not None and before is not None:
            merged = merged_windows(before, after.trainable, now[name].trainable)
            if merged is None:
                raise InputError(name, "has other windows now", _AGAIN)
            changes[name]["trainable"] = merged
    return edits.set_groups(schedule, changes)


def merged_windows(
    before: Sequence[Window], after: Sequence[Window], now: Sequence[Window]
) -> Sequence[Window] | None:
    """Windows `now` with what has changed from `before` to `after`; None if that cannot be told."""
    if now in (before, after):
        return after
    if not len(before) == len(after) == len(now):
        return None
    return tuple(
        (
            is_[0] if new[0] == old[0] else new[0],
            is_[1] if new[1] == old[1] else new[1],
        )
        for old, new, is_ in zip(before, after, now, strict=True)
    )


def with_fields(schedule: Schedule, event: FieldsEvent) -> Schedule:
    """Return the schedule with the fields of the shared curve that a hand has changed.

    InputError if it no longer has one of them.
    """
    there = curve_fields(schedule)
    for path, value in event.fields.items():
        if path not in there:
            raise InputError(path, "is no longer part of the curve", _AGAIN)
        schedule = edits.set_field(schedule, path, value)
    return schedule


def curve_fields(schedule: Schedule) -> dict[str, float | str]:
    """Return the fields of the shared curve by their dotted paths, as in "lr.warmup.epochs"."""
    return dict(_leaves("lr", to_raw(schedule)["lr"]))


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _leaves(f"{path}.{name}", part)
    else:
        yield path, value
