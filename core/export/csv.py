"""A schedule as a tidy CSV table: the rate of every group at every step."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from core.export.exported import Exported, Limitation, Source
from core.schedule import curves, plan
from core.schedule.spec import Schedule
from core.schedule.words import counted, listed

COLUMNS = ("step", "epoch", "group", "lr", "trainable")

_FORMULAS = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "'")
"""What begins a formula, also in full width, and what says that the rest is none."""
_STEP = "\0"
"""Stands for the step in a text that is written for several; no name can hold it."""


def parts(schedule: Schedule, steps_per_epoch: int) -> Iterator[str]:
    """Yield the table's text, piece by piece: a header, and a row per optimizer step and group.

    Rows go by step and then from input to output. Steps and epochs count from 0. `lr` is the
    scheduled rate whether or not the group trains; `trainable` is 1 where it does, else 0. Rates
    have as many digits as tell them apart, names are as `cell` has them. The memory that it
    takes does not grow with the run.
    """
    yield _line(*COLUMNS)
    for epoch, step, rates in _blocks(schedule, steps_per_epoch):
        yield "".join(_texts(_form(schedule, epoch), step, rates))


def text(schedule: Schedule, steps_per_epoch: int) -> str:
    """Return the table as one text, for a download."""
    return "".join(parts(schedule, steps_per_epoch))


def cell(name: str) -> str:
    """Return the name as a spreadsheet shows it, and does not compute it: behind an apostrophe.

    That is where it would begin a formula, or where it begins with an apostrophe itself: what has
    one has the name behind it. Source: OWASP, CSV Injection. Also where it would begin a block of
    settings for Emacs, which needs the same text before each of its lines.
    """
    evaluated = name.lstrip().startswith(_FORMULAS) or "local variables:" in name.lower()
    return f"'{name}" if evaluated else name


def export(source: Source) -> Exported:
    """Return the table for every optimizer step."""
    table = text(source.schedule, source.steps_per_epoch)
    return replace(without_rows(source), content=table)


def without_rows(source: Source) -> Exported:
    """Return the export but for its content, which may be long: what is lost and what is kept."""
    each = counted(source.steps_per_epoch, "step")
    lost: tuple[Limitation, ...] = (
        Limitation(
            "optimizer",
            "A table of rates names no optimizer, no model and no layers",
            "your own loop makes them; Thaw cannot open the table again",
        ),
        Limitation(
            "epochs",
            "Its steps hold for one data size and batch size",
            f"each epoch has {each}; with other data, export it again",
        ),
    )
    formulas = [group.name for group in source.schedule.groups if cell(group.name) != group.name]
    if formulas:
        told = Limitation(
            "groups",
            f"A spreadsheet would evaluate names that look like formulas: {listed(formulas)}",
            "such names begin with an apostrophe",
        )
        lost = (*lost, told)
    return Exported("", lost, "every rate, to the last bit, and which groups train at every step")


def _blocks(
    schedule: Schedule, steps_per_epoch: int
) -> Iterator[tuple[int, int, list[list[float]]]]:
    """Epoch, first step, and the rates of all groups at that and the following steps."""
    most = max(1, curves.AT_ONCE // len(schedule.groups))
    for epoch in range(schedule.epochs):
        end = (epoch + 1) * steps_per_epoch
        for first in range(epoch * steps_per_epoch, end, most):
            steps = np.arange(first, min(first + most, end))
            rates = curves.rates_of_steps(schedule, steps, steps_per_epoch)
            yield epoch, first, rates.T.tolist()


def _texts(form: str, step: int, rates: list[list[float]]) -> Iterator[str]:
    """The lines of each step from `step` on; equal rates in a row are put into digits once."""
    before: list[float] = []
    for at, lrs in enumerate(rates, step):
        if lrs != before:
            lines, before = form % tuple(lrs), lrs
        yield lines.replace(_STEP, str(at))


def _form(schedule: Schedule, epoch: int) -> str:
    """Return the lines of a step of that epoch, with %r where each group's rate is to stand."""
    named = zip(schedule.groups, _trains(schedule, epoch), strict=True)
    return "".join(
        _line(_STEP, epoch, cell(group.name).replace("%", "%%"), "%r", trainable)
        for group, trainable in named
    )


def _trains(schedule: Schedule, epoch: int) -> list[int]:
    return [int(plan.is_open(group, epoch)) for group in schedule.groups]


def _line(*values: object) -> str:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerow(values)
    return file.getvalue()
