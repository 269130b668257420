"""The table of groups and the constants at the top of exported Python code."""

from __future__ import annotations

from typing import Any

from core.export.python.quoting import python
from core.schedule import curves
from core.schedule.document import field_texts
from core.schedule.spec import Group, Schedule

_WIDTH = 99


def decay_constants(schedule: Schedule) -> list[str]:
    """Return the fields of the decay's shape, each as a constant with its comment."""
    decay, whole = schedule.lr.decay, _whole(schedule)
    return [
        _constant(name.upper(), getattr(decay, name), about.comment.format(whole=whole))
        for name, about in field_texts(type(decay)).items()
    ]


def _whole(schedule: Schedule) -> str:
    """Return in words what the numbers of a decay are shares of."""
    if schedule.lr.warmup.epochs:
        return "what is left after warmup"
    return "a group's curve" if schedule.lr.after_unfreeze == "restart" else "the run"


def _constant(name: str, value: Any, comment: str) -> str:
    """Return the line of a constant, or those of a tuple that is too long for one."""
    line = f"{name} = {value!r}  # {comment}".removesuffix("  # ")
    if len(line) <= _WIDTH or not isinstance(value, tuple):
        return line
    rows = [f"    {each!r}," for each in value]
    return "\n".join([f"# {comment}", f"{name} = (", *rows, ")"])


def row(schedule: Schedule, group: Group) -> str:
    """Return a group as a dict in one line, or else in a line per key, with long lists broken."""
    raw = _raw(schedule, group)
    line = f"    {python(raw)},"
    if len(line) <= _WIDTH:
        return line
    lines = ["    {"]
    for key, value in raw.items():
        line = f"        {python(key)}: {python(value)},"
        if len(line) <= _WIDTH or not isinstance(value, list):
            lines.append(line)
            continue
        lines.append(f"        {python(key)}: [")
        lines += [f"            {python(item)}," for item in value]
        lines.append("        ],")
    return "\n".join([*lines, "    },"])


def _raw(schedule: Schedule, group: Group) -> dict[str, Any]:
    """Return the keys of a group's dict; those that are the same for all groups are left out."""
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
