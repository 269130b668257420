"""What a hand drew, put into the schedule as it is by now: it may have changed under the hand.

A drag begins on what the browser shows. Whatever was typed or undone just before may still be on
its way then, so that an edit changes only what the hand itself has changed, and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.errors import InputError
from core.schedule import edits
from core.schedule.document import Window
from core.schedule.shapes import WSD, FloorFactor, FloorLR
from core.schedule.spec import Schedule
from pages.components.design.timeline.edit import CurveEdit, WindowsEdit

_AGAIN = "it was changed at the same time, so make the change again on what is shown now"


def with_windows(schedule: Schedule, drawn: WindowsEdit) -> Schedule:
    """Return the schedule with the edges of windows that a hand has moved, added or taken away.

    Edges that it left where they were stay where the schedule has them. InputError if a
    group is gone, or if one whose windows were added or taken away has other ones by now.
    """
    now = {group.name: group.trainable for group in schedule.groups}
    made: dict[str, Sequence[Window]] = {}
    for name, after in drawn.windows.items():
        if name not in now:
            raise InputError(name, "is no longer a group", _AGAIN)
        merged = merged_windows(drawn.before[name], after, now[name])
        if merged is None:
            raise InputError(name, "has other windows now", _AGAIN)
        made[name] = merged
    return edits.set_windows(schedule, made)


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


def with_curve(schedule: Schedule, drawn: CurveEdit) -> Schedule:
    """Return the schedule with the numbers of the shared curve that a hand has changed.

    InputError if its decay no longer has what was changed.
    """
    decay = schedule.lr.decay
    floor = decay.floor
    if drawn.floor is not None and not isinstance(floor, FloorFactor):
        raise InputError("lr.decay.floor", "is no longer a share of the peak", _AGAIN)
    if drawn.floor_lr is not None and not isinstance(floor, FloorLR):
        raise InputError("lr.decay.floor", "is no longer an absolute rate", _AGAIN)
    if drawn.cooldown is not None and not isinstance(decay, WSD):
        raise InputError("lr.decay.cooldown", "is no longer part of the curve", _AGAIN)
    restart = None if drawn.restart is None else "restart" if drawn.restart else "follow"
    changes = {
        "lr.warmup.epochs": drawn.warmup_epochs,
        "lr.warmup.start_factor": drawn.start_factor,
        "lr.decay.floor.factor": drawn.floor,
        "lr.decay.floor.lr": drawn.floor_lr,
        "lr.decay.cooldown": drawn.cooldown,
        "lr.after_unfreeze": restart,
    }
    for path, value in changes.items():
        if value is not None:
            schedule = edits.set_field(schedule, path, value)
    return schedule
