"""Edits of a schedule: each function returns the changed, validated schedule.

An edit that would make an invalid schedule raises ScheduleError; one that names a group, window or
field that does not exist raises KeyError or IndexError.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from core.schedule.curves import peak
from core.schedule.document import MAX_RATE, Window
from core.schedule.parse import from_raw, to_raw
from core.schedule.plan import whole_windows
from core.schedule.shapes import DECAYS, FloorFactor
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

    Windows and warmup keep their shares of the run. Windows are rounded to whole epochs and are
    never empty, so where some group trained in every epoch, one still does.
    """
    if epochs == schedule.epochs:
        return schedule
    raw = to_raw(schedule)
    for group in raw["groups"]:
        group["trainable"] = whole_windows(group["trainable"], schedule.epochs, epochs)
    raw["lr"]["warmup"]["epochs"] *= epochs / schedule.epochs
    return from_raw({**raw, "epochs": epochs})


def set_optimizer(schedule: Schedule, name: str) -> Schedule:
    """Change the optimizer: the base rate stays, other fields take the new one's defaults."""
    if name == schedule.optimizer.name:
        return schedule
    return set_field(schedule, "optimizer", {"name": name, "base_lr": schedule.optimizer.base_lr})


def set_shape(schedule: Schedule, shape: str) -> Schedule:
    """Change the decay's shape; the floor stays if both shapes have one."""
    old = to_raw(schedule)["lr"]["decay"]
    if shape == old["shape"]:
        return schedule
    fields = DECAYS[shape].model_fields if shape in DECAYS else {}  # else the parser refuses it
    floor = {"floor": old["floor"]} if "floor" in old and "floor" in fields else {}
    return set_field(schedule, "lr.decay", {"shape": shape, **floor})


def set_windows(
    schedule: Schedule, windows: Mapping[str, Sequence[Sequence[int | None]]]
) -> Schedule:
    """Give each named group its windows of epochs; groups that are not named keep theirs."""
    changes = {name: {"trainable": [list(w) for w in spans]} for name, spans in windows.items()}
    return set_groups(schedule, changes)


def set_window(schedule: Schedule, group: str, index: int, start: int, end: int | None) -> Schedule:
    """Move one window of a group, or add one at the index behind its last.

    A window that would start at the end of the run or later is removed.
    """
    windows = [list(window) for window in schedule.group(group).trainable]
    if not 0 <= index <= len(windows):
        raise IndexError(index)
    windows[index : index + 1] = [[start, end]] if start < schedule.epochs else []
    return set_windows(schedule, {group: windows})


def set_group(schedule: Schedule, group: str, **fields: Any) -> Schedule:
    """Change fields of one group, as in `lr_scale=0.5`; None removes an optional one."""
    return set_groups(schedule, {group: fields})


def set_groups(schedule: Schedule, changes: Mapping[str, Mapping[str, Any]]) -> Schedule:
    """Change fields of several groups, as `set_group` does: `{"stem": {"lr_scale": None}}`."""
    missing = changes.keys() - {group.name for group in schedule.groups}
    if missing:
        raise KeyError(*sorted(missing))
    raw = to_raw(schedule)
    raw["groups"] = [{**group, **changes.get(group["name"], {})} for group in raw["groups"]]
    return from_raw(raw)


def use_model(schedule: Schedule, table: LayerTable) -> Schedule:
    """Change the model, and take its default groups.

    Each new group takes the windows, modes and `lr_scale` of the old one at the same distance from
    the head. Groups beyond the old model's deepest one take its windows and modes.
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
    """Remove a group; those nearer to the input come one step nearer to the head."""
    schedule.group(group)
    raw = to_raw(schedule)
    raw["groups"] = [each for each in raw["groups"] if each["name"] != group]
    return from_raw(raw)


def to_relative_floor(schedule: Schedule) -> Schedule:
    """Replace an absolute floor by a share of the peak; the fastest group keeps its floor.

    The share has six digits and is at most 1. A schedule without an absolute floor is returned as
    it is.
    """
    if schedule.lr.floor_lr is None:
        return schedule
    factor = min(1.0, schedule.lr.floor_lr / _highest_peak(schedule))
    return set_field(schedule, "lr.decay.floor", {"factor": _six_digits(factor)})


def to_absolute_floor(schedule: Schedule) -> Schedule:
    """Replace a relative floor by an absolute one; the fastest group keeps its floor.

    The rate has six digits and is at most 1000. A schedule without a relative floor is returned as
    it is.
    """
    floor = schedule.lr.decay.floor
    if not isinstance(floor, FloorFactor):
        return schedule
    lr = min(MAX_RATE, floor.factor * _highest_peak(schedule))
    return set_field(schedule, "lr.decay.floor", {"lr": _six_digits(lr)})


def _highest_peak(schedule: Schedule) -> float:
    return max(peak(schedule, group) for group in schedule.groups)


def _six_digits(value: float) -> float:
    return float(f"{value:.6g}")
