"""Learning rates of several schedules: group by group over each other, or schedule by schedule."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Literal

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from core.compare.align import GroupRow
from core.compare.comparable import Comparable, changes_by_epoch, lr, peak
from core.records.model import Record
from core.schedule import plan, words
from core.schedule.curves import Array
from core.schedule.spec import BaseGroup
from pages.components.compare import slot_style
from pages.components.compare.slots import Slot
from pages.components.shared import crosshair, frame
from pages.components.shared.axis import tick_step
from pages.components.shared.chart_style import (
    View,
    domain,
    finished,
    joined,
    rate_axis,
    rate_scale,
    time_axis,
)
from pages.components.shared.crosshair import Line, Reading
from pages.components.shared.rates.points import connected, rate_table, recorded_table

MAX_PANELS = 24
SCALES: tuple[Literal["log", "linear"], ...] = ("log", "linear")
_HEIGHT, _SIDE_HEIGHT = 104, 220
_GUTTER = 34
_MAX_TICKS = 5


def rates_card(
    slots: Sequence[Slot], rows: Sequence[GroupRow[BaseGroup]], *, overlaid: bool
) -> None:
    """Draw the card; over 24 groups are drawn schedule by schedule only."""
    with frame.card("rate-compare"):
        overlaid = overlaid and len(rows) <= MAX_PANELS
        title = "Learning rate, group by group" if overlaid else "Learning rate, side by side"
        letters = [slot.letter for slot in slots]
        scale = slot_style.head(title, letters, "scale", SCALES)
        view = View(frame.is_dark(), scale=scale)
        table = all_rates(slots, rows)
        if overlaid:
            _panels(slots, rows, table, view)
        else:
            _side_by_side(slots, rows, table, view)


def all_rates(slots: Sequence[Slot], rows: Sequence[GroupRow[BaseGroup]]) -> pd.DataFrame:
    """Return a row per drawn step and group that trains: letter, row (its number), span, x, y."""
    tables = []
    for at, slot in enumerate(slots):
        table = (
            recorded_table(slot.plan)
            if isinstance(slot.plan, Record)
            else rate_table(slot.plan, slot.steps_per_epoch)
        )
        lines = pd.DataFrame(connected(table, slot.plan.epochs))
        places = {group.name: n for n, row in enumerate(rows) if (group := row[at]) is not None}
        lines["row"] = lines["group"].map(places)
        lines["letter"] = slot.letter
        tables.append(lines[lines["trains"]])
    columns = ["letter", "row", "group", "span", "x", "y"]
    return pd.concat(tables, ignore_index=True)[columns]


def _values(of: Comparable, name: str, times: Array) -> list[str]:
    """Return the group's rate at each time as text, marked `frozen` if it is; `–` after the run."""
    within = np.minimum(np.floor(times) if changes_by_epoch(of) else times, of.epochs)
    group, rates = of.group(name), lr(of, name, within).tolist()
    trains = {epoch: plan.trains_in(group, epoch) for epoch in range(of.epochs)}
    return [
        "–"
        if time > of.epochs
        else words.rate(at)
        if trains[min(int(time), of.epochs - 1)]
        else f"{words.rate(at)} frozen"
        for time, at in zip(times.tolist(), rates, strict=True)
    ]


def _steps(slot: Slot, times: Array) -> list[str]:
    """Return the slot's step and phase at each time (in epochs), in words."""
    return crosshair.steps(slot.plan, np.minimum(times, slot.plan.epochs), slot.steps_per_epoch)


def _times(drawn: pd.Series) -> Array:
    """Return the times (in epochs) that are drawn, in order and without repeats."""
    return np.unique(drawn.to_numpy(dtype=np.float64))


def agreement(row: GroupRow[BaseGroup], plans: Sequence[Comparable]) -> str:
    """Return what stands beside a group's name: that nobody trains it, or that they all do alike.

    Where one is a record, what is alike is told by what it does differently.
    """
    trains = [
        (plan.training_spans(group, of.epochs), peak(of, group.name), of)
        for group, of in zip(row, plans, strict=True)
        if group is not None and plan.training_spans(group, of.epochs)
    ]
    if not trains:
        return "never trains"
    if len(trains) < len(plans):
        return ""
    courses = {
        (spans, highest, of.epochs, None if isinstance(of, Record) else of.lr)
        for spans, highest, of in trains
    }
    recorded = any(isinstance(of, Record) for of in plans)
    return "alike" if len(courses) == 1 and not recorded else ""


