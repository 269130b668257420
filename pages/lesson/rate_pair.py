"""The chart of the last step: every group's rate, with the same axes for both schedules."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from core.design.spec import Schedule
from pages.components.chart_style import (
    View,
    backdrop,
    colour_legend,
    domain,
    finished,
    group_scale,
    joined,
    marked,
    rate_axis,
    rate_scale,
    time_axis,
)
from pages.components.rate_table import Columns, connected, rate_table
from pages.lesson.facts import Exercise
from pages.lesson.language import Language

_HEIGHT = 190
_GUTTER = 40


def rate_chart(
    found: Exercise, schedule: Schedule, language: Language, *, dark: bool
) -> alt.LayerChart:
    """The rates of one of the exercise's schedules; the rate axis holds those of both."""
    view = View(dark)
    both = np.concatenate([_rows(each)["y"] for each in (found.written, found.mended)])
    table = pd.DataFrame(connected(_rows(schedule), schedule.epochs))
    table["shown"] = [f"{row.group}: {language.rate(row.lr)}" for row in table.itertuples()]
    table["group"] = marked(table["group"])
    legend = colour_legend([group.name for group in schedule.groups], columns=3)
    line = alt.Chart(table).encode(
        x=alt.X("x:Q", axis=time_axis(schedule.epochs, 1), scale=domain(0, schedule.epochs)),
        y=alt.Y("y:Q", axis=rate_axis(both, view, _GUTTER), scale=rate_scale(both, view)),
        color=alt.Color("group:N", scale=group_scale(schedule, view), legend=legend),
        detail=["group:N", "span:N"],
        tooltip=alt.Tooltip("shown:N", title=language.word("figure.rate")),
    )
    stairs = joined(schedule)
    frozen = line.transform_filter("!datum.open").mark_line(
        strokeDash=[3, 3], strokeWidth=1.6, opacity=1, interpolate=stairs, clip=True
    )
    trains = line.transform_filter("datum.open").mark_line(
        strokeWidth=2.4, interpolate=stairs, clip=True
    )
    chart = alt.layer(*backdrop(schedule, 1, view), frozen, trains).properties(
        description=language.word("figure.chart", epochs=str(schedule.epochs))
    )
    return finished(chart, view, _HEIGHT)


def _rows(schedule: Schedule) -> Columns:
    table = rate_table(schedule, 1)
    table["x"], table["y"] = table["t"], table["lr"]
    return table
