"""The points that the rate charts draw: a screen's worth of steps, never every one."""

from __future__ import annotations

import numpy as np
import pandas as pd

from core.design import curves, plan
from core.design.drawn import recorded_steps_to_draw, steps_to_draw
from core.design.record import Record, RecordedPart
from core.design.spec import Schedule
from pages.components.axis import Span


def rate_table(
    schedule: Schedule, steps_per_epoch: int, closer: Span | None = None
) -> pd.DataFrame:
    """One row per drawn step and group: t (epochs), step, group, lr, share, open, span.

    `closer` is a part of the run that is drawn with as many points as all of it.

    `core.design.drawn` says which steps; the first one of every epoch that opens or closes a group
    is always there, since lines break there. `span` numbers the stretches in which a group stays
    open or frozen.
    """
    groups = schedule.groups
    steps = steps_to_draw(schedule, steps_per_epoch, closer)
    rates = curves.rates_of_steps(schedule, steps, steps_per_epoch)
    peaks = np.array([curves.peak(schedule, group) for group in groups])
    epochs, places = np.unique(steps // steps_per_epoch, return_inverse=True)
    is_open = np.array([[plan.is_open(group, e) for e in epochs.tolist()] for group in groups])
    is_open = is_open[:, places]
    turns = np.diff(is_open, axis=1, prepend=is_open[:, :1])
    return pd.DataFrame(
        {
            "t": np.tile(steps / steps_per_epoch, len(groups)),
            "step": np.tile(steps, len(groups)),
            "group": np.repeat([group.name for group in groups], len(steps)),
            "lr": rates.ravel(),
            "share": (rates / peaks[:, np.newaxis]).ravel(),
            "open": is_open.ravel(),
            "span": np.cumsum(turns, axis=1).ravel(),
        }
    )


def recorded_table(record: Record) -> pd.DataFrame:
    """The same of a record, but for the share; each group has steps of its own."""
    return pd.concat([_recorded(record, group) for group in record.groups], ignore_index=True)


def _recorded(record: Record, group: RecordedPart) -> pd.DataFrame:
    steps = recorded_steps_to_draw(record, group)
    epochs, places = np.unique(steps // record.steps_per_epoch, return_inverse=True)
    is_open = np.array([plan.is_open(group, epoch) for epoch in epochs.tolist()])[places]
    return pd.DataFrame(
        {
            "t": steps / record.steps_per_epoch,
            "step": steps,
            "group": group.name,
            "lr": record.at(group.name, steps),
            "open": is_open,
            "span": np.cumsum(np.diff(is_open, prepend=is_open[:1])),
        }
    )


def connected(table: pd.DataFrame, end: float) -> pd.DataFrame:
    """Lines without gaps: each span reaches to the next one's first point, the last to the end."""
    # Groups lie one behind the other: comparing rows is several times faster than a groupby.
    firsts = table[_begins_span(table)]
    before = table.iloc[firsts.index - 1]
    reached = firsts.assign(span=before["span"].to_numpy(), open=before["open"].to_numpy())
    ends = table[table["group"] != table["group"].shift(-1)].assign(x=end)
    return pd.concat([table, reached, ends], ignore_index=True)


def thaws(table: pd.DataFrame) -> pd.DataFrame:
    """The first point of every stretch in which a group trains, unless the run begins with it."""
    return table[_begins_span(table) & table["open"]]


def _begins_span(table: pd.DataFrame) -> pd.Series:
    """Which rows are the first of a span that another one of the same group comes before."""
    same = table["group"] == table["group"].shift()
    return same & (table["span"].diff() > 0)


def at_playhead(
    table: pd.DataFrame, playhead: float, steps_per_epoch: int, x: float
) -> pd.DataFrame:
    """Each group that trains at the playhead: its last drawn rate up to there, placed at `x`."""
    before = table[table["step"] <= playhead * steps_per_epoch + 1e-9]
    points = before[before["group"] != before["group"].shift(-1)]
    return points[points["open"]].assign(x=x)