def _panels(
    slots: Sequence[Slot], rows: Sequence[GroupRow[BaseGroup]], table: pd.DataFrame, view: View
) -> None:
    colours = slot_style.row_colours(rows)
    plans = [slot.plan for slot in slots]
    cells = st.grid(min_column_width=112, gap=(6, 12), key="rate-panels")
    for number in reversed(range(len(rows))):
        with cells.cell(), st.container(gap=None):
            remark = agreement(rows[number], plans)
            trains = bool((table["row"] == number).any())
            name = escape(slot_style.name_of(rows[number]))
            st.html(
                f'<div class="thaw-panel-name">{slot_style.swatch(colours[number])}{name}'
                f"<small>{remark if trains else ''}</small></div>"
            )
            if not trains:
                st.html(f'<div class="thaw-panel-empty">{remark}</div>')
                continue
            of_group, colour = table[table["row"] == number], colours[number][view.dark]
            x, y = _axes(table, slots, view, labels=3)
            chart = _panel(of_group, colour, slots, x, y, view)
            times = _times(of_group["x"])
            both = zip(slots, rows[number], strict=True)
            here = [(slot, group) for slot, group in both if group is not None]
            lines: list[Line] = [
                {
                    "name": f"{slot.letter} {slot.plan.name}",
                    "colour": colour,
                    "dashes": slot_style.DASHES[slot.letter],
                    "values": _values(slot.plan, group.name, times),
                }
                for slot, group in here
            ]
            steps = [[f"{slot.letter} · {at}" for at in _steps(slot, times)] for slot, _ in here]
            where = zip(crosshair.epochs(times), *steps, strict=True)
            reading = _reading(times, ["\n".join(each) for each in where], lines, slots)
            label = f"Learning rate of {slot_style.name_of(rows[number])}"
            crosshair.show(chart, reading, f"rates-of-{number}", label)


def _reading(
    times: Array, places: Sequence[str], lines: Sequence[Line], slots: Sequence[Slot]
) -> Reading:
    return {
        "ends": (0, _last_epoch(slots)),
        "x": times.tolist(),
        "places": places,
        "unit": "Learning rate",
        "lines": lines,
    }


def _panel(
    of_group: pd.DataFrame, colour: str, slots: Sequence[Slot], x: alt.X, y: alt.Y, view: View
) -> alt.LayerChart:
    lines = [
        alt.Chart(of_slot)
        .mark_line(color=colour, strokeWidth=2, clip=True, interpolate=joined(slot.plan))
        .encode(x=x, y=y, strokeDash=_dash(slots), detail="span:N")
        for slot in slots
        if len(of_slot := of_group[of_group["letter"] == slot.letter])
    ]
    starts = of_group.groupby(["letter", "span"], sort=False).head(1)
    starts = starts.assign(solid=starts["letter"] == slots[0].letter)
    dots = (
        alt.Chart(starts)
        .mark_point(color=colour, size=26, strokeWidth=1.6, opacity=1, filled=True, clip=False)
        .encode(
            x=x,
            y=y,
            stroke=alt.value(colour),
            fill=alt.condition("datum.solid", alt.value(colour), alt.value(view.role("card"))),
        )
    )
    return finished(alt.layer(*lines, dots), view, _HEIGHT)


def _side_by_side(
    slots: Sequence[Slot], rows: Sequence[GroupRow[BaseGroup]], table: pd.DataFrame, view: View
) -> None:
    colours = slot_style.row_colours(rows)
    scale = alt.Scale(domain=list(range(len(rows))), range=[pair[view.dark] for pair in colours])
    for slot, column in zip(slots, st.columns(len(slots), gap="small"), strict=True):
        with column:
            name = escape(slot.plan.name)
            st.html(
                f'<div class="thaw-panel-name">{slot_style.chip(slot.letter)}&ensp;{name}</div>'
            )
            x, y = _axes(table, slots, view, labels=6)
            of_slot = table[table["letter"] == slot.letter]
            drawn = (
                alt.Chart(of_slot)
                .mark_line(strokeWidth=2, clip=True, interpolate=joined(slot.plan))
                .encode(
                    x=x,
                    y=y,
                    color=alt.Color("row:N", scale=scale, legend=None),
                    strokeDash=_dash(slots),
                    detail="span:N",
                )
            )
            chart = finished(alt.layer(drawn), view, _SIDE_HEIGHT)
            tints = slot_style.colours_by_name(rows, slots.index(slot))
            times = _times(of_slot["x"])
            lines: list[Line] = [
                {
                    "name": group.name,
                    "colour": tints[group.name][view.dark],
                    "values": _values(slot.plan, group.name, times),
                }
                for group in reversed(slot.plan.groups)
            ]
            where = crosshair.places(slot.plan, times, slot.steps_per_epoch)
            reading = _reading(times, where, lines, slots)
            label = f"Learning rate of every group of {slot.letter}, {slot.plan.name}"
            crosshair.show(chart, reading, f"rates-of-{slot.letter}", label, legend=True)


def _axes(
    table: pd.DataFrame, slots: Sequence[Slot], view: View, labels: int
) -> tuple[alt.X, alt.Y]:
    """Return the time axis and the rate axis that all charts share."""
    epochs = _last_epoch(slots)
    time = time_axis(epochs, 1)
    time.values = list(range(0, epochs + 1, tick_step(epochs, _MAX_TICKS)))
    x = alt.X("x:Q", axis=time, scale=domain(0, epochs))
    axis = rate_axis(table["y"], view, gutter=_GUTTER)
    if isinstance(axis.values, list) and len(axis.values) > labels:
        axis.values = axis.values[:: -(-len(axis.values) // labels)]
    axis.labelPadding = 4
    return x, alt.Y("y:Q", axis=axis, scale=rate_scale(table["y"], view))


def _last_epoch(slots: Sequence[Slot]) -> int:
    return max(slot.plan.epochs for slot in slots)


def _dash(slots: Sequence[Slot]) -> alt.StrokeDash:
    letters = [slot.letter for slot in slots]
    scale = alt.Scale(domain=letters, range=[list(slot_style.DASHES[each]) for each in letters])
    return alt.StrokeDash("letter:N", scale=scale, legend=None)
