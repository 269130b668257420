"""A schedule as flags of timm's train.py, in which all groups train in all epochs."""

from __future__ import annotations

from collections.abc import Iterator

from core.errors import ExportError
from core.export.export_result import FILE, Exported, ExportSource, Limitation, unknown_name_error
from core.export.python.templates import render
from core.models.layer_table import LayerTable
from core.presets import BUNDLED_WEIGHTS
from core.schedule import curves, plan
from core.schedule.shapes import WARMUPS
from core.schedule.spec import Schedule
from core.schedule.words import listed

CUT_BY_BLOCKS = frozenset({"timm/convnext_tiny", "timm/resnet18", "timm/resnet26", "timm/resnet50"})
"""Models whose layers, as timm's --layer-decay cuts them, are the blocks of Thaw's layer table."""


def export(source: ExportSource) -> Exported:
    """Return a shell script that calls train.py; raise ExportError if timm trains otherwise."""
    schedule = source.schedule
    _refuse(source)
    model, weights = schedule.model.name.removeprefix("timm/"), schedule.model.weights
    text = render(
        "timm.sh.jinja",
        source,
        model=model if weights in (None, BUNDLED_WEIGHTS) else f"{model}.{weights}",
        peak=curves.peak(schedule, schedule.groups[-1]),
        has_one_rate=_has_one_rate(schedule),
        warmup=_warmup(schedule),
    )
    return Exported(
        text,
        limitations=tuple(_limitations(schedule)),
        preserved="the rate of every layer at every step, and the optimizer, except as listed",
        usage=f"sh {FILE} --data-dir DATA --num-classes 10 --batch-size 32 --smoothing 0\n",
    )


def _refuse(source: ExportSource) -> None:
    schedule = source.schedule
    if not schedule.model.name.startswith("timm/"):
        wrong = f"is {schedule.model.name!r}, which timm does not have with these weights"
        raise ExportError("model.name", wrong, "take a model of timm, or another target")
    _refuse_frozen(schedule)
    if _warmup(schedule) >= schedule.epochs:
        wrong = f"is {schedule.lr.warmup.epochs:g}, which leaves timm no epoch after it"
        way_out = f"shorten the warmup to at most {schedule.epochs - 1}"
        raise ExportError("lr.warmup.epochs", wrong, way_out)
    if not _has_one_rate(schedule):
        _refuse_rates(source)
    if not schedule.optimizer.timm_flags():
        raise unknown_name_error("optimizer.name", schedule.optimizer.name, "timm's train.py")
    decay = schedule.lr.decay
    if not decay.timm_flags():
        wrong = f"is {decay.shape!r}, which {decay.not_in_timm}"
        raise ExportError("lr.decay.shape", wrong, "take another shape, or another target")


def _refuse_rates(source: ExportSource) -> None:
    if any(group.lr_scale is not None for group in source.schedule.groups):
        wrong = "have their own rates, but timm's train.py has one factor from layer to layer"
        raise ExportError("groups", wrong, "leave out every lr_scale, or take another target")
    if not _is_cut_by_blocks(source.schedule, source.table):
        wrong = "are not the model's blocks, but timm's train.py lowers rates from block to block"
        raise ExportError("groups", wrong, "cut the model by blocks, or take another target")


def _refuse_frozen(schedule: Schedule) -> None:
    frozen = [g.name for g in schedule.groups if plan.frozen_spans(g, schedule.epochs)]
    if frozen:
        named = listed(repr(name) for name in frozen)
        wrong = f"leave {named} frozen in some epochs or all, but timm's train.py freezes nothing"
        way_out = "let every group train in all epochs, or take another target"
        raise ExportError("groups", wrong, way_out)


def _has_one_rate(schedule: Schedule) -> bool:
    return len({curves.scale(schedule, group) for group in schedule.groups}) == 1


def _is_cut_by_blocks(schedule: Schedule, table: LayerTable | None) -> bool:
    if table is None:
        return False
    blocks = [group.modules for group in table.groupings[-1].groups]
    return [group.modules for group in schedule.groups] == blocks


def _warmup(schedule: Schedule) -> int:
    """Return the whole epochs of warmup that timm takes: at least one if there is any warmup."""
    epochs = schedule.lr.warmup.epochs
    return max(1, round(epochs)) if epochs else 0


def _limitations(schedule: Schedule) -> Iterator[Limitation]:
    lr, warmup = schedule.lr, _warmup(schedule)
    if schedule.model.weights == BUNDLED_WEIGHTS:
        yield Limitation(
            "model.weights",
            "timm does not know the weights that come with Thaw's package",
            "it downloads its own weights for the same model, which may differ",
        )
    if not _has_one_rate(schedule):
        if schedule.model.name not in CUT_BY_BLOCKS:
            yield Limitation(
                "groups",
                "timm cuts the network into its own layers for --layer-decay",
                f"where it cuts elsewhere, rates are off by a factor of {lr.group_decay:g} per cut",
            )
        if lr.floor_lr:
            yield Limitation(
                "lr.decay.floor",
                "timm's lowest rate is multiplied by each layer's factor too",
                "layers before the head end elsewhere than at the floor",
            )
    if warmup != lr.warmup.epochs:
        yield Limitation(
            "lr.warmup.epochs",
            "timm counts warmup in whole epochs",
            f"it warms up for {warmup} instead of {lr.warmup.epochs:g}",
        )
    if warmup and not WARMUPS[lr.warmup.shape].in_timm:
        yield Limitation("lr.warmup.shape", "timm can only warm up linearly", "it rises linearly")
    for place, group in enumerate(schedule.groups):
        if group.batchnorm == "eval":
            yield Limitation(
                f"groups[{place}].batchnorm",
                "timm's train.py has no flag to hold BatchNorm statistics",
                f"the statistics of {group.name} move",
            )
    if schedule.optimizer.weight_decay:
        yield Limitation(
            "optimizer.weight_decay",
            "timm applies no weight decay to norm layers and biases",
            "only parameters with two dimensions or more decay",
        )
