"""The designer's verbs: each takes a schedule and gives the changed, validated one.

A verb that would make an invalid schedule raises ScheduleError and changes nothing; one that names
a group, window or field that is not there raises KeyError or IndexError.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from core.schedule.curves import peak
from core.schedule.document import MOST_RATE, Window
from core.schedule.parse import from_raw, to_raw
from core.schedule.plan import whole_windows
from core.schedule.shapes import DECAYS, FloorFactor, FloorLR
from core.schedule.spec import Group, Schedule

if TYPE_CHECKING:
    from core.models.layer_table import LayerTable

TO_THE_END: tuple[Window, ...] = ((0, None),)


def set_field(schedule: Schedule, path: str, value: Any) -> Schedule:
    """Put a JSON value at a dotted path: `set_field(s, "lr.warmup.epochs", 2)`."""
    raw = to_raw(schedule)
    *parents, last = path.split(".")
    part = raw
    for key in parents:
        part = part[key]
    part[last] = value
    return from_raw(raw)


def set_length(schedule: Schedule, epochs: int) -> Schedule:
    """Stretch or shorten the whole run to `epochs` epochs.

    Windows and warmup keep their shares of it, windows rounded to whole epochs of which none is
    empty; so where some group trained in every epoch, one still does.
    """
    if epochs == schedule.epochs:
        return schedule
    raw, own = to_raw(schedule), schedule.epochs
    for group in raw["groups"]:
        group["trainable"] = whole_windows(group["trainable"], own, epochs)
    raw["lr"]["warmup"]["epochs"] *= epochs / own
    return from_raw({**raw, "epochs": epochs})


def set_optimizer(schedule: Schedule, name: str) -> Schedule:
    """Change the optimizer; base rate stays, its other fields take that optimizer's defaults."""
    if name == schedule.optimizer.name:
        return schedule
    return set_field(schedule, "optimizer", {"name": name, "base_lr": schedule.optimizer.base_lr})


def set_shape(schedule: Schedule, shape: str) -> Schedule:
    """Change the decay's shape; the floor stays if both shapes have one."""
    old = to_raw(schedule)["lr"]["decay"]
    if shape == old["shape"]:
        return schedule
    fields = DECAYS[shape].model_fields if shape in DECAYS else {}  # else the parser refuses it
    kept = {"floor": old["floor"]} if "floor" in old and "floor" in fields else {}
    return set_field(schedule, "lr.decay", {"shape": shape, **kept})


def set_windows(
    schedule: Schedule, windows: Mapping[str, Sequence[Sequence[int | None]]]
) -> Schedule:
    """Give each named group its windows of epochs; groups that are not named keep theirs."""
    changes = {name: {"trainable": [list(w) for w in spans]} for name, spans in windows.items()}
    return _with_groups(schedule, changes)


def set_window(schedule: Schedule, group: str, index: int, start: int, end: int | None) -> Schedule:
    """Move one window of a group, or add one at the index behind its last.

    A window that would start at the end of the run or later is removed.
    """
    windows = [list(window) for window in schedule.group(group).trainable]
    if not 0 <= index <= len(windows):
        raise IndexError(index)
    kept = [[start, end]] if start < schedule.epochs else []
    windows[index : index + 1] = kept
    return set_windows(schedule, {group: windows})


def set_group(schedule: Schedule, group: str, **fields: Any) -> Schedule:
    """Change fields of one group: `lr_scale=0.5`, `when_frozen="train"`; None removes a scale."""
    return _with_groups(schedule, {group: fields})


def set_groups(schedule: Schedule, changes: Mapping[str, Mapping[str, Any]]) -> Schedule:
    """Change fields of several groups: `{"stem": {"lr_scale": None}}`, as `set_group` does."""
    return _with_groups(schedule, changes)


def use_model(schedule: Schedule, table: LayerTable) -> Schedule:
    """Take another model with its default groups.

    Groups are matched by their distance from the head; what lies deeper than the old model's
    deepest group takes its windows and modes. A scale of a group's own goes with it.
    """
    deepest = len(schedule.groups) - 1
    groups = []
    for distance, layer_group in enumerate(reversed(table.groups)):
        old = schedule.groups[max(0, deepest - distance)]
        new = Group(
            name=layer_group.name,
            modules=layer_group.modules,
            trainable=old.trainable,
            lr_scale=old.lr_scale if distance <= deepest else None,
            when_frozen=old.when_frozen,
            batchnorm=old.batchnorm,
        )
        groups.append(new.model_dump(mode="json", exclude_none=True))
    model = {"name": table.model, "weights": table.weights[0] if table.weights else None}
    return from_raw({**to_raw(schedule), "model": model, "groups": groups[::-1]})


def remove_group(schedule: Schedule, group: str) -> Schedule:
    """Take a group out; those nearer to the input come one step nearer to the head."""
    schedule.group(group)
    raw = to_raw(schedule)
    raw["groups"] = [each for each in raw["groups"] if each["name"] != group]
    return from_raw(raw)


def to_relative_floor(schedule: Schedule) -> Schedule:
    """Turn an absolute floor into the share of the peak that it is for the fastest group.

    The share has six digits and is at most 1. A schedule without an absolute floor stays.
    """
    floor = schedule.lr.decay.floor
    if not isinstance(floor, FloorLR):
        return schedule
    factor = min(1.0, floor.lr / _highest_peak(schedule))
    return set_field(schedule, "lr.decay.floor", {"factor": _six_digits(factor)})


def to_absolute_floor(schedule: Schedule) -> Schedule:
    """Turn a floor by the peak into the one rate that the fastest group ends at.

    The rate has six digits and is at most 1000. A schedule without a floor by the peak stays.
    """
    floor = schedule.lr.decay.floor
    if not isinstance(floor, FloorFactor):
        return schedule
    lr = min(MOST_RATE, floor.factor * _highest_peak(schedule))
    return set_field(schedule, "lr.decay.floor", {"lr": _six_digits(lr)})


def _highest_peak(schedule: Schedule) -> float:
    return max(peak(schedule, group) for group in schedule.groups)


def _six_digits(value: float) -> float:
    return float(f"{value:.6g}")


def _with_groups(schedule: Schedule, changes: Mapping[str, Mapping[str, Any]]) -> Schedule:
    missing = changes.keys() - {group.name for group in schedule.groups}
    if missing:
        raise KeyError(*sorted(missing))
    raw = to_raw(schedule)
    raw["groups"] = [{**group, **changes.get(group["name"], {})} for group in raw["groups"]]
    return from_raw(raw)
