"""Checks of rates: floors above peaks, peaks far apart, and too few or too coarse steps."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from core.checks import windows
from core.checks.facts import ScheduleFacts
from core.checks.problem import Fix, Problem
from core.schedule import edits
from core.schedule.curves import peak
from core.schedule.shapes import FloorFactor
from core.schedule.spec import Schedule
from core.schedule.words import counted, epochs, listed, one_or_more, rate

FLAT = 0.9
"""A floor of this share of the peak or more leaves nothing to anneal."""
SAME = 0.99
"""A floor of this share of a group's peak or more is its peak."""
USUAL_FLOOR = 0.01
WIDE = 1e6
NARROWER = 1e4
FEW_EPOCHS = 5
_ROUNDING = 1 + 1e-9


def rising_lr(facts: ScheduleFacts) -> Iterator[Problem]:
    """An absolute floor lies above some groups' peaks, so that their rates rise instead of falling.

    Where it lies above all of them, that is floor-above-peak instead.
    """
    floor = facts.schedule.lr.floor_lr
    if floor is None or _flat_floor(facts) is not None:
        return
    rising = {name: value for name, value in facts.peaks.items() if floor > value * _ROUNDING}
    if not rising:
        return
    named = listed(f"{name} ({rate(value, 2)})" for name, value in rising.items())
    wrong = (
        f"is {rate(floor, 6)}, above the peak of {named}, so the rate rises{_fold(rising, floor)}"
    )
    way_out = "make the floor a factor of each group's peak"
    fix = Fix("Floor as a factor", edits.to_relative_floor(facts.schedule))
    yield Problem("rising-lr", "lr.decay.floor.lr", tuple(rising), wrong, way_out, fix)


def flat_lr(facts: ScheduleFacts) -> Iterator[Problem]:
    """Groups that train peak at the absolute floor, so that their rates never fall.

    Groups that peak below it are in rising-lr; where no rate falls, that is floor-above-peak.
    """
    floor = facts.schedule.lr.floor_lr
    if floor is None or _flat_floor(facts) is not None:
        return
    peaks = {group.name: facts.peaks[group.name] for group in reversed(facts.training)}
    flat = {n: peak for n, peak in peaks.items() if SAME * peak <= floor <= peak * _ROUNDING}
    if not flat or all(floor > FLAT * peak for peak in peaks.values()):
        return
    names = tuple(flat)  # from the head, as they are drawn
    wrong = (
        f"is {rate(floor, 6)}, and {listed(f'{name} ({rate(flat[name], 2)})' for name in names)} "
        f"{one_or_more(names, 'peaks', 'peak')} there, so "
        f"{one_or_more(names, 'its rate never falls', 'their rates never fall')}"
    )
    way_out = "make the floor a factor of each group's peak"
    fix = Fix("Floor as a factor", edits.to_relative_floor(facts.schedule))
    yield Problem("flat-lr", "lr.decay.floor.lr", names, wrong, way_out, fix)


def floor_above_peak(facts: ScheduleFacts) -> Iterator[Problem]:
    """The floor is as high as every group's peak or higher, so that no rate falls."""
    share = _flat_floor(facts)
    if share is None:
        return
    fix = Fix(
        f"Floor at {USUAL_FLOOR:g} of the peak",
        edits.set_field(facts.schedule, "lr.decay.floor", {"factor": USUAL_FLOOR}),
    )
    way_out = f"lower it, say to {USUAL_FLOOR:g} of each group's peak"
    floor = facts.schedule.lr.floor_lr
    if floor is None:
        path = "lr.decay.floor.factor"
        wrong = f"is {share:g} of the peak, so no rate falls by more than {1 - share:.0%}"
        way_out += ", or choose the constant shape"
    else:
        path = "lr.decay.floor.lr"
        fastest = max(facts.peaks, key=facts.peaks.__getitem__)
        fold = _fold(facts.peaks, floor)
        so = f"rates rise{fold}" if fold else "no rate falls"
        wrong = (
            f"is {rate(floor, 6)}, and even {fastest}, the fastest group, peaks at "
            f"{rate(facts.peaks[fastest], 2)}, so {so}"
        )
    yield Problem("floor-above-peak", path, (), wrong, way_out, fix)


