"""A schedule for finetuning-scheduler: phases in YAML, and the Lightning code that goes with them.

Each of its phases thaws parameters and has one rate. The Lightning code sets the rate of every
step, and keeps frozen groups still.
"""

from __future__ import annotations

from itertools import groupby

from core.export.export_result import Exported, ExportSource, Limitation
from core.export.python.templates import render
from core.schedule import curves, plan, words
from core.schedule.spec import Group, Schedule


def export(source: ExportSource) -> Exported:
    """Return the phases as YAML; `usage` is the Lightning code."""
    schedule = expressible(source.schedule)
    changed = ExportSource(schedule, source.steps_per_epoch, source.table)
    phases = render(
        "finetuning_scheduler.yaml.jinja",
        changed,
        phases=_phases(schedule),
        pattern=pattern,
        rate=_rate,
    )
    code = render("finetuning_scheduler.py.jinja", changed, thaws_later=_thaws_later(schedule))
    return Exported(
        phases,
        limitations=limitations(source.schedule),
        preserved="which epoch thaws what; with the Lightning code below also the rate of every "
        "step, and what holds still when frozen",
        usage=code,
    )


def expressible(schedule: Schedule) -> Schedule:
    """Return the schedule as finetuning-scheduler runs it.

    Each group thaws once, and the groups of a phase share a rate, except in the first phase, whose
    optimizer is made by the user's own code.
    """
    lowest = {
        start: min(curves.scale(schedule, group) for group in groups)
        for start, groups in _phases(schedule)
        if start > 0
    }
    return schedule.model_copy(
        update={
            "groups": tuple(
                _expressible_group(schedule, group, lowest) for group in schedule.groups
            )
        }
    )


def limitations(schedule: Schedule) -> tuple[Limitation, ...]:
    """Return what `expressible` changes, and what the YAML leaves to the Lightning code."""
    limits = [
        Limitation(
            "lr",
            "in the file a phase has one rate, and the first phase has none",
            "curves, first rates and the optimizer are in the Lightning code that goes with it "
            "(on the command line: --out F --usage), which also leaves out what the model itself "
            "keeps constant",
        )
    ]
    if _thaws_later(schedule):
        limits.append(
            Limitation(
                "groups",
                "in several processes finetuning-scheduler does not exchange gradients of what "
                "thaws after the first epoch",
                "the Lightning code trains in one process",
            )
        )
    others = expressible(schedule)
    for place, (group, other) in enumerate(zip(schedule.groups, others.groups, strict=True)):
        thaws = plan.training_spans(group, schedule.epochs)
        if thaws != plan.training_spans(other, schedule.epochs):
            limits.append(
                Limitation(
                    f"groups[{place}].trainable",
                    "finetuning-scheduler cannot freeze a group again",
                    f"{group.name} trains from epoch {thaws[0][0]} to the end",
                )
            )
        due, has = curves.peak(schedule, group), curves.peak(others, other)
        if thaws and curves.relative_error(has, due) > curves.RATES_EQUAL:
            limits.append(
                Limitation(
                    f"groups[{place}].lr_scale" if group.lr_scale else "lr.group_decay",
                    "groups that thaw together after the first epoch share a rate",
                    f"{group.name} peaks at {words.rate(has)} instead of {words.rate(due)}",
                )
            )
    return tuple(limits)


def _expressible_group(schedule: Schedule, group: Group, lowest: dict[int, float]) -> Group:
    thaws = plan.training_spans(group, schedule.epochs)
    if not thaws:
        return group.model_copy(update={"trainable": ()})
    start = thaws[0][0]
    update: dict[str, object] = {"trainable": ((start, None),)}
    if lowest.get(start, curves.scale(schedule, group)) != curves.scale(schedule, group):
        update["lr_scale"] = lowest[start]
    return group.model_copy(update=update)


def _phases(schedule: Schedule) -> list[tuple[int, list[Group]]]:
    """Return each epoch in which groups thaw for the first time, with these groups."""
    thaws = [
        (spans[0][0], place, group)
        for place, group in enumerate(schedule.groups)
        if (spans := plan.training_spans(group, schedule.epochs))
    ]
    thaws.sort(key=lambda thaw: thaw[:2])
    return [
        (start, [group for *_, group in together])
        for start, together in groupby(thaws, key=lambda thaw: thaw[0])
    ]


def _thaws_later(schedule: Schedule) -> bool:
    return any(start > 0 for start, _ in _phases(schedule))


def pattern(path: str) -> str:
    """Return a regular expression for the parameters at a path of the LightningModule's `model`."""
    return f"model.{path}".replace(".", r"\.") + r"(\.|$)"


def _rate(schedule: Schedule, group: Group) -> str:
    """Return the group's peak with a dot, without which YAML 1.1 would read it as text."""
    text = repr(curves.peak(schedule, group))
    return text if "." in text else text.replace("e", ".0e")
