"""The points that the rate charts draw: a screen's worth of steps, never every one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from core.design import curves, plan
from core.design.spec import Schedule

MOST_POINTS = 240


def rate_table(schedule: Schedule, steps_per_epoch: int) -> pd.DataFrame:
    """One row per drawn step and group: t (epochs), step, group, lr, share, open, span.

    At most 240 steps are drawn, always with the first step of every epoch that opens or closes a
    group, since lines break there. `span` numbers the stretches in which a group stays open or
    frozen.
    """
    steps = _drawn_steps(schedule, steps_per_epoch)
    t = steps / steps_per_epoch
    on_curve = curves.time_of_step(schedule, steps, steps_per_epoch)
    frames = []
    for group in schedule.groups:
        is_open = np.array([plan.is_open(group, int(epoch)) for epoch in t])
        rate = curves.lr(schedule, group, on_curve)
        frames.append(
            pd.DataFrame(
                {
                    "t": t,
                    "step": steps,
                    "group": group.name,
                    "lr": rate,
                    "share": rate / curves.peak(schedule, group),
                    "open": is_open,
                    "span": np.cumsum(np.diff(is_open, prepend=is_open[0]) != 0),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def epoch_table(schedule: Schedule, steps_per_epoch: int) -> pd.DataFrame:
    """One row per epoch, one column per group: its rate at the epoch's first step, or "frozen"."""
    epochs = np.arange(schedule.epochs)
    t = curves.time_of_step(schedule, epochs * steps_per_epoch, steps_per_epoch)
    columns: dict[str, Any] = {"epoch": epochs}
    for group in reversed(schedule.groups):
        rates = curves.lr(schedule, group, t)
        columns[group.name] = [
            f"{rate:.6g}" if plan.is_open(group, epoch) else "frozen"
            for epoch, rate in zip(epochs.tolist(), rates, strict=True)
        ]
    return pd.DataFrame(columns)


def connected(table: pd.DataFrame, end: float) -> pd.DataFrame:
    """Lines without gaps: each span reaches to the next one's first point, the last to the end."""
    pieces = [table]
    for _, rows in table.groupby("group", sort=False):
        firsts = rows[rows["span"].diff() > 0]
        before = rows.shift(1).loc[firsts.index]
        pieces.append(
            firsts.assign(span=before["span"].astype(int), open=before["open"].astype(bool))
        )
        pieces.append(rows.tail(1).assign(x=end))
    return pd.concat(pieces, ignore_index=True)


def thaws(table: pd.DataFrame) -> pd.DataFrame:
    """The first point of every stretch in which a group trains, unless the run begins with it."""
    starts = table.groupby("group", sort=False)["span"].diff() > 0
    return table[starts & table["open"]]


def at_playhead(
    table: pd.DataFrame, playhead: float, steps_per_epoch: int, x: float
) -> pd.DataFrame:
    """Each group that trains at the playhead: its last drawn rate up to there, placed at `x`."""
    before = table[table["step"] <= playhead * steps_per_epoch + 1e-9]
    points = before.groupby("group", sort=False).tail(1)
    return points[points["open"]].assign(x=x)


def _drawn_steps(schedule: Schedule, steps_per_epoch: int) -> np.ndarray:
    total = schedule.epochs * steps_per_epoch
    even = np.linspace(0, total - 1, min(total, MOST_POINTS)).round().astype(int)
    edges = [phase.start * steps_per_epoch for phase in plan.phases(schedule)]
    warm = round(schedule.lr.warmup.epochs * steps_per_epoch)
    return np.unique([*even, *edges, *(max(0, e - 1) for e in edges), min(warm, total - 1)])
