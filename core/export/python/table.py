"""A schedule as the table that stands at the top of exported Python code."""

from __future__ import annotations

from typing import Any

from core.export.python.quoting import HEAD, comment, python
from core.schedule import curves
from core.schedule.document import abouts
from core.schedule.shapes import NO_FLOOR, WARMUPS, FloorFactor, FloorLR
from core.schedule.spec import Group, Schedule
from core.schedule.words import epochs

_WIDTH = 99


def heading(schedule: Schedule) -> str:
    """Comments that say what the code is and where it comes from; the name is in the third line."""
    what = f"for {schedule.model.name}, {epochs(schedule.epochs)}"
    return f"{HEAD}\n# {comment(schedule.name)}, {what} (thaw.schedule {schedule.version})."


def table(schedule: Schedule) -> str:
    """EPOCHS, the constants of the curve as far as it has them, and GROUPS, a dict per group."""
    lines = [f"EPOCHS = {schedule.epochs}", *_curve(schedule)]
    return "\n".join([*lines, "", *_groups(schedule)])


def optimizer(schedule: Schedule, groups: str) -> str:
    """The call that makes the schedule's optimizer of the param groups that `groups` names."""
    spec = schedule.optimizer
    given = {"lr": spec.base_lr, **spec.options()}
    told = ", ".join(f"{name}={value!r}" for name, value in given.items())
    return f"torch.optim.{spec.title()}({groups}, {told})"


def _curve(schedule: Schedule) -> list[str]:
    lr, decay = schedule.lr, schedule.lr.decay
    lines = []
    if lr.warmup.epochs:
        rise = WARMUPS[lr.warmup.shape].in_words
        lines.append(f"WARMUP = {lr.warmup.epochs!r}  # epochs in which rates rise {rise}")
        lines.append(f"START = {lr.warmup.start_factor!r}  # of the peak, where the warmup begins")
    for name, about in abouts(type(decay)).items():
        comment = about.comment.format(whole=_whole(schedule))
        lines += _constant(name.upper(), getattr(decay, name), comment)
    return lines + _floor(decay.floor or NO_FLOOR)


def _whole(schedule: Schedule) -> str:
    """Return what the numbers of a decay are shares of."""
    if schedule.lr.warmup.epochs:
        return "what is left after warmup"
    return "a group's curve" if schedule.lr.after_unfreeze == "restart" else "the run"


def _constant(name: str, value: Any, comment: str) -> list[str]:
    """Return the line of a constant, or those of a tuple that is too long for one."""
    line = f"{name} = {value!r}  # {comment}".removesuffix("  # ")
    if len(line) <= _WIDTH or not isinstance(value, tuple):
        return [line]
    rows = [f"    {each!r}," for each in value]
    return [f"# {comment}", f"{name} = (", *rows, ")"]


def _floor(floor: FloorFactor | FloorLR) -> list[str]:
    if isinstance(floor, FloorLR):
        return [f"FLOOR = {floor.lr!r}  # the last rate of every group"]
    return [f"FLOOR = {floor.factor!r}  # of the peak: a group's last rate"] if floor.factor else []


def _groups(schedule: Schedule) -> list[str]:
    lines = [
        "GROUPS = [  # from input to output; they train in epochs [start, end), None: the last"
    ]
    for group in schedule.groups:
        lines += _row(_raw(schedule, group))
    return [*lines, "]"]


def _raw(schedule: Schedule, group: Group) -> dict[str, Any]:
    """Return what the code needs to know of a group; what all groups do is in the code itself."""
    raw: dict[str, Any] = {
        "name": group.name,
        "peak": curves.peak(schedule, group),
        "trains": list(group.trainable),
        "parts": list(group.modules),
    }
    if group.when_frozen == "train" and any(g.when_frozen == "eval" for g in schedule.groups):
        raw["when_frozen"] = "train"
    if group.batchnorm == "eval":
        raw["batchnorm"] = "eval"
    return raw


def _row(raw: dict[str, Any]) -> list[str]:
    """Return a group in one line, or a line for each of its keys, long lists broken."""
    line = f"    {python(raw)},"
    if len(line) <= _WIDTH:
        return [line]
    lines = ["    {"]
    for key, value in raw.items():
        line = f"        {python(key)}: {python(value)},"
        if len(line) <= _WIDTH or not isinstance(value, list):
            lines.append(line)
            continue
        lines.append(f"        {python(key)}: [")
        lines += [f"            {python(item)}," for item in value]
        lines.append("        ],")
    return [*lines, "    },"]
