"""A schedule as a tidy CSV table: the rate of every group at every step."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from typing import TextIO

import numpy as np

from core.design import curves, plan
from core.design.spec import Schedule
from core.export.exported import Exported, Loss, Source

COLUMNS = ("step", "epoch", "group", "lr", "trainable")

Row = tuple[int, int, str, float, int]

_KEPT = 49_152
"""Rates that are in memory at once: 4,096 steps of twelve groups."""

_STEP = "\0"
"""Stands for the step in a text that is written for several; no name can hold it."""


def rows(schedule: Schedule, steps_per_epoch: int) -> Iterator[Row]:
    """A row per optimizer step and group, as in COLUMNS, by step and then from input to output.

    Steps and epochs count from 0. `lr` is the scheduled rate whether or not the group trains;
    `trainable` is 1 where it does, else 0.
    """
    names = [group.name for group in schedule.groups]
    for epoch, step, rates in _blocks(schedule, steps_per_epoch):
        trains = _trains(schedule, epoch)
        for at, lrs in enumerate(rates, step):
            for name, lr, trainable in zip(names, lrs, trains, strict=True):
                yield at, epoch, name, lr, trainable


def write(schedule: Schedule, steps_per_epoch: int, file: TextIO) -> None:
    """Write the table with a header line; rates have as many digits as tell them apart.

    The memory that it takes does not grow with the run.
    """
    file.write(_line(*COLUMNS))
    for epoch, step, rates in _blocks(schedule, steps_per_epoch):
        file.write("".join(_texts(_form(schedule, epoch), step, rates)))


def text(schedule: Schedule, steps_per_epoch: int) -> str:
    """The table as one text, for a download."""
    file = io.StringIO()
    write(schedule, steps_per_epoch, file)
    return file.getvalue()


def export(source: Source) -> Exported:
    """The table for every optimizer step."""
    table = text(source.schedule, source.steps_per_epoch)
    return replace(without_rows(source), content=table)


def without_rows(source: Source) -> Exported:
    """The export but for its content, which may be long: what is lost and what is kept."""
    lost = (
        Loss(
            "optimizer",
            "A table of rates names no optimizer, no model and no layers",
            "your own loop makes them; Thaw cannot open the table again",
        ),
        Loss(
            "epochs",
            "Its steps are those of one size of data and batch",
            f"each epoch has {source.steps_per_epoch:,} steps; with other data, export it again",
        ),
    )
    return Exported("", lost, "every rate, to the last bit, and which groups train at every step")


def _blocks(
    schedule: Schedule, steps_per_epoch: int
) -> Iterator[tuple[int, int, list[list[float]]]]:
    """Epoch, first step, and the rates of all groups at that and the following steps."""
    most = max(1, _KEPT // len(schedule.groups))
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
    """The lines of a step of that epoch, with %r where each group's rate is to stand."""
    named = zip(schedule.groups, _trains(schedule, epoch), strict=True)
    return "".join(
        _line(_STEP, epoch, group.name.replace("%", "%%"), "%r", trainable)
        for group, trainable in named
    )


def _trains(schedule: Schedule, epoch: int) -> list[int]:
    return [int(plan.is_open(group, epoch)) for group in schedule.groups]


def _line(*values: object) -> str:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerow(values)
    return file.getvalue()
