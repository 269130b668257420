"""Checks of the warmup: too long, over too soon, or missed by groups that thaw later."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from core.checks.facts import ScheduleFacts
from core.checks.problem import Fix, Problem
from core.schedule import curves, edits
from core.schedule.curves import curve_start
from core.schedule.spec import Group, Schedule
from core.schedule.words import epochs, listed, one_or_more, percent, rate

FULL = 0.75
"""A rate of this share of the peak or more counts as the full rate."""
START = 0.1
"""The start factor of a fix, as a share of the peak."""
HIGH = 1e-3
"""PyTorch's default rate of Adam and AdamW; it is high for pretrained layers."""


def long_warmup(facts: ScheduleFacts) -> Iterator[Problem]:
    """Warmup takes the whole run, or all that is left of it for a group that restarts its curve."""
    schedule = facts.schedule
    warmup, total = schedule.lr.warmup.epochs, schedule.epochs
    left = curve_lengths(schedule)
    shortest = min(left.values(), default=total)
    if warmup < shortest:
        return
    mended = shortest - 1 if shortest > 1 else 0.5  # not 0, which is no warmup at all
    way_out = f"shorten the warmup to at most {mended:g}"
    groups: tuple[str, ...] = ()
    if warmup >= total:
        but = f"the run has {epochs(total)}"
        way_out += f", or run {int(warmup) + 1} epochs or more"
    else:
        groups = tuple(name for name, rest in left.items() if rest <= warmup)
        latest = min(groups, key=lambda name: left[name])
        but = f"{latest} restarts with {epochs(shortest)} left"
        way_out += f", or thaw {latest} earlier"
    wrong = f"is {warmup:g}, but {but}"
    fix = Fix(
        f"Shorten the warmup to {epochs(mended)}",
        edits.set_field(schedule, "lr.warmup.epochs", mended),
    )
    yield Problem("long-warmup", "lr.warmup.epochs", groups, wrong, way_out, fix)


def zero_epoch(facts: ScheduleFacts) -> Iterator[Problem]:
    """Warmup begins at 0 and rates change between epochs only, so that an epoch is lost."""
    schedule = facts.schedule
    if schedule.lr.interval != "epoch" or schedule.lr.warmup.start_factor > 0:
        return
    idle = [g for g in facts.training if not curves.lr(schedule, g, facts.first_thaws[g.name])]
    if not idle:
        return
    names = tuple(group.name for group in reversed(idle))  # from the head, as they are drawn
    wrong = (
        f"is 0 and the rate changes between epochs only, so {listed(names)} "
        f"{one_or_more(names, 'trains', 'train')} for a whole epoch at rate 0"
    )
    way_out = "start the warmup above 0, or change the rate at every step"
    mended = edits.set_field(schedule, "lr.warmup.start_factor", START)
    fix = Fix(f"Start the warmup at {percent(START)}", mended)
    yield Problem("zero-epoch", "lr.warmup.start_factor", names, wrong, way_out, fix)


def no_warmup(facts: ScheduleFacts) -> Iterator[Problem]:
    """An optimizer that needs a warmup trains pretrained layers at a high rate without one."""
    if not _begins_cold(facts):
        return
    schedule = facts.schedule
    names = _pretrained_at_start(facts)
    first = max(names, key=facts.peaks.__getitem__)
    length = _fitting_length(schedule, 1.0)
    cold = any(thaw.share >= FULL for thaw in _unwarmed_thaws(facts))
    wrong = f"is 0, while {first} begins at its full rate, {rate(facts.peaks[first], 2)}"
    way_out = f"give {schedule.optimizer.title()} a warmup"
    warmed = Fix(f"Warmup of {epochs(length)}", _with_warmup(schedule, length))
    fix = _restarted(schedule) if cold else warmed  # which gives those that thaw later theirs too
    yield Problem("no-warmup", "lr.warmup.epochs", names, wrong, way_out, fix)


def cold_thaw(facts: ScheduleFacts) -> Iterator[Problem]:
    """Groups thaw at their full rate, with no warmup of their own."""
    cold = [thaw for thaw in _unwarmed_thaws(facts) if thaw.share >= FULL]
    if not cold or _begins_cold(facts):
        return
    names = tuple(thaw.group.name for thaw in reversed(cold))  # from the head, as they are drawn
    shares = [percent(thaw.share) for thaw in reversed(cold)]
    if len(cold) > 2:
        by_share = sorted(thaw.share for thaw in cold)
        shares = [" to ".join(dict.fromkeys((percent(by_share[0]), percent(by_share[-1]))))]
    wrong = (
        f"{one_or_more(names, 'thaws', 'thaw')} at {listed(shares)} of "
        f"{one_or_more(names, 'its peak rate', 'their peak rates')}, with no warmup of "
        f"{one_or_more(names, 'its', 'their')} own"
    )
    way_out = "restart the curve when a group thaws"
    path, subject = facts.path(names[0], "trainable[0]"), listed(names)
    fix = _restarted(facts.schedule)
    yield Problem("cold-thaw", path, names, wrong, way_out, fix, subject)


