"""Checks of BatchNorm: statistics that move in a frozen group, or come from too few images."""

from __future__ import annotations

from collections.abc import Iterator

from core.checks.facts import ScheduleFacts
from core.checks.problem import Fix, Problem
from core.schedule import edits, plan
from core.schedule.words import counted, listed, one_or_more

SMALL_BATCH = 8


def moving_batchnorm(facts: ScheduleFacts) -> Iterator[Problem]:
    """BatchNorm layers of frozen groups go on moving their running statistics."""
    schedule = facts.schedule
    moving = [
        group
        for group in schedule.groups
        if group.when_frozen == "train"
        and group.batchnorm is None
        and facts.batchnorms[group.name]
        and plan.frozen_spans(group, schedule.epochs)
    ]
    if not moving:
        return
    names = tuple(group.name for group in moving)
    count = sum(facts.batchnorms[name] for name in names)
    wrong = (
        f"{one_or_more(names, 'is', 'are')} in train mode while frozen, so the statistics of "
        f"{counted(count, 'BatchNorm layer')} drift"
    )
    way_out = "hold frozen groups in eval mode"
    fix = Fix(
        "Hold them in eval mode" if len(names) > 1 else "Hold it in eval mode",
        edits.set_groups(schedule, {name: {"when_frozen": "eval"} for name in names}),
    )
    path, subject = facts.path(names[0], "when_frozen"), listed(names)
    yield Problem("moving-batchnorm", path, names, wrong, way_out, fix, subject)


def small_batch_batchnorm(facts: ScheduleFacts) -> Iterator[Problem]:
    """BatchNorm layers of groups that train take their statistics from fewer than 8 images."""
    size = facts.batch_size
    if size is None or size >= SMALL_BATCH:
        return
    noisy = [g for g in facts.training if g.batchnorm is None and facts.batchnorms[g.name]]
    if not noisy:
        return
    names = tuple(group.name for group in noisy)
    count = sum(facts.batchnorms[name] for name in names)
    wrong = (
        f"{one_or_more(names, 'trains', 'train')} {counted(count, 'BatchNorm layer')} "
        f"on batches of {size}, whose statistics are mostly noise"
    )
    fix, way_out = None, f"use a batch of {SMALL_BATCH} or more"
    if facts.schedule.model.weights is not None:  # else there are no statistics worth keeping
        mended = edits.set_groups(facts.schedule, {n: {"batchnorm": "eval"} for n in names})
        fix = Fix("Keep pretrained statistics", mended)
        way_out += ", or keep the pretrained statistics"
    path, subject = facts.path(names[0], "batchnorm"), listed(names)
    yield Problem("small-batch-batchnorm", path, names, wrong, way_out, fix, subject)
