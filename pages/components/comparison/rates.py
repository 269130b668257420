"""Learning rates of several schedules: group by group over each other, or schedule by schedule."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Literal

import altair as alt
import pandas as pd
import streamlit as st

from core.design import plan
from core.design.comparable import Comparable, peak
from core.design.group_pairs import Row
from core.design.record import Record
from core.design.spec import Part
from pages.components import frame
from pages.components.axis import tick_step
from pages.components.chart_style import (
    View,
    domain,
    finished,
    joined,
    rate_axis,
    rate_scale,
    time_axis,
)
from pages.components.comparison import look
from pages.components.comparison.slots import Slot
from pages.components.rate_table import connected, rate_table, recorded_table

MOST_PANELS = 24
_HEIGHT, _SIDE_HEIGHT = 104, 220
_GUTTER = 34
_MOST_TICKS = 5


def rates_card(slots: Sequence[Slot], rows: Sequence[Row[Part]], *, overlaid: bool) -> None:
    """Draw the card; over 24 groups are drawn schedule by schedule only."""
    with frame.card("rate-compare"):
        overlaid = overlaid and len(rows) <= MOST_PANELS
        title = "Learning rate, group by group" if overlaid else "Learning rate, side by side"
        legend = "".join(look.chip(slot.letter) + look.line(slot.letter) for slot in slots)
        with st.container(
            horizontal=True, vertical_alignment="center", gap="small", key="rate-compare-head"
        ):
            st.html(look.heading(title, legend), width="content")
            st.space("stretch")
            scale: Literal["log", "linear"] = st.segmented_control(
                "Scale",
                ("log", "linear"),
                default="log",
                required=True,
                key="compare-scale",
                persist_state="session",
                label_visibility="collapsed",
            )
        view = View(frame.is_dark(), scale=scale)
        table = all_rates(slots, rows)
        if overlaid:
            _panels(slots, rows, table, view)
        else:
            _side_by_side(slots, rows, table, view)


def all_rates(slots: Sequence[Slot], rows: Sequence[Row[Part]]) -> pd.DataFrame:
    """One row per drawn step and group that trains: letter, row (its number), span, x, y."""
    tables = []
    for at, slot in enumerate(slots):
        table = (
            recorded_table(slot.plan)
            if isinstance(slot.plan, Record)
            else rate_table(slot.plan, slot.steps_per_epoch)
        )
        table["x"], table["y"] = table["t"], table["lr"]
        lines = pd.DataFrame(connected(table, slot.plan.epochs))
        places = {group.name: n for n, row in enumerate(rows) if (group := row[at]) is not None}
        lines["row"] = lines["group"].map(places)
        lines["letter"] = slot.letter
        tables.append(lines[lines["open"]])
    columns = ["letter", "row", "group", "span", "x", "y"]
    return pd.concat(tables, ignore_index=True)[columns]


def said(row: Row[Part], plans: Sequence[Comparable]) -> str:
    """What stands beside a group's name: that nobody trains it, or that they all do alike.

    Where one is a record, what is alike is told by what it does differently.
    """
    trains = [
        (plan.open_spans(group, of.epochs), peak(of, group.name), of)
        for group, of in zip(row, plans, strict=True)
        if group is not None and plan.open_spans(group, of.epochs)
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
    slots: Sequence[Slot], rows: Sequence[Row[Part]], table: pd.DataFrame, view: View
) -> None:
    colours = look.row_colours(rows)
    plans = [slot.plan for slot in slots]
    with st.container(key="rate-panels"):
        for number in reversed(range(len(rows))):
            with st.container(gap=None):
                remark = said(rows[number], plans)
                trains = bool((table["row"] == number).any())
                name = escape(look.name_of(rows[number]))
                st.html(
                    f'<div class="thaw-panel-name">{look.swatch(colours[number])}{name}'
                    f"<small>{remark if trains else ''}</small></div>"
                )
                if not trains:
                    st.html(f'<div class="thaw-panel-empty">{remark}</div>')
                    continue
                chart = _panel(table, number, colours[number][view.dark], slots, view)
                st.altair_chart(chart, theme=None, key=f"rates-of-{number}", width="stretch")


def _panel(
    table: pd.DataFrame, number: int, colour: str, slots: Sequence[Slot], view: View
) -> alt.LayerChart:
    of_group = table[table["row"] == number]
    x, y = _axes(table, slots, view, labels=3)
    lines = [
        alt.Chart(of_slot)
        .mark_line(color=colour, strokeWidth=2, clip=True, interpolate=joined(slot.plan))
        .encode(x=x, y=y, strokeDash=_dash(slots), detail="span:N", tooltip=_tooltip())
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
            tooltip=_tooltip(),
        )
    )
    return finished(alt.layer(*lines, dots), view, _HEIGHT)


def _side_by_side(
    slots: Sequence[Slot], rows: Sequence[Row[Part]], table: pd.DataFrame, view: View
) -> None:
    colours = look.row_colours(rows)
    scale = alt.Scale(domain=list(range(len(rows))), range=[pair[view.dark] for pair in colours])
    for slot, column in zip(slots, st.columns(len(slots), gap="small"), strict=True):
        with column:
            name = escape(slot.plan.name)
            st.html(f'<div class="thaw-panel-name">{look.chip(slot.letter)}&ensp;{name}</div>')
            x, y = _axes(table, slots, view, labels=6)
            lines = (
                alt.Chart(table[table["letter"] == slot.letter])
                .mark_line(strokeWidth=2, clip=True, interpolate=joined(slot.plan))
                .encode(
                    x=x,
                    y=y,
                    color=alt.Color("row:N", scale=scale, legend=None),
                    strokeDash=_dash(slots),
                    detail="span:N",
                    tooltip=_tooltip(),
                )
            )
            chart = finished(alt.layer(lines), view, _SIDE_HEIGHT)
            st.altair_chart(chart, theme=None, key=f"rates-of-{slot.letter}", width="stretch")


def _axes(
    table: pd.DataFrame, slots: Sequence[Slot], view: View, labels: int
) -> tuple[alt.X, alt.Y]:
    """One time axis and one rate axis for all charts, so that they can be compared by eye."""
    epochs = max(slot.plan.epochs for slot in slots)
    time = time_axis(epochs, 1)
    time.values = list(range(0, epochs + 1, tick_step(epochs, _MOST_TICKS)))
    x = alt.X("x:Q", axis=time, scale=domain(0, epochs))
    axis = rate_axis(table["y"], view, gutter=_GUTTER)
    if isinstance(axis.values, list) and len(axis.values) > labels:
        axis.values = axis.values[:: -(-len(axis.values) // labels)]
    axis.labelPadding = 4
    return x, alt.Y("y:Q", axis=axis, scale=rate_scale(table["y"], view))


def _dash(slots: Sequence[Slot]) -> alt.StrokeDash:
    letters = [slot.letter for slot in slots]
    scale = alt.Scale(domain=letters, range=[list(look.DASHES[each]) for each in letters])
    return alt.StrokeDash("letter:N", scale=scale, legend=None)


def _tooltip() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("letter:N", title="Schedule"),
        alt.Tooltip("group:N", title="Group"),
        alt.Tooltip("x:Q", title="Epoch", format=".2f"),
        alt.Tooltip("y:Q", title="Rate", format=".3g"),
    ]
