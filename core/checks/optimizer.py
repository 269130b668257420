"""Checks of the optimizer: unusual rates and weight decay, and moments kept while frozen."""

from __future__ import annotations

from collections.abc import Iterator

from core.checks.facts import ScheduleFacts
from core.checks.problem import Fix, Problem
from core.errors import ThawError
from core.models.layer_table import parameter_counts
from core.schedule import edits
from core.schedule.document import Window
from core.schedule.spec import Group
from core.schedule.words import listed, one_or_more, percent, rate

_ROUNDING = 1 + 1e-5


def unusual_lr(facts: ScheduleFacts) -> Iterator[Problem]:
    """The fastest group's peak is far from what people use with that optimizer."""
    if not facts.training:
        return
    optimizer = facts.schedule.optimizer
    low, high = optimizer.usual_rates
    fastest = max(reversed(facts.training), key=lambda group: facts.peaks[group.name]).name
    reached = facts.peaks[fastest]
    if low <= reached * _ROUNDING and reached <= high * _ROUNDING:
        return
    end = low if reached < low else high
    base_lr = float(f"{optimizer.base_lr * (end / reached):.6g}")
    where = "below" if reached < low else "above"
    wrong = (
        f"is {rate(optimizer.base_lr, 6)}, so {fastest} peaks at {rate(reached, 2)}, "
        f"{where} the usual {rate(low)} to {rate(high)} of {optimizer.title()}"
    )
    way_out = f"set it to {rate(base_lr, 6)}"
    fix = None
    try:
        mended = edits.set_field(facts.schedule, "optimizer.base_lr", base_lr)
        fix = Fix(f"Base LR {rate(base_lr, 6)}", mended)
    except ThawError:  # a scale so large that no base rate goes with it
        way_out = f"bring the scale of {fastest} closer to 1"
    path = "optimizer.base_lr"
    yield Problem("unusual-lr", path, (fastest,), wrong, way_out, fix)


def heavy_decay(facts: ScheduleFacts) -> Iterator[Problem]:
    """Weight decay is so strong that it pulls pretrained weights towards 0."""
    optimizer = facts.schedule.optimizer
    high = optimizer.highest_decay
    if optimizer.weight_decay <= high:
        return
    name = optimizer.title()
    wrong = f"is {optimizer.weight_decay:g}, above {high:g}, the highest usual value for {name}"
    way_out = "lower it"
    path = "optimizer.weight_decay"
    mended = edits.set_field(facts.schedule, path, high)
    fix = Fix(f"Weight decay {high:g}", mended)
    yield Problem("heavy-decay", path, (), wrong, way_out, fix)


def kept_moments(facts: ScheduleFacts) -> Iterator[Problem]:
    """Groups thaw again, and at first the optimizer moves them by old gradients."""
    schedule, optimizer = facts.schedule, facts.schedule.optimizer
    again = [group for group in facts.training if len(facts.spans[group.name]) > 1]
    if not again or not optimizer.state_per_parameter():
        return
    names = tuple(group.name for group in reversed(again))  # from the head, as they are drawn
    wrong = (
        f"{one_or_more(names, 'freezes and thaws', 'freeze and thaw')} again, and the first steps "
        f"after that follow the {optimizer.state_name} that {optimizer.title()} has kept from "
        "before"
    )
    way_out = (
        "train without a break, or in a loop of your own clear the optimizer's state of those "
        "parameters at the thaw"
    )
    joined = {group.name: _without_a_break(group, schedule.epochs) for group in again}
    fix = Fix("Train without a break", edits.set_windows(schedule, joined))
    path, subject = facts.path(names[0], "trainable"), listed(names)
    yield Problem("kept-moments", path, names, wrong, way_out, fix, subject)


def _without_a_break(group: Group, epochs: int) -> list[Window]:
    """Return the group's windows; those that begin within the run are joined to one."""
    inside = [window for window in group.trainable if window[0] < epochs]
    return [(inside[0][0], inside[-1][1]), *group.trainable[len(inside) :]]


def decay_on_norms(facts: ScheduleFacts) -> Iterator[Problem]:
    """Decoupled decay also pulls on norm layers and biases of the groups that train."""
    optimizer, table = facts.schedule.optimizer, facts.layers
    if not optimizer.decoupled or optimizer.weight_decay == 0 or table is None:
        return
    norms = {layer.path for layer in table.layers if "Norm" in layer.kind}
    training = {group.name for group in facts.training}
    pulled = everything = 0
    for parameter, size in parameter_counts(table).items():
        if facts.owner(parameter) not in training:
            continue
        everything += size
        module, _, name = parameter.rpartition(".")
        if module in norms or name.endswith("bias"):
            pulled += size
    if not pulled:
        return
    wrong = (
        f"is {optimizer.weight_decay:g}, and {optimizer.title()} also applies it to {pulled:,} "
        f"parameters of norm layers and biases, {percent(pulled / everything)} of what trains"
    )
    way_out = "keep it if it is small, or set it to 0: a schedule has one decay for all groups"
    yield Problem("decay-on-norms", "optimizer.weight_decay", (), wrong, way_out)
