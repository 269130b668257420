"""All checks by the code of their problem, and what they find in a schedule."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

from core.checks import batchnorm, optimizer, rates, structure, warmup, windows
from core.checks.facts import Facts
from core.checks.problem import ORDER, Problem
from core.errors import InputError, ScheduleError
from core.models.layer_table import LayerTable
from core.schedule.spec import Schedule

MAX_OF_A_KIND = 20

CHECKS: dict[str, Callable[[Facts], Iterator[Problem]]] = {
    "unknown-model": structure.unknown_model,
    "unknown-weights": structure.unknown_weights,
    "nested-path": structure.nested_path,
    "unknown-path": structure.unknown_path,
    "empty-group": structure.empty_group,
    "ungrouped": structure.ungrouped,
    "idle-epochs": windows.idle_epochs,
    "late-window": windows.late_window,
    "late-thaw": windows.late_thaw,
    "frozen-head": windows.frozen_head,
    "long-warmup": warmup.long_warmup,
    "zero-epoch": warmup.zero_epoch,
    "one-step-epochs": rates.one_step_epochs,
    "rising-lr": rates.rising_lr,
    "floor-above-peak": rates.floor_above_peak,
    "unusual-lr": optimizer.unusual_lr,
    "wide-spread": rates.wide_spread,
    "heavy-decay": optimizer.heavy_decay,
    "moving-batchnorm": batchnorm.moving_batchnorm,
    "small-batch-batchnorm": batchnorm.small_batch_batchnorm,
    "cold-thaw": warmup.cold_thaw,
    "early-warmup": warmup.early_warmup,
    "no-warmup": warmup.no_warmup,
    "coarse-steps": rates.coarse_steps,
    "flat-lr": rates.flat_lr,
    "frozen-above": windows.frozen_above,
    "never-trains": windows.never_trains,
    "kept-moments": optimizer.kept_moments,
    "decay-on-norms": optimizer.decay_on_norms,
}
"""Every check by the code of its problem, in the order in which they are told."""


def problems(
    schedule: Schedule,
    layers: LayerTable | None = None,
    batch_size: int | None = None,
    steps_per_epoch: int | None = None,
) -> tuple[Problem, ...]:
    """The problems of a schedule: errors first, then warnings, then hints; of a kind at most 20.

    With the model's layer table, its paths, weights and BatchNorm layers are checked as well; with
    the run's batch size in images, whether BatchNorm can train on it; with its steps per epoch,
    whether an epoch has more than one.
    """
    facts = Facts(schedule, layers, batch_size, steps_per_epoch)
    found = [p for check in CHECKS.values() for p in islice(check(facts), MAX_OF_A_KIND)]
    return tuple(sorted(found, key=lambda problem: ORDER[problem.severity]))


def errors(schedule: Schedule, layers: LayerTable | None = None) -> tuple[Problem, ...]:
    """Only the problems that refuse to run."""
    return tuple(p for p in problems(schedule, layers) if p.severity == "error")


def refuse_errors(
    schedule: Schedule, layers: LayerTable | None = None, *, own_model: bool = False
) -> None:
    """Raise ScheduleError with every problem of severity error, if there is one.

    With `own_model` the network is at hand, so that a name which nobody knows is none.
    """
    found = [
        InputError(problem.path, problem.wrong, problem.way_out)
        for problem in errors(schedule, layers)
        if not (own_model and problem.code == "unknown-model")
    ]
    if found:
        raise ScheduleError(found)
