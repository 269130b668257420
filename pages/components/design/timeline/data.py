"""The timeline's data, as JSON: points, windows and fields, never the formula."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, Literal, TypedDict

import numpy as np

from core.checks import Problem
from core.export.palette import group_colours
from core.models.costs import backward_costs, state_bytes
from core.models.layer_table import LayerTable, count_elements
from core.schedule import curves
from core.schedule.budget import budgets, epoch_sums
from core.schedule.curves import Array
from core.schedule.spec import Group, Schedule
from pages.components.design.timeline.merge import curve_fields
from pages.components.shared.axis import Span

_RISING = 49
_FALLING = 193
_MAX_STAIRS = 400
_MAX_SUMS = 1_000
"""Epochs up to which their sums are sent: those of a longer run would take long on their way."""


class TimelineData(TypedDict):
    """Everything that the script reads; `groups` has the head first, as the rows do."""

    revision: int
    epochs: int
    steps_per_epoch: int
    base_lr: float
    fields: dict[str, float | str]
    curves: list[list[float]]
    curve: int
    sums: dict[int, list[list[float]]]
    groups: list[dict[str, Any]]
    optimizer: dict[str, Any]
    stages: list[dict[str, Any]]
    flops: dict[str, Any] | None
    unit: str
    problems: list[dict[str, Any]]
    view: dict[str, Any]


def timeline_data(
    schedule: Schedule,
    table: LayerTable | None,
    *,
    steps_per_epoch: int,
    image_size: int,
    unit: Literal["rate", "of peak"],
    playhead: float,
    selected: tuple[str, int] | None,
    problems: Sequence[Problem],
    revision: int,
    span: Span | None = None,
    folded: Sequence[str] = (),
    narrow: bool = False,
) -> TimelineData:
    """Return the timeline's data for a schedule.

    `unit` is that of the rate chart. `playhead` is in epochs, from 0 to the schedule's; `selected`
    is a group's name and the index of its window; problems get the numbers 1, 2, … in the order
    given. Without a layer table the parameters and the FLOPs are None. The optimizer's `bytes` are
    its float32 state per parameter that has trained. Groups whose rate is the same share of their
    peak share a curve; the shared curve's is `curve`. `sums` has the `epoch_sums` by the epoch at
    which a curve begins. `span` is the part of the run in view, in epochs; None is all of it.
    `folded` are the names of stages that are one row.
    """
    drawn: dict[tuple[float, ...], int] = {}
    optimizer = schedule.optimizer
    colours = group_colours(len(schedule.groups))
    groups = [
        {
            "name": group.name,
            "parameters": None if table is None else count_elements(table, group.modules),
            "scale": curves.scale(schedule, group),
            "color": f"light-dark({light}, {dark})",
            "windows": [list(window) for window in group.trainable],
            "curve": drawn.setdefault(_points(schedule, group), len(drawn)),
            "origin": curves.curve_start(schedule, group),
            "budget": None if received is None else [received.epochs, received.learning],
        }
        for group, (light, dark), received in zip(
            schedule.groups, colours, budgets(schedule), strict=True
        )
    ]
    groups.reverse()
    return {
        "revision": revision,
        "epochs": schedule.epochs,
        "steps_per_epoch": steps_per_epoch,
        "base_lr": optimizer.base_lr,
        "fields": curve_fields(schedule),
        "curve": drawn.setdefault(_shared(schedule), len(drawn)),
        "curves": [list(points) for points in drawn],
        "sums": _sums(schedule),
        "groups": groups,
        "stages": _stages(schedule),
        "optimizer": {"name": optimizer.title(), "bytes": state_bytes(optimizer)},
        "flops": None if table is None else _flops(schedule, table, image_size),
        "unit": unit,
        "problems": [
            {
                "number": number,
                "severity": problem.severity,
                "groups": list(problem.groups),
                "path": problem.path,
                "message": problem.message,
            }
            for number, problem in enumerate(problems, start=1)
        ],
        "view": {
            "playhead": min(max(playhead, 0.0), float(schedule.epochs)),
            "selected": None if selected is None else {"group": selected[0], "window": selected[1]},
            "span": span,
            "folded": list(folded),
            "narrow": narrow,
        },
    }


def rows(data: TimelineData) -> int:
    """Return how many rows are seen: a folded stage is one."""
    folded = [stage for stage in data["stages"] if stage["name"] in data["view"]["folded"]]
    return len(data["groups"]) - sum(len(stage["groups"]) - 1 for stage in folded)


def _stages(schedule: Schedule) -> list[dict[str, Any]]:
    """Return the name and groups of each stage, from the head on.

    They are neighbours with names that differ behind the last dot: `layer1.0`, `layer1.1`.
    """
    names = (group.name for group in reversed(schedule.groups))
    runs = groupby(names, key=lambda name: name.rpartition(".")[0])
    stages = ((stage, list(groups)) for stage, groups in runs if stage)
    return [{"name": name, "groups": groups} for name, groups in stages if len(groups) > 1]


def _flops(schedule: Schedule, table: LayerTable, image_size: int) -> dict[str, Any]:
    """Return the FLOPs of the forward pass, and the `backward_costs` as [flops, most, sources].

    A source is a number in hex, whose lowest bit stands for the first row.
    """
    bits = {group.name: 1 << row for row, group in enumerate(reversed(schedule.groups))}
    backward = [
        [cost.flops, cost.most, [hex(sum(bits[name] for name in names)) for names in cost.sources]]
        for cost in backward_costs(table, schedule, image_size)
    ]
    return {"forward": table.flops_at(image_size), "backward": backward}


def _sums(schedule: Schedule) -> dict[int, list[list[float]]]:
    """Return the sums from which a group's budget follows, whatever its windows and its peak."""
    found = epoch_sums(schedule) if schedule.epochs <= _MAX_SUMS else {}
    return {
        begins: [list(_sent(sums.of_peak)), list(_sent(sums.of_floor))]
        for begins, sums in found.items()
    }


