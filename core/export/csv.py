"""A schedule as a tidy CSV table: the rate of every group at every step."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from core.export.export_result import Exported, ExportSource, Limitation
from core.schedule import curves, plan
from core.schedule.spec import Schedule
from core.schedule.words import counted, listed

COLUMNS = ("step", "epoch", "group", "lr", "trainable")

_FORMULAS = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "'")
"""Signs that begin a formula, also in full width, and the apostrophe, which marks plain text."""
_STEP = "\0"
"""Placeholder for the step in lines that are reused for several; no name contains it."""


def chunks(schedule: Schedule, steps_per_epoch: int) -> Iterator[str]:
    """Yield the table's text, piece by piece: a header, and a row per optimizer step and group.

    Rows are in order of the steps, and within a step from input to output. Steps and epochs count
    from 0. `lr` is the scheduled rate whether or not the group trains; `trainable` is 1 if it does,
    else 0. Rates have all of their digits, names are quoted by `cell`. The memory that this takes
    does not grow with the run.
    """
    yield _line(*COLUMNS)
    for epoch, step, rates in _blocks(schedule, steps_per_epoch):
        yield "".join(_texts(_template(schedule, epoch), step, rates))


def text(schedule: Schedule, steps_per_epoch: int) -> str:
    """Return the whole table."""
    return "".join(chunks(schedule, steps_per_epoch))


def cell(name: str) -> str:
    """Return the name, behind an apostrophe if a spreadsheet would evaluate it as a formula.

    A name that begins with an apostrophe gets one too, so that removing the first restores every
    name. So does one that would begin a block of settings for Emacs. Source: OWASP, CSV Injection.
    """
    evaluated = name.lstrip().startswith(_FORMULAS) or "local variables:" in name.lower()
    return f"'{name}" if evaluated else name


def export(source: ExportSource) -> Exported:
    """Return the table for every optimizer step."""
    table = text(source.schedule, source.steps_per_epoch)
    return replace(without_rows(source), content=table)


def without_rows(source: ExportSource) -> Exported:
    """Return the export without its content, which may be long."""
    steps = counted(source.steps_per_epoch, "step")
    limitations: tuple[Limitation, ...] = (
        Limitation(
            "optimizer",
            "A table of rates names no optimizer, no model and no layers",
            "your own loop makes them; Thaw cannot open the table again",
        ),
        Limitation(
            "epochs",
            "Its steps hold for one data size and batch size",
            f"each epoch has {steps}; with other data, export it again",
        ),
    )
    formulas = [group.name for group in source.schedule.groups if cell(group.name) != group.name]
    if formulas:
        renamed = Limitation(
            "groups",
            f"A spreadsheet would evaluate names that look like formulas: {listed(formulas)}",
            "such names begin with an apostrophe",
        )
        limitations = (*limitations, renamed)
    return Exported(
        "", limitations, "every rate, to the last bit, and which groups train at every step"
    )


def _blocks(
    schedule: Schedule, steps_per_epoch: int
) -> Iterator[tuple[int, int, list[list[float]]]]:
    """Yield an epoch, a first step, and the rates of all groups at that and following steps."""
    count = max(1, curves.AT_ONCE // len(schedule.groups))
    for epoch in range(schedule.epochs):
        end = (epoch + 1) * steps_per_epoch
        for first in range(epoch * steps_per_epoch, end, count):
            steps = np.arange(first, min(first + count, end))
            rates = curves.rates_of_steps(schedule, steps, steps_per_epoch)
            yield epoch, first, rates.T.tolist()


def _texts(template: str, step: int, rates: list[list[float]]) -> Iterator[str]:
    """Yield the lines of each step from `step` on; the same rates again are not formatted again."""
    before: list[float] = []
    for at, lrs in enumerate(rates, step):
        if lrs != before:
            lines, before = template % tuple(lrs), lrs
        yield lines.replace(_STEP, str(at))


def _template(schedule: Schedule, epoch: int) -> str:
    """Return the lines of a step of that epoch, with %r in place of each group's rate."""
    return "".join(
        _line(
            _STEP,
            epoch,
            cell(group.name).replace("%", "%%"),
            "%r",
            int(plan.trains_in(group, epoch)),
        )
        for group in schedule.groups
    )


def _line(*values: object) -> str:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerow(values)
    return file.getvalue()
