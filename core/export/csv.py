"""A schedule as a tidy CSV table: the rate of every group at every step."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import TextIO

import numpy as np

from core.design import curves, plan
from core.design.spec import Schedule

COLUMNS = ("step", "epoch", "group", "lr", "trainable")

Row = tuple[int, int, str, float, int]


def rows(schedule: Schedule, steps_per_epoch: int) -> Iterator[Row]:
    """A row per optimizer step and group, as in COLUMNS, by step and then from input to output.

    Steps and epochs count from 0. `lr` is the scheduled rate whether or not the group trains;
    `trainable` is 1 where it does, else 0.
    """
    names = [group.name for group in schedule.groups]
    for epoch in range(schedule.epochs):
        steps = np.arange(epoch * steps_per_epoch, (epoch + 1) * steps_per_epoch)
        rates = curves.rates(schedule, curves.time_of_step(schedule, steps, steps_per_epoch))
        trains = [int(plan.is_open(group, epoch)) for group in schedule.groups]
        for step, lrs in zip(steps.tolist(), rates.T.tolist(), strict=True):
            for name, lr, trainable in zip(names, lrs, trains, strict=True):
                yield step, epoch, name, lr, trainable


def write(schedule: Schedule, steps_per_epoch: int, file: TextIO) -> None:
    """Write the table with a header line; rates have as many digits as tell them apart."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for step, epoch, name, lr, trainable in rows(schedule, steps_per_epoch):
        writer.writerow((step, epoch, name, repr(lr), trainable))


def text(schedule: Schedule, steps_per_epoch: int) -> str:
    """The table as one text, for a download."""
    file = io.StringIO()
    write(schedule, steps_per_epoch, file)
    return file.getvalue()
