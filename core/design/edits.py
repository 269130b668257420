"""The designer's verbs: each takes a schedule and gives the changed, validated one.

A verb that would make an invalid schedule raises ScheduleError and changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.design.curves import scale
from core.design.layers import LayerTable
from core.design.parse import from_raw, to_raw
from core.design.spec import Group, Schedule, Window

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


def set_optimizer(schedule: Schedule, name: str) -> Schedule:
    """Change the optimizer; base rate stays, its other fields take that optimizer's defaults."""
    return set_field(schedule, "optimizer", {"name": name, "base_lr": schedule.optimizer.base_lr})


def set_shape(schedule: Schedule, shape: str) -> Schedule:
    """Change the decay's shape; the floor stays if the new shape has one."""
    raw = to_raw(schedule)
    decay: dict[str, Any] = {"shape": shape}
    if shape != "constant" and "floor" in raw["lr"]["decay"]:
        decay["floor"] = raw["lr"]["decay"]["floor"]
    return set_field(schedule, "lr.decay", decay)


def set_windows(
    schedule: Schedule, windows: Mapping[str, Sequence[Sequence[int | None]]]
) -> Schedule:
    """Give each named group its windows of epochs; groups that are not named keep theirs."""
    unknown = set(windows) - {group.name for group in schedule.groups}
    if unknown:
        raise KeyError(*sorted(unknown))
    return _with_groups(
        schedule,
        {
            name: {"trainable": [list(window) for window in spans]}
            for name, spans in windows.items()
        },
    )


def set_window(schedule: Schedule, group: str, index: int, start: int, end: int | None) -> Schedule:
    """Move one window of a group; a window that starts at or after the last epoch is removed."""
    windows = [list(window) for window in schedule.group(group).trainable]
    kept = [[start, end]] if start < schedule.epochs else []
    windows[index : index + 1] = kept
    return set_windows(schedule, {group: windows})


def set_group(schedule: Schedule, group: str, **fields: Any) -> Schedule:
    """Change fields of one group: `lr_scale=0.5`, `when_frozen="train"`; None removes a scale."""
    return _with_groups(schedule, {group: fields})


def use_model(schedule: Schedule, table: LayerTable) -> Schedule:
    """Take another model with its default groups.

    Groups are matched by their distance from the head; what lies deeper than the old model's
    deepest group takes its windows and mode. A scale of a group's own goes with it.
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
        )
        groups.append(new.model_dump(mode="json", exclude_none=True))
    model = {"name": table.model, "weights": table.weights[0] if table.weights else None}
    return from_raw({**to_raw(schedule), "model": model, "groups": groups[::-1]})


def to_relative_floor(schedule: Schedule) -> Schedule:
    """Turn an absolute floor into the share of the peak that it is for the fastest group."""
    floor = to_raw(schedule)["lr"]["decay"]["floor"]["lr"]
    highest = max(scale(schedule, group) for group in schedule.groups)
    factor = min(1.0, floor / (schedule.optimizer.base_lr * highest))
    return set_field(schedule, "lr.decay.floor", {"factor": float(f"{factor:.6g}")})


def _with_groups(schedule: Schedule, changes: Mapping[str, Mapping[str, Any]]) -> Schedule:
    raw = to_raw(schedule)
    raw["groups"] = [{**group, **changes.get(group["name"], {})} for group in raw["groups"]]
    return from_raw(raw)
