"""A preset applied to a model: roles become its groups, patterns become windows of epochs."""

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
from core.schedule.spec import LEAST_GROUP_DECAY, ModelRef, Schedule

Times = list[tuple[float, float | None]]
"""Windows in epochs of the preset's own run, which need not be whole."""

_THIRDS: tuple[Role, ...] = ("first", "middle", "last")


def apply(
    preset: Preset,
    table: LayerTable,
    model: ModelRef | None = None,
    epochs: int | None = None,
) -> Schedule:
    """Return the schedule that the preset is for a model.

    `model` names that model and the weights to keep; without it, it is the table's with its best
    weights. With `epochs`, the recipe is stretched or shortened to so many: its windows and its
    warmup keep their shares of the run, rounded to whole epochs where they must be.

    Raises ModelError if no grouping of the model has a group for each of the preset's roles.
    """
    cut = _cut(preset, table)
    own = min(preset.epochs + preset.epochs_per_group * len(cut), MAX_EPOCHS)
    total = own if epochs is None else epochs
    weights = table.weights[0] if table.weights else None
    groups = [_group(preset, table, cut, place, own, total) for place in range(len(cut))]
    return from_raw(
        {
            "format": "thaw.schedule",
            "version": 1,
            "name": preset.title,
            "model": _raw(model or ModelRef(name=table.model, weights=weights)),
            "epochs": total,
            "optimizer": _raw(preset.optimizer),
            "lr": _curve(preset, len(cut), own, total),
            "groups": groups,
        }
    )


def roles(count: int) -> tuple[frozenset[Role], ...]:
    """Return the roles of each of so many groups, from input to output; the last is the head."""
    body = count - 2
    found: list[frozenset[Role]] = []
    for place in range(count):
        if place == count - 1:
            found.append(frozenset({"all", "head"}))
        elif place == 0:
            found.append(frozenset({"all", "backbone", "stem"}))
        else:
            third = _THIRDS[(6 * place - 3) // (2 * body)]
            found.append(frozenset({"all", "backbone", third}))
    return tuple(found)


def _cut(preset: Preset, table: LayerTable) -> tuple[LayerGroup, ...]:
    """Return the groups of the wanted fineness, or of the next finer one that has every role."""
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
    cut: Sequence[LayerGroup],
    place: int,
    own: int,
    total: int,
) -> dict[str, object]:
    layers, mine = cut[place], roles(len(cut))[place]
    rule = next((each for each in preset.rules if each.role in mine), Rule(role="all"))
    times, scale = _times(rule, place, len(cut), own), rule.lr_scale
    if isinstance(rule.pattern, FreezeOut) and rule.pattern.scaled:
        scale = float(f"{1 / _share(rule.pattern, place, len(cut)):.6g}")
    raw: dict[str, object] = {
        "name": layers.name,
        "modules": list(layers.modules),
        "trainable": whole_windows(times, own, total),
        "when_frozen": rule.when_frozen,
    }
    if scale is not None:
        raw["lr_scale"] = scale
    if rule.batchnorm is not None and _has_batchnorm(table, layers):
        raw["batchnorm"] = rule.batchnorm
    return raw


def _times(rule: Rule, place: int, count: int, own: int) -> Times:
    distance = count - 1 - place
    match rule.pattern:
        case None:
            return [(start, end) for start, end in rule.trainable]
        case Cascade(every=every, groups=groups):
            return [(every * distance, None)] if groups is None or distance < groups else []
        case Chain(every=every):
            turn = 0 if distance == 0 else place + 1
            return [(every * turn, every * (turn + 1)), (every * count, None)]
        case FreezeOut():
            return [(0, own * _share(rule.pattern, place, count))]
        case _:
            assert_never(rule.pattern)


def _share(pattern: FreezeOut, place: int, count: int) -> float:
    """Return the share of the run in which a group trains."""
    along = place / (count - 1) if count > 1 else 1.0
    return float((pattern.first + (1 - pattern.first) * along) ** pattern.power)


def _curve(preset: Preset, count: int, own: int, total: int) -> dict[str, object]:
    lr = preset.lr
    share, length = lr.warmup.share, lr.warmup.epochs * total / own
    warmup = {
        "epochs": length if share is None else total * share,
        "start_factor": lr.warmup.start_factor,
        "shape": lr.warmup.shape,
    }
    decay = lr.group_decay
    if lr.lowest_scale is not None and count > 1:
        decay = max(float(lr.lowest_scale ** (1 / (count - 1))), LEAST_GROUP_DECAY)
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
