"""The rendering of the templates in `core/export/templates` for a schedule."""

from __future__ import annotations

import shlex
from functools import cache
from typing import TYPE_CHECKING, Any

from core.export.export_result import FILE, MODULE, ExportSource
from core.export.python import table
from core.export.python.quoting import comment, python
from core.models.layer_table import parameter_counts
from core.schedule.shapes import NO_FLOOR, WARMUPS
from core.schedule.spec import Schedule
from core.schedule.words import epochs

if TYPE_CHECKING:
    from jinja2 import Environment


def render(
    template: str, source: ExportSource, *, skips_steps: bool = True, **variables: Any
) -> str:
    """Return the template's text for the source's schedule; `variables` are those it alone uses.

    `skips_steps` tells that the trainer may skip an optimizer step, as a GradScaler does.
    """
    shared = _shared_variables(source, skips_steps=skips_steps)
    return _environment().get_template(template).render(shared | variables)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined  # takes 45 ms to import

    environment = Environment(
        loader=PackageLoader("core.export"),
        autoescape=False,  # this is no HTML: names go through the filters python, comment or shell
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "python": python,
        "comment": comment,
        "shell": shlex.quote,
        "epochs": epochs,
    }
    environment.globals |= {"FILE": FILE, "MODULE": MODULE}
    return environment


def _shared_variables(source: ExportSource, *, skips_steps: bool) -> dict[str, Any]:
    """Return the variables that several templates use."""
    schedule = source.schedule
    spec = schedule.optimizer
    has_fused = spec.has_fused and not (skips_steps and spec.fused_buffer())
    bare_parameters = _may_name_parameters(source)
    keeps_statistics = any(group.batchnorm == "eval" for group in schedule.groups)
    return {
        "schedule": schedule,
        "lr": schedule.lr,
        "floor": schedule.lr.decay.floor or NO_FLOOR,
        "warmup_shape": WARMUPS[schedule.lr.warmup.shape],
        "all_groups_decay": _all_groups_decay(schedule),
        "decay_constants": table.decay_constants(schedule),
        "rows": [table.row(schedule, group) for group in schedule.groups],
        "optimizer_call": _optimizer_call(schedule, has_fused=has_fused),
        "has_fused": has_fused,
        "bare_parameters": bare_parameters,
        "frozen_modes": {group.when_frozen for group in schedule.groups},
        "keeps_statistics": keeps_statistics,
        "uses_nn": bare_parameters or keeps_statistics,
    }


def _all_groups_decay(schedule: Schedule) -> bool:
    """Return whether each group has epochs left after its warmup, in which its rate decays."""
    restarts = schedule.lr.after_unfreeze == "restart"
    thaws = [group.trainable[0][0] for group in schedule.groups if group.trainable and restarts]
    return schedule.epochs - max(thaws, default=0) - schedule.lr.warmup.epochs > 0


def _optimizer_call(schedule: Schedule, *, has_fused: bool) -> str:
    """Return the code that makes the schedule's optimizer of the param groups in `groups`.

    In the code, the name `fused` says whether to use the fused optimizer, if torch has one.
    """
    spec = schedule.optimizer
    options = {"lr": spec.base_lr, **spec.options()}
    arguments = [f"{name}={python(value)}" for name, value in options.items()]
    if has_fused:
        arguments.append("fused=fused or None")
    return f"torch.optim.{spec.title()}(groups, {', '.join(arguments)})"


def _may_name_parameters(source: ExportSource) -> bool:
    """Return whether a group may name a parameter by itself, such as `cls_token`."""
    if source.table is None:
        return True
    parameters = parameter_counts(source.table)
    return any(path in parameters for group in source.schedule.groups for path in group.modules)
