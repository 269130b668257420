"""Presets applied to models: roles become groups, patterns become windows of epochs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from core.errors import ModelError
from core.models.layer_table import LayerGroup, LayerTable
from core.presets.schema import Cascade, Chain, FreezeOut, Preset, Role, Rule
from core.schedule.document import MAX_EPOCHS, Document
from core.schedule.parse import from_raw
from core.schedule.paths import covers
from core.schedule.plan import whole_windows
from core.schedule.spec import MIN_GROUP_DECAY, ModelRef, Schedule

_Times = list[tuple[float, float | None]]
"""Windows of a run of the preset's own length, in epochs that need not be whole."""

_THIRDS: tuple[Role, ...] = ("first", "middle", "last")


def apply(
    preset: Preset, table: LayerTable, model: ModelRef | None = None, epochs: int | None = None
) -> Schedule:
    """Return the preset as a schedule for the model of `table`.

    `model` names that model and its weights; by default they are its best ones. With `epochs` the
    preset is stretched or shortened: its windows and warmup keep their shares of the run, and
    windows are rounded to whole epochs.

    Raises ModelError if no grouping of the model has a group for each of the preset's roles.
    """
    layers = _layer_groups(preset, table)
    usual = min(preset.epochs + preset.epochs_per_group * len(layers), MAX_EPOCHS)
    epochs = usual if epochs is None else epochs
    weights = table.weights[0] if table.weights else None
    groups = [_group(preset, table, layers, at, usual, epochs) for at in range(len(layers))]
    return from_raw(
        {
            "format": "thaw.schedule",
            "version": 1,
            "name": preset.title,
            "model": _raw(model or ModelRef(name=table.model, weights=weights)),
            "epochs": epochs,
            "optimizer": _raw(preset.optimizer),
            "lr": _learning_rate(preset, len(layers), usual, epochs),
            "groups": groups,
        }
    )


def roles(count: int) -> tuple[frozenset[Role], ...]:
    """Return the roles of each of `count` groups, from input to output; the last is the head."""
    body = count - 2
    every: list[frozenset[Role]] = []
    for place in range(count):
        if place == count - 1:
            every.append(frozenset({"all", "head"}))
        elif place == 0:
            every.append(frozenset({"all", "backbone", "stem"}))
        else:
            third = _THIRDS[(6 * place - 3) // (2 * body)]
            every.append(frozenset({"all", "backbone", third}))
    return tuple(every)


def _layer_groups(preset: Preset, table: LayerTable) -> tuple[LayerGroup, ...]:
    """Return the groups of the preset's fineness, or of the next finer one that has every role."""
    names = [grouping.name for grouping in table.groupings]
    wanted = {"coarse": 0, "default": names.index(table.default), "finest": len(names) - 1}
    needed = {rule.role for rule in preset.rules}
    for grouping in table.groupings[wanted[preset.grouping] :]:
        if needed <= frozenset().union(*roles(len(grouping.groups))):
            return grouping.groups
    raise ModelError(
        "model.name",
        f"is {table.model!r}, which has too few groups for the preset {preset.name!r}",
        "take a deeper model, or another preset",
    )


def _group(
    preset: Preset,
    table: LayerTable,
    groups: Sequence[LayerGroup],
    place: int,
    usual: int,
    epochs: int,
) -> dict[str, object]:
    layers, has = groups[place], roles(len(groups))[place]
    rule = next((each for each in preset.rules if each.role in has), Rule(role="all"))
    times, scale = _times(rule, place, len(groups), usual), rule.lr_scale
    if isinstance(rule.pattern, FreezeOut) and rule.pattern.scaled:
        scale = float(f"{1 / _share(rule.pattern, place, len(groups)):.6g}")
    raw: dict[str, object] = {
        "name": layers.name,
        "modules": list(layers.modules),
        "trainable": whole_windows(times, usual, epochs),
        "when_frozen": rule.when_frozen,
    }
    if scale is not None:
        raw["lr_scale"] = scale
    if rule.batchnorm is not None and _has_batchnorm(table, layers):
        raw["batchnorm"] = rule.batchnorm
    return raw


def _times(rule: Rule, place: int, count: int, epochs: int) -> _Times:
    distance = count - 1 - place
    match rule.pattern:
        case None:
            return [(start, end) for start, end in rule.trainable]
        case Cascade(every=every, groups=groups, latest=latest):
            start = min(every * distance, latest)
            return [(start, None)] if groups is None or distance < groups else []
        case Chain(every=every):
            turn = 0 if distance == 0 else place + 1
            return [(every * turn, every * (turn + 1)), (every * count, None)]
        case FreezeOut():
            return [(0, epochs * _share(rule.pattern, place, count))]
        case _:
            assert_never(rule.pattern)


def _share(pattern: FreezeOut, place: int, count: int) -> float:
    """Return the share of the run in which a group trains."""
    along = place / (count - 1) if count > 1 else 1.0
    return float((pattern.first + (1 - pattern.first) * along) ** pattern.power)


def _learning_rate(preset: Preset, count: int, usual: int, epochs: int) -> dict[str, object]:
    lr = preset.lr
    share, length = lr.warmup.share, lr.warmup.epochs * epochs / usual
    warmup = {
        "epochs": length if share is None else epochs * share,
        "start_factor": lr.warmup.start_factor,
        "shape": lr.warmup.shape,
    }
    decay = lr.group_decay
    if lr.lowest_scale is not None and count > 1:
        decay = max(float(lr.lowest_scale ** (1 / (count - 1))), MIN_GROUP_DECAY)
    return {
        "group_decay": decay,
        "interval": lr.interval,
        "warmup": warmup,
        "decay": _raw(lr.decay),
        "after_unfreeze": lr.after_unfreeze,
    }


def _has_batchnorm(table: LayerTable, group: LayerGroup) -> bool:
    return any(
        "BatchNorm" in layer.kind and any(covers(path, layer.path) for path in group.modules)
        for layer in table.layers
    )


def _raw(part: Document) -> dict[str, object]:
    return part.model_dump(mode="json", exclude_none=True)
