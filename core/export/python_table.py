"""A schedule as the table that stands at the top of exported Python code."""

from __future__ import annotations

from typing import Any

from core.design import curves
from core.design.learning_rate import NO_FLOOR, FloorFactor, FloorLR, Steps
from core.design.optimizers import OPTIMIZERS, SGD, Adam, AdamW
from core.design.spec import Group, Schedule
from core.design.words import epochs
from core.export.exported import unknown
from core.export.quoting import HEAD, comment, python

_WIDTH = 99
_RISES = {"linear": " in a straight line", "cosine": " as half a cosine"}


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
    given = {"lr": spec.base_lr}
    match spec:
        case SGD():
            given["momentum"] = spec.momentum
        case Adam() | AdamW():
            pass
        case _:
            raise unknown("optimizer.name", spec.name, "exported Python")
    given["weight_decay"] = spec.weight_decay
    told = ", ".join(f"{name}={value!r}" for name, value in given.items())
    return f"torch.optim.{OPTIMIZERS[spec.name]}({groups}, {told})"


def _curve(schedule: Schedule) -> list[str]:
    lr, decay = schedule.lr, schedule.lr.decay
    lines = []
    if lr.warmup.epochs:
        rise = _RISES.get(lr.warmup.shape, "")
        lines.append(f"WARMUP = {lr.warmup.epochs!r}  # epochs in which rates rise{rise}")
        lines.append(f"START = {lr.warmup.start_factor!r}  # of the peak, where the warmup begins")
    if decay.shape == "wsd":
        share = "share of what is left after warmup" if lr.warmup.epochs else "share of the run"
        lines.append(f"COOLDOWN = {decay.cooldown!r}  # {share}, at its end, in which rates fall")
    if decay.shape == "polynomial":
        lines.append(f"POWER = {decay.power!r}  # of the polynomial by which rates fall")
    if decay.shape == "steps":
        lines += _milestones(schedule, decay)
        lines.append(f"GAMMA = {decay.gamma!r}  # times what they were before")
    return lines + _floor(getattr(decay, "floor", NO_FLOOR))


def _milestones(schedule: Schedule, decay: Steps) -> list[str]:
    whole = "a group's curve" if schedule.lr.after_unfreeze == "restart" else "the run"
    whole = "what is left after warmup" if schedule.lr.warmup.epochs else whole
    comment = f"# shares of {whole} at which rates fall"
    line = f"MILESTONES = {decay.milestones!r}  {comment}"
    if len(line) <= _WIDTH:
        return [line]
    rows = [f"    {share!r}," for share in decay.milestones]
    return [comment, "MILESTONES = (", *rows, ")"]


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
    """What the code needs to know of a group; what all groups do is in the code itself."""
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
    """A group in one line, or a line for each of its keys, long lists broken."""
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
