"""The list of all checks, and the problems that they find in a schedule."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from core.checks import batchnorm, optimizer, rates, structure, warmup, windows
from core.checks.facts import ScheduleFacts
from core.checks.problem import Problem, Severity
from core.errors import InputError, ScheduleError
from core.models.layer_table import LayerTable
from core.schedule.spec import Schedule

MAX_OF_A_KIND = 20


@dataclass(frozen=True, slots=True)
class Check:
    """A function that finds the problems of one kind, as its docstring says, and their severity."""

    severity: Severity
    find: Callable[[ScheduleFacts], Iterator[Problem]]


CHECKS: dict[str, Check] = {
    "unknown-model": Check("error", structure.unknown_model),
    "unknown-weights": Check("error", structure.unknown_weights),
    "nested-path": Check("error", structure.nested_path),
    "unknown-path": Check("error", structure.unknown_path),
    "empty-group": Check("error", structure.empty_group),
    "ungrouped": Check("error", structure.ungrouped),
    "idle-epochs": Check("error", windows.idle_epochs),
    "late-window": Check("warning", windows.late_window),
    "late-thaw": Check("warning", windows.late_thaw),
    "frozen-head": Check("warning", windows.frozen_head),
    "long-warmup": Check("warning", warmup.long_warmup),
    "zero-epoch": Check("warning", warmup.zero_epoch),
    "one-step-epochs": Check("warning", rates.one_step_epochs),
    "rising-lr": Check("warning", rates.rising_lr),
    "floor-above-peak": Check("warning", rates.floor_above_peak),
    "unusual-lr": Check("warning", optimizer.unusual_lr),
    "wide-spread": Check("warning", rates.wide_spread),
    "heavy-decay": Check("warning", optimizer.heavy_decay),
    "moving-batchnorm": Check("warning", batchnorm.moving_batchnorm),
    "small-batch-batchnorm": Check("warning", batchnorm.small_batch_batchnorm),
    "cold-thaw": Check("hint", warmup.cold_thaw),
    "early-warmup": Check("hint", warmup.early_warmup),
    "no-warmup": Check("hint", warmup.no_warmup),
    "coarse-steps": Check("hint", rates.coarse_steps),
    "flat-lr": Check("hint", rates.flat_lr),
    "frozen-above": Check("hint", windows.frozen_above),
    "never-trains": Check("hint", windows.never_trains),
    "kept-moments": Check("hint", optimizer.kept_moments),
    "decay-on-norms": Check("hint", optimizer.decay_on_norms),
}
"""Every check by the code of its problems, in the order in which these are listed: errors first."""


def problems(
    schedule: Schedule,
    layers: LayerTable | None = None,
    batch_size: int | None = None,
    steps_per_epoch: int | None = None,
) -> tuple[Problem, ...]:
    """Return the problems of a schedule: errors, then warnings, then hints; 20 of a kind at most.

    With the model's layer table, paths, weights and BatchNorm layers are checked too; with the
    run's batch size in images, whether BatchNorm can train on it; with its steps per epoch, whether
    an epoch has more than one.
    """
    facts = ScheduleFacts(schedule, layers, batch_size, steps_per_epoch)
    return tuple(_run(facts, CHECKS.values()))


def errors(schedule: Schedule, layers: LayerTable | None = None) -> tuple[Problem, ...]:
    """Return only the problems that keep a schedule from running; no other checks are made."""
    checks = [check for check in CHECKS.values() if check.severity == "error"]
    return tuple(_run(ScheduleFacts(schedule, layers), checks))


def _run(facts: ScheduleFacts, checks: Iterable[Check]) -> Iterator[Problem]:
    for check in checks:
        for problem in islice(check.find(facts), MAX_OF_A_KIND):
            yield replace(problem, severity=check.severity)


def refuse_errors(
    schedule: Schedule, layers: LayerTable | None = None, *, own_model: bool = False
) -> None:
    """Raise ScheduleError with every problem of severity error, if there is one.

    With `own_model` the caller has the network, so an unknown name of a model is no error.
    """
    refusals = [
        InputError(problem.path, problem.wrong, problem.way_out)
        for problem in errors(schedule, layers)
        if not (own_model and problem.code == "unknown-model")
    ]
    if refusals:
        raise ScheduleError(refusals)
