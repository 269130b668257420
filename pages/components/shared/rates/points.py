"""The points that the rate charts draw: as many steps as a screen shows, never every one."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from core.records.model import Record, RecordGroup
from core.schedule import curves, plan
from core.schedule.sampling import steps_to_draw
from core.schedule.spec import Schedule
from pages.components.shared.axis import Joined, Span

Columns: TypeAlias = dict[str, NDArray[Any]]
"""A table by its columns, all of one length: taking rows of it is quicker than of a DataFrame."""

_FURTHEST_OFF = tuple(0.0375 / 4**left for left in (4, 3, 2, 1, 0))
"""Pixels by which each round of `thinned` may move a line; they add up to 0.05.

A chart that fills the screen is five times as high.
"""


def rate_table(schedule: Schedule, steps_per_epoch: int, closer: Span | None = None) -> Columns:
    """Return a row per drawn step and group: t (epochs), step, group, lr, share, trains, span.

    `closer` is a part of the run that is drawn with as many points as all of it.

    `core.schedule.sampling` says which steps; the first one of every epoch in which a group thaws
    or freezes is always there, since lines break there. `span` numbers the stretches in which a
    group goes on training or stays frozen. Groups lie one behind the other, from input to output.
    To be drawn, x is t and y is lr. The columns cannot be written to.
    """
    return {**_rate_table(schedule, steps_per_epoch, closer)}


@lru_cache(maxsize=16)  # a chart and its tooltip are of the same table
def _rate_table(schedule: Schedule, steps_per_epoch: int, closer: Span | None) -> Columns:
    groups = schedule.groups
    steps = steps_to_draw(schedule, steps_per_epoch, closer)
    rates = curves.rates_of_steps(schedule, steps, steps_per_epoch)
    peaks = np.array([curves.peak(schedule, group) for group in groups])
    epochs, places = np.unique(steps // steps_per_epoch, return_inverse=True)
    trains = np.array([[plan.trains_in(group, e) for e in epochs.tolist()] for group in groups])
    trains = trains[:, places]
    turns = np.diff(trains, axis=1, prepend=trains[:, :1])
    names = np.array([group.name for group in groups], dtype=object)
    t, lr = np.tile(steps / steps_per_epoch, len(groups)), rates.ravel()
    table = {
        "t": t,
        "x": t,
        "step": np.tile(steps, len(groups)),
        "group": np.repeat(names, len(steps)),
        "lr": lr,
        "y": lr,
        "share": (rates / peaks[:, np.newaxis]).ravel(),
        "trains": trains.ravel(),
        "span": np.cumsum(turns, axis=1).ravel(),
    }
    for column in table.values():
        column.flags.writeable = False
    return table


def recorded_table(record: Record) -> Columns:
    """Return the columns of `rate_table` but `share` for a record, whose groups have own steps."""
    parts = [_recorded(record, group) for group in record.groups]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _recorded(record: Record, group: RecordGroup) -> Columns:
    steps = record.steps_to_draw(group)
    epochs, places = np.unique(steps // record.steps_per_epoch, return_inverse=True)
    trains = np.array([plan.trains_in(group, epoch) for epoch in epochs.tolist()])[places]
    t, lr = steps / record.steps_per_epoch, record.at(group.name, steps)
    return {
        "t": t,
        "x": t,
        "step": steps,
        "group": np.full(len(steps), group.name, dtype=object),
        "lr": lr,
        "y": lr,
        "trains": trains,
        "span": np.cumsum(np.diff(trains, prepend=trains[:1])),
    }


def taken(table: Columns, rows: NDArray[Any]) -> Columns:
    """Return the rows at these places, or where this mask is true."""
    return {name: column[rows] for name, column in table.items()}


def connected(table: Columns, end: float) -> Columns:
    """Return lines without gaps: each span ends at the next one's first point, the last at `end`.

    The column x is in the unit of `end`. Each line's points stay in their order.
    """
    firsts, lasts = np.flatnonzero(_begins_span(table)), last_rows(table["group"])
    joins = taken(table, np.concatenate([firsts, lasts]))
    for name in ("span", "trains"):
        joins[name][: len(firsts)] = table[name][firsts - 1]
    joins["x"][len(firsts) :] = end
    places = np.concatenate([firsts, lasts + 1])
    return {name: np.insert(column, places, joins[name]) for name, column in table.items()}


def thinned(table: Columns, down: NDArray[np.float64], joined: Joined) -> Columns:
    """Return the table without points that are within 0.05 pixels of lines through the others.

    `table` is what `connected` gives, and `down` how many pixels down the plot each of its rows is.
    The ends of every line stay. Each round looks at every other point that is left, so that no two
    go beside each other, and may move the line by more than all rounds before it together.
    """
    x, kept = table["x"], np.arange(len(down))
    begins = np.append(_begins_line(table), True)
    is_end = begins[:-1] | begins[1:]
    for turn, most in enumerate(_FURTHEST_OFF):
        first = turn % 2
        at, before, after = kept[1 + first : -1 : 2], kept[first:-2:2], kept[2 + first :: 2]
        width = np.where(is_end[at], 1.0, x[after] - x[before])
        along = (x[at] - x[before]) / width if joined == "linear" else 0.0
        off = np.abs(down[before] + along * (down[after] - down[before]) - down[at])
        stays = np.ones(len(kept), dtype=bool)
        stays[1 + first : -1 : 2] = (off > most) | is_end[at]
        kept = kept[stays]
    return taken(table, kept)


def thaws(table: Columns) -> Columns:
    """Return the first point of every span in which a group trains, except at the run's start."""
    return taken(table, _begins_span(table) & table["trains"])


def at_playhead(schedule: Schedule, playhead: float, steps_per_epoch: int) -> Columns:
    """Return each group that trains in the step that the playhead stands in: group, lr, share."""
    last = schedule.epochs * steps_per_epoch - 1
    step = min(int(playhead * steps_per_epoch + 1e-9), last)  # 0.15 of 20 steps are 3
    rates = curves.rates_of_steps(schedule, step, steps_per_epoch)
    peaks = np.array([curves.peak(schedule, group) for group in schedule.groups])
    names = np.array([group.name for group in schedule.groups], dtype=object)
    epoch = step // steps_per_epoch
    trains = np.array([plan.trains_in(group, epoch) for group in schedule.groups])
    return taken({"group": names, "lr": rates, "share": rates / peaks}, trains)


def last_rows(groups: NDArray[Any]) -> NDArray[np.int64]:
    """Return where each group's last row is; groups lie one behind the other."""
    return np.flatnonzero(np.append(groups[1:] != groups[:-1], [True] * bool(len(groups))))


def _begins_line(table: Columns) -> NDArray[np.bool_]:
    """Return which rows are the first of their group, or of a span."""
    group, span = table["group"], table["span"]
    turns = (group[1:] != group[:-1]) | (span[1:] != span[:-1])
    return np.append([True], turns).astype(np.bool_)


def _begins_span(table: Columns) -> NDArray[np.bool_]:
    """Return which rows are the first of a span that another one of the same group comes before."""
    group = table["group"]
    follows = np.append([False], group[1:] == group[:-1])
    return np.asarray(_begins_line(table) & follows, dtype=np.bool_)