def early_warmup(facts: ScheduleFacts) -> Iterator[Problem]:
    """Warmup is over before any group but the last thaws, so it warms up nothing pretrained.

    Where a group then thaws at its full rate, that is cold-thaw instead.
    """
    warmup = facts.schedule.lr.warmup.epochs
    thaws = {g.name: facts.first_thaws[g.name] for g in facts.training if g is not facts.head}
    missed = {thaw.group.name: thaw.share for thaw in _unwarmed_thaws(facts)}
    if warmup == 0 or not thaws or thaws.keys() - missed.keys() or max(missed.values()) >= FULL:
        return
    first = min(reversed(thaws), key=thaws.__getitem__)
    wrong = (
        f"is {warmup:g}, but no group except {facts.head.name} trains before epoch "
        f"{thaws[first]}, when {first} thaws"
    )
    way_out = "restart the curve when a group thaws"
    fix = _restarted(facts.schedule)
    yield Problem("early-warmup", "lr.warmup.epochs", (first,), wrong, way_out, fix)


@dataclass(frozen=True, slots=True)
class _Thaw:
    """A group's first thaw, and the rate at which it begins as a share of its peak."""

    group: Group
    share: float


def _unwarmed_thaws(facts: ScheduleFacts) -> list[_Thaw]:
    """Return the first thaws, after the start, of pretrained groups that get no warmup.

    Groups whose peak is at most the floor are left out, and so is the last group: a new head has
    nothing to lose.
    """
    schedule = facts.schedule
    warmup, restarts = schedule.lr.warmup.epochs, schedule.lr.after_unfreeze == "restart"
    if schedule.lr.warmup.start_factor >= FULL:
        warmup = 0.0  # it begins at the full rate
    thaws = []
    for group in facts.training:
        thaw, top = facts.first_thaws[group.name], facts.peaks[group.name]
        warmed = warmup > 0 if restarts else thaw < warmup
        at_floor = (schedule.lr.floor_lr or 0.0) >= FULL * top  # rising-lr, or hardly falling
        if thaw > 0 and not warmed and not at_floor and group is not facts.head:
            share = float(curves.lr(schedule, group, thaw)) / top
            thaws.append(_Thaw(group, share))
    return thaws


def _pretrained_at_start(facts: ScheduleFacts) -> tuple[str, ...]:
    """Return the pretrained groups that train at a high rate from the first epoch."""
    if facts.schedule.model.weights is None:
        return ()
    return tuple(
        group.name
        for group in facts.training
        if group is not facts.head
        and facts.first_thaws[group.name] == 0
        and facts.peaks[group.name] >= HIGH
    )


def _begins_cold(facts: ScheduleFacts) -> bool:
    schedule = facts.schedule
    unwarmed = schedule.optimizer.needs_warmup and schedule.lr.warmup.epochs == 0
    return unwarmed and bool(_pretrained_at_start(facts))


def _restarted(schedule: Schedule) -> Fix:
    """Return the fix with a curve that restarts at each thaw, and a warmup that fits in."""
    mended = edits.set_field(schedule, "lr.after_unfreeze", "restart")
    warmup = schedule.lr.warmup.epochs
    length = _fitting_length(mended, warmup or 1.0)
    warmed = _with_warmup(mended, length)
    if warmed == mended:
        return Fix("Restart the curve", mended)
    return Fix(f"Restart the curve, warmup of {epochs(length)}", warmed)


def curve_lengths(schedule: Schedule) -> dict[str, int]:
    """Return the epochs that each group's curve lasts, if it begins within the run."""
    left = {g.name: schedule.epochs - curve_start(schedule, g) for g in schedule.groups}
    return {name: rest for name, rest in left.items() if rest > 0}


def _fitting_length(schedule: Schedule, length: float) -> float:
    """Return the length, or half of the shortest curve where that is too long for it."""
    shortest = min(curve_lengths(schedule).values(), default=schedule.epochs)
    return length if length < shortest else shortest / 2


def _with_warmup(schedule: Schedule, length: float) -> Schedule:
    """Return the schedule with a warmup of so many epochs, from well below the peak."""
    mended = edits.set_field(schedule, "lr.warmup.epochs", length)
    if mended.lr.warmup.start_factor < FULL:
        return mended
    return edits.set_field(mended, "lr.warmup.start_factor", START)