def _points(schedule: Schedule, group: Group) -> tuple[float, ...]:
    """Return the group's rate as a share of its own peak; a staircase for `interval: "epoch"`."""
    peak = curves.peak(schedule, group)
    if schedule.lr.interval == "step":
        t = _times(schedule, curves.curve_start(schedule, group))
        return _flat(t, curves.lr(schedule, group, t) / peak)
    starts = np.unique(np.linspace(0, schedule.epochs - 1, min(schedule.epochs, _MAX_STAIRS)) // 1)
    shares = curves.lr(schedule, group, starts) / peak
    ends = np.append(starts[1:], schedule.epochs)
    return _flat(np.column_stack([starts, ends]).ravel(), np.repeat(shares, 2))


def _shared(schedule: Schedule) -> tuple[float, ...]:
    """Return the curve itself, which runs on between the epochs even where the rate steps."""
    t = _times(schedule, 0)
    base_lr = schedule.optimizer.base_lr
    return _flat(t, curves.curve(schedule.lr, base_lr, t, schedule.epochs) / base_lr)


def _times(schedule: Schedule, origin: int) -> Array:
    """Times dense enough to draw the curve and to read it to 1e-3 of its peak, corners included.

    Windows begin and end with an epoch, so these are there, up to 400 of them.
    """
    decay = schedule.lr.decay
    peak_at = min(origin + schedule.lr.warmup.epochs, schedule.epochs)
    parts: list[Array] = [
        np.linspace(origin, peak_at, _RISING),
        np.linspace(peak_at, schedule.epochs, _FALLING),
        np.arange(min(schedule.epochs, _MAX_STAIRS), dtype=np.float64),
    ]
    parts.append(peak_at + decay.extra_x() * (schedule.epochs - peak_at))
    return np.unique(np.clip(np.concatenate(parts), 0.0, schedule.epochs))


def _flat(x: Array, y: Array) -> tuple[float, ...]:
    """Return x and y in turn."""
    return tuple(_sent(np.column_stack([x, y]).ravel()))


def _sent(values: Array) -> Iterable[float]:
    """Return the values without the digits that nobody could see, which are most of their text."""
    return (float(f"{value:.12g}") for value in values.tolist())
