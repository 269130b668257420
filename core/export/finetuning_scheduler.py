"""A schedule for finetuning-scheduler: phases in YAML, and the Lightning code that goes with them.

Its phases thaw parameters and give each phase one rate. Lightning code sets the rates of every
step, and holds still what is frozen.
"""

from __future__ import annotations

from itertools import groupby

from core.export.exported import Exported, Limitation, Source
from core.export.python.templates import render
from core.schedule import curves, plan, words
from core.schedule.spec import Group, Schedule


def export(source: Source) -> Exported:
    """Return the phases as YAML; `usage` is the Lightning code."""
    schedule = said(source.schedule)
    changed = Source(schedule, source.steps_per_epoch, source.table)
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
        kept="which epoch thaws what; with the Lightning code below also the rate of every step, "
        "and what holds still when frozen",
        usage=code,
    )


def said(schedule: Schedule) -> Schedule:
    """The schedule as finetuning-scheduler runs it: each group thaws once, each phase at one rate.

    The first phase is an exception, since the optimizer that it begins with is one's own.
    """
    lowest = {
        start: min(curves.scale(schedule, group) for group in groups)
        for start, groups in _phases(schedule)
        if start > 0
    }
    return schedule.model_copy(
        update={"groups": tuple(_said(schedule, group, lowest) for group in schedule.groups)}
    )


def limitations(schedule: Schedule) -> tuple[Limitation, ...]:
    """Return what `said` changes, and what the YAML leaves to the Lightning code."""
    found = [
        Limitation(
            "lr",
            "in the file a phase has one rate, and the first phase has none",
            "curves, first rates and the optimizer are in the Lightning code that goes with it "
            "(on the command line: --out F --usage), which also leaves out what the model itself "
            "keeps constant",
        )
    ]
    if _thaws_later(schedule):
        found.append(
            Limitation(
                "groups",
                "in several processes finetuning-scheduler does not exchange gradients of what "
                "thaws after the first epoch",
                "the Lightning code trains in one process",
            )
        )
    others = said(schedule)
    for place, (group, other) in enumerate(zip(schedule.groups, others.groups, strict=True)):
        thaws = plan.open_spans(group, schedule.epochs)
        if thaws != plan.open_spans(other, schedule.epochs):
            found.append(
                Limitation(
                    f"groups[{place}].trainable",
                    "finetuning-scheduler cannot freeze a group again",
                    f"{group.name} trains from epoch {thaws[0][0]} to the end",
                )
            )
        due, has = curves.peak(schedule, group), curves.peak(others, other)
        if thaws and curves.relative_error(has, due) > curves.RATES_EQUAL:
            found.append(
                Limitation(
                    f"groups[{place}].lr_scale" if group.lr_scale else "lr.group_decay",
                    "groups that thaw together after the first epoch share a rate",
                    f"{group.name} peaks at {words.rate(has)} instead of {words.rate(due)}",
                )
            )
    return tuple(found)


def _said(schedule: Schedule, group: Group, lowest: dict[int, float]) -> Group:
    thaws = plan.open_spans(group, schedule.epochs)
    if not thaws:
        return group.model_copy(update={"trainable": ()})
    start = thaws[0][0]
    update: dict[str, object] = {"trainable": ((start, None),)}
    if lowest.get(start, curves.scale(schedule, group)) != curves.scale(schedule, group):
        update["lr_scale"] = lowest[start]
    return group.model_copy(update=update)


def _phases(schedule: Schedule) -> list[tuple[int, list[Group]]]:
    """Return the epochs in which something thaws for the first time, and what does."""
    thaws = [
        (spans[0][0], place, group)
        for place, group in enumerate(schedule.groups)
        if (spans := plan.open_spans(group, schedule.epochs))
    ]
    thaws.sort(key=lambda thaw: thaw[:2])
    return [
        (start, [group for *_, group in found])
        for start, found in groupby(thaws, key=lambda thaw: thaw[0])
    ]


def _thaws_later(schedule: Schedule) -> bool:
    return any(start > 0 for start, _ in _phases(schedule))


def pattern(path: str) -> str:
    """A regular expression for the parameters below a path of the LightningModule's `model`."""
    return f"model.{path}".replace(".", r"\.") + r"(\.|$)"


def _rate(schedule: Schedule, group: Group) -> str:
    """Return the group's peak as YAML 1.1 reads a number: with a dot, or it would be text."""
    text = repr(curves.peak(schedule, group))
    return text if "." in text else text.replace("e", ".0e")
