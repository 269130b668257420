"""Checks of windows: groups that never train, thaw too late, or train below frozen ones."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from core.checks.facts import ScheduleFacts
from core.checks.problem import Fix, Problem
from core.models.layer_table import count_elements
from core.schedule import edits, plan
from core.schedule.budget import LRBudget, budget, budgets, learning_by_epoch
from core.schedule.spec import Group, Schedule
from core.schedule.words import epochs, from_to, listed, one_or_more, percent

LITTLE = 0.05
"""Less than this share of a group's possible learning is almost none."""
FAIR = 1 / 3
"""A thaw is fair if a group's share of the learning is at least this part of that of the epochs."""


def idle_epochs(facts: ScheduleFacts) -> Iterator[Problem]:
    """In some epochs no group trains at all."""
    schedule = facts.schedule
    idle = [phase for phase in plan.phases(schedule) if not phase.training]
    if not idle:
        return
    one = len(idle) == 1 and idle[0].end - idle[0].start == 1
    spans = listed(from_to(phase.start, phase.end - 1) for phase in idle)
    head = facts.head.name
    wrong = f"are all frozen in epoch{'' if one else 's'} {spans}"
    way_out = f"let one train there, usually the last ({head})"
    mended = edits.set_windows(schedule, {head: edits.TO_THE_END})
    fix = Fix(f"Train {head} in every epoch", mended)
    yield Problem("idle-epochs", "groups", (head,), wrong, way_out, fix)


def late_window(facts: ScheduleFacts) -> Iterator[Problem]:
    """A group's window starts when the run is over."""
    schedule = facts.schedule
    for group in schedule.groups:
        in_time = [window for window in group.trainable if window[0] < schedule.epochs]
        if len(in_time) == len(group.trainable):
            continue
        where = facts.path(group.name, f"trainable[{len(in_time)}]")
        start, _ = group.trainable[len(in_time)]
        again = " again" if in_time else ""
        wrong = f"thaws{again} at epoch {start}, but the run has {epochs(schedule.epochs)}"
        way_out = f"thaw it{again} by epoch {schedule.epochs - 1}, or run longer"
        if in_time:
            fix = Fix("Remove that window", edits.set_windows(schedule, {group.name: in_time}))
        else:
            fair = _fair_start(schedule, group, schedule.epochs)
            windows = [(fair, group.trainable[0][1])]  # any others are late too
            fix = Fix(f"Thaw at {fair}", edits.set_windows(schedule, {group.name: windows}))
        names = (group.name,)
        yield Problem("late-window", where, names, wrong, way_out, fix, group.name)


def late_thaw(facts: ScheduleFacts) -> Iterator[Problem]:
    """A group thaws when hardly any of its learning is left."""
    schedule = facts.schedule
    if schedule.lr.after_unfreeze == "restart":
        return  # the curve begins anew, so what is left of it is all of it
    for group, received in zip(schedule.groups, budgets(schedule), strict=True):
        start = group.trainable[0][0] if received is not None else 0
        if start == 0 or received is None or not _is_little(received):
            continue
        earlier = _fair_start(schedule, group, start)
        fix = _thawed_at(schedule, group, earlier)
        mended = budget(fix.schedule, fix.schedule.group(group.name))
        if mended is None or _is_little(mended):
            continue  # little at any epoch: what is wrong is not the thaw
        wrong = (
            f"thaws at epoch {start}: it trains in {percent(received.epochs)} of the epochs "
            f"but gets {percent(received.learning)} of the learning"
        )
        way_out = f"thaw it by epoch {earlier}, or restart the curve when a group thaws"
        where = facts.path(group.name, "trainable[0]")
        names = (group.name,)
        yield Problem("late-thaw", where, names, wrong, way_out, fix, group.name)


def frozen_head(facts: ScheduleFacts) -> Iterator[Problem]:
    """The last group, which holds the new head, never trains while others do."""
    head = facts.head
    idle = any(not phase.training for phase in plan.phases(facts.schedule))
    if idle or facts.spans[head.name] or _is_late(facts, head):
        return
    path = facts.path(head.name, "trainable")
    wrong = "never trains, so its scores for new classes stay random"
    way_out = "let it train from the start"
    mended = edits.set_windows(facts.schedule, {head.name: edits.TO_THE_END})
    fix = Fix(f"Train {head.name} in every epoch", mended)
    yield Problem("frozen-head", path, (head.name,), wrong, way_out, fix, head.name)


