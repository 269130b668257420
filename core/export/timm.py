"""A schedule as flags of timm's train.py, for what it can say: everything trains, on one curve."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from core.errors import ExportError
from core.export.exported import FILE, Exported, Limitation, Source, unknown
from core.export.python import table as python_table
from core.models.layer_table import LayerTable
from core.presets import BUNDLED_WEIGHTS
from core.schedule import curves, plan
from core.schedule.shapes import NO_FLOOR, WARMUPS, FloorLR
from core.schedule.spec import Schedule
from core.schedule.words import listed

CUT_BY_BLOCKS = frozenset({"timm/convnext_tiny", "timm/resnet18", "timm/resnet26", "timm/resnet50"})
"""Models of which timm's layers, for --layer-decay, are the blocks of Thaw's layer table."""


def export(source: Source) -> Exported:
    """A shell script that calls train.py; ExportError where timm would train something else."""
    schedule = source.schedule
    _refuse(source)
    flags = [f"  {flag} \\" for flag in _flags(schedule)]
    text = "\n".join(
        [
            "#!/bin/sh",
            python_table.heading(schedule),
            "# Run it beside train.py of https://github.com/huggingface/pytorch-image-models.",
            "python train.py \\",
            *flags,
            '  "$@"',
        ]
    )
    return Exported(
        text + "\n",
        limitations=tuple(_limitations(schedule)),
        kept="the rate of every layer at every step, and the optimizer, except as listed",
        usage=f"sh {FILE} --data-dir DATA --num-classes 10 --batch-size 32 --smoothing 0\n",
    )


def _refuse(source: Source) -> None:
    schedule = source.schedule
    if not schedule.model.name.startswith("timm/"):
        wrong = f"is {schedule.model.name!r}, which timm does not have with these weights"
        raise ExportError("model.name", wrong, "take a model of timm, or another target")
    _refuse_frozen(schedule)
    if _warmup(schedule) >= schedule.epochs:
        wrong = f"is {schedule.lr.warmup.epochs:g}, which leaves timm no epoch after it"
        way_out = f"shorten the warmup to at most {schedule.epochs - 1}"
        raise ExportError("lr.warmup.epochs", wrong, way_out)
    if _has_one_rate(schedule):
        return
    if any(group.lr_scale is not None for group in schedule.groups):
        wrong = "have their own rates, but timm's train.py has one factor from layer to layer"
        raise ExportError("groups", wrong, "leave out every lr_scale, or take another target")
    if not _is_cut_by_blocks(schedule, source.table):
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


def _flags(schedule: Schedule) -> Iterator[str]:
    model, weights = schedule.model.name.removeprefix("timm/"), schedule.model.weights
    if weights not in (None, BUNDLED_WEIGHTS):
        model = f"{model}.{weights}"
    yield f"--model {shlex.quote(model)}{'' if weights is None else ' --pretrained'}"
    yield from _optimizer(schedule)
    if not _has_one_rate(schedule):
        yield f"--layer-decay {schedule.lr.group_decay!r}"
    yield from _curve(schedule)


def _optimizer(schedule: Schedule) -> Iterator[str]:
    spec = schedule.optimizer
    if not (flags := spec.timm_flags()):
        raise unknown("optimizer.name", spec.name, "timm's train.py")
    yield flags
    yield f"--lr {_peak(schedule)!r} --weight-decay {spec.weight_decay!r}"


def _curve(schedule: Schedule) -> Iterator[str]:
    lr, decay, warmup = schedule.lr, schedule.lr.decay, _warmup(schedule)
    yield f"--epochs {schedule.epochs - warmup}"
    if warmup:
        start = lr.warmup.start_factor * _peak(schedule)
        yield f"--warmup-epochs {warmup} --warmup-prefix --warmup-lr {start!r}"
    else:
        yield "--warmup-epochs 0"
    if not (flags := decay.timm_flags()):
        wrong = f"is {decay.shape!r}, which {decay.not_in_timm}"
        raise ExportError("lr.decay.shape", wrong, "take another shape, or another target")
    yield flags
    floor = decay.floor or NO_FLOOR
    low = floor.lr if isinstance(floor, FloorLR) else floor.factor * _peak(schedule)
    yield f"--min-lr {low!r}"
    if lr.interval == "step":
        yield "--sched-on-updates"


def _peak(schedule: Schedule) -> float:
    return curves.peak(schedule, schedule.groups[-1])


def _warmup(schedule: Schedule) -> int:
    """Return epochs of warmup, which timm takes whole: any warmup has at least one."""
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
        floor = lr.decay.floor
        if isinstance(floor, FloorLR) and floor.lr:
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