def wide_spread(facts: ScheduleFacts) -> Iterator[Problem]:
    """The fastest group's peak is over a million times that of the slowest group that trains."""
    lowest = facts.schedule.lr.floor_lr or 0.0  # an absolute floor lifts what lies under it
    reached = {group.name: max(facts.peaks[group.name], lowest) for group in facts.training}
    if not reached:
        return
    fast, slow = (pick(reached, key=reached.__getitem__) for pick in (max, min))
    if reached[fast] <= WIDE * reached[slow] * _ROUNDING:
        return
    times = reached[fast] / reached[slow]
    fold = f"{times:,.0f}" if times < 1e9 else f"{times:.0e}"
    wrong = (
        f"peaks at {rate(reached[slow], 2)}, {fold} times "
        f"lower than {fast} ({rate(reached[fast], 2)}), so it hardly moves"
    )
    way_out = "bring the decay per group closer to 1, or freeze the group"
    fix = _narrowed(facts.schedule)
    path = "lr.group_decay" if facts.schedule.group(slow).lr_scale is None else ""
    path = path or facts.path(slow, "lr_scale")
    yield Problem("wide-spread", path, (slow,), wrong, way_out, fix, slow)


def coarse_steps(facts: ScheduleFacts) -> Iterator[Problem]:
    """The rate changes only between epochs, and there are few of them."""
    lr, total = facts.schedule.lr, facts.schedule.epochs
    falls = bool(lr.decay.share(np.ones(1))[0] < 1)
    flat = not falls and lr.warmup.epochs == 0
    if lr.interval != "epoch" or total >= FEW_EPOCHS or flat:
        return
    wrong = f"is 'epoch' in a run of {epochs(total)}, so the curve has {total} "
    wrong += "step" if total == 1 else "steps"
    way_out = "change the rate at every step"
    mended = edits.set_field(facts.schedule, "lr.interval", "step")
    late_too = _late_groups(ScheduleFacts(mended, facts.layers)) - _late_groups(facts)
    fix = None if late_too else Fix("LR steps by step", mended)
    yield Problem("coarse-steps", "lr.interval", (), wrong, way_out, fix)


def one_step_epochs(facts: ScheduleFacts) -> Iterator[Problem]:
    """An epoch of the run is a single optimizer step."""
    if facts.steps_per_epoch != 1:
        return
    total, size = facts.schedule.epochs, facts.batch_size
    batch = "" if size is None else f" of up to {counted(size, 'image')}"
    wrong = f"is {total}, but each is one batch{batch}, so the run has {counted(total, 'step')}"
    way_out = "use a smaller batch size or more images"
    yield Problem("one-step-epochs", "epochs", (), wrong, way_out)


def _late_groups(facts: ScheduleFacts) -> set[tuple[str, ...]]:
    return {problem.groups for problem in windows.late_thaw(facts)}


def _flat_floor(facts: ScheduleFacts) -> float | None:
    """Return the floor as a share of the highest peak, if that leaves nothing to anneal."""
    floor = facts.schedule.lr.decay.floor
    if floor is None:
        return None
    highest = max(facts.peaks.values())
    share = floor.factor if isinstance(floor, FloorFactor) else floor.lr / highest
    return share if share >= FLAT else None


def _fold(peaks: dict[str, float], floor: float) -> str:
    most = max(floor / value for value in peaks.values())
    return f" up to {most:,.0f}-fold" if most >= 2 else ""


def _narrowed(schedule: Schedule) -> Fix:
    """Return the fix whose peaks fall to a ten-thousandth from the head to the first group."""
    deepest = len(schedule.groups) - 1
    decay = float(f"{NARROWER ** (-1 / deepest):.3g}")
    with_decay = edits.set_field(schedule, "lr.group_decay", decay)
    peaks = [peak(with_decay, group) for group in with_decay.groups]
    if max(peaks) <= WIDE * min(peaks):
        return Fix(f"Decay per group {decay:g}", with_decay)
    no_scales = edits.set_groups(with_decay, {g.name: {"lr_scale": None} for g in schedule.groups})
    return Fix(f"Decay per group {decay:g}, no LR scales", no_scales)