def frozen_above(facts: ScheduleFacts) -> Iterator[Problem]:
    """Groups are frozen while one nearer to the input trains."""
    names, earlier = _frozen_above(facts)
    if not names:
        return
    wrong = (
        f"{one_or_more(names, 'is', 'are')} frozen in epochs in which {listed(earlier)}, "
        f"nearer to the input, {one_or_more(earlier, 'trains', 'train')}"
    )
    way_out = "thaw from the head down, unless surgical fine-tuning is what you want"
    path = facts.path(names[0], "trainable")
    yield Problem("frozen-above", path, names, wrong, way_out, subject=listed(names))


def never_trains(facts: ScheduleFacts) -> Iterator[Problem]:
    """Groups never train."""
    if not facts.training:
        return
    reported = {facts.head.name, *_frozen_above(facts)[0]}
    frozen = [
        group
        for group in facts.schedule.groups
        if not facts.spans[group.name] and group.name not in reported and not _is_late(facts, group)
    ]
    if not frozen:
        return
    names = tuple(group.name for group in reversed(frozen))  # from the head, as they are drawn
    as_at_first = "as pretrained" if facts.schedule.model.weights else "random"
    wrong = one_or_more(names, "never trains", "never train")
    if facts.layers is None:
        wrong += f" and {one_or_more(names, 'stays', 'stay')} {as_at_first}"
    else:
        paths = tuple(path for group in frozen for path in group.modules)
        wrong += f", so {count_elements(facts.layers, paths):,} parameters stay {as_at_first}"
    way_out = f"add a window if {one_or_more(names, 'it', 'they')} should change"
    path = facts.path(names[0], "trainable")
    yield Problem("never-trains", path, names, wrong, way_out, subject=listed(names))


def _is_little(received: LRBudget) -> bool:
    """Return whether a group gets almost no learning, also in view of its few epochs."""
    return received.learning < min(LITTLE, FAIR * received.epochs)


def _is_late(facts: ScheduleFacts, group: Group) -> bool:
    """Return whether all the group's windows start after the run, which is late-window."""
    return bool(group.trainable) and not facts.spans[group.name]


def _frozen_above(facts: ScheduleFacts) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the groups that are frozen while others nearer to the input train, and these others.

    Groups with the problem `frozen-head` or `late-window` are left out.
    """
    held: dict[str, None] = {}
    earlier: dict[str, None] = {}
    reported = {group.name for group in facts.schedule.groups if _is_late(facts, group)}
    if not facts.spans[facts.head.name]:
        reported.add(facts.head.name)
    for phase in plan.phases(facts.schedule):
        names, open_ = [group.name for group in facts.schedule.groups], set(phase.training)
        first = next((at for at, name in enumerate(names) if name in open_), len(names))
        frozen = [
            at
            for at in range(first, len(names))
            if names[at] not in open_ and names[at] not in reported
        ]
        held.update(dict.fromkeys(names[at] for at in frozen))
        if frozen:
            earlier.update(dict.fromkeys(n for n in names[: frozen[-1]] if n in open_))
    order = facts.indices.__getitem__
    return tuple(sorted(held, key=order)), tuple(sorted(earlier, key=order))


def _fair_start(schedule: Schedule, group: Group, before: int) -> int:
    """Return the latest epoch before `before` at which a thaw is fair to the group, or 0."""
    learning, total = learning_by_epoch(schedule, group), schedule.epochs
    end = group.trainable[0][1]
    end = total if end is None else min(end, total)
    later = [(s, min(e or total, total)) for s, e in group.trainable[1:] if s < total]
    received = np.cumsum(learning[:end][::-1])[::-1] + sum(learning[s:e].sum() for s, e in later)
    trained = (end - np.arange(end) + sum(e - s for s, e in later)) / total
    fair = np.flatnonzero(received[:before] >= FAIR * trained[:before])
    return int(fair[-1]) if len(fair) else 0


def _thawed_at(schedule: Schedule, group: Group, epoch: int) -> Fix:
    """Return the fix with a first window that begins at that epoch."""
    (_, end), *others = group.trainable
    windows = [(epoch, end), *others]
    return Fix(f"Thaw at {epoch}", edits.set_windows(schedule, {group.name: windows}))
