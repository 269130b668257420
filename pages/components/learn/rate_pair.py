"""The chart of the last step: every group's rate, with the same axes for both schedules."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from core.schedule.spec import Schedule
from pages.components.learn.language import Language
from pages.components.learn.numbers import Exercise
from pages.components.shared.chart_style import (
    View,
    backdrop,
    colour_legend,
    finished,
    group_scale,
    joined,
    marked,
    rate_axis,
    rate_scale,
    reading,
    whole_run,
)
from pages.components.shared.rate_points import connected, rate_table

_HEIGHT = 190
_GUTTER = 40


def rate_chart(
    found: Exercise, schedule: Schedule, language: Language, *, dark: bool
) -> alt.LayerChart:
    """Return the rates of one of the exercise's schedules; the rate axis holds those of both."""
    view = View(dark)
    both = np.concatenate([rate_table(each, 1)["y"] for each in (found.written, found.mended)])
    table = pd.DataFrame(connected(rate_table(schedule, 1), schedule.epochs))
    read = _readings(schedule, language)
    table["group"] = marked(table["group"])
    legend = colour_legend([group.name for group in schedule.groups])
    line = alt.Chart(table).encode(
        x=whole_run(schedule.epochs),
        y=alt.Y("y:Q", axis=rate_axis(both, view, _GUTTER), scale=rate_scale(both, view)),
        color=alt.Color("group:N", scale=group_scale(schedule, view), legend=legend),
        detail=["group:N", "span:N"],
    )
    stairs = joined(schedule)
    frozen = line.transform_filter("!datum.trains").mark_line(
        strokeDash=[3, 3], strokeWidth=1.6, opacity=1, interpolate=stairs, clip=True
    )
    trains = line.transform_filter("datum.trains").mark_line(
        strokeWidth=2.4, interpolate=stairs, clip=True
    )
    under = reading(read, language.word("figure.epoch"), view)
    chart = alt.layer(*backdrop(schedule, 1, view), frozen, trains, under).properties(
        description=language.word("figure.chart", epochs=str(schedule.epochs))
    )
    return finished(chart, view, _HEIGHT)


def _readings(schedule: Schedule, language: Language) -> pd.DataFrame:
    """Return a row per epoch with every group's rate as text."""
    table = rate_table(schedule, 1)
    rates = table["lr"].reshape(len(schedule.groups), -1)
    epochs = table["step"][: rates.shape[1]].tolist()
    columns: dict[str, list[Any]] = {language.word("figure.epoch"): epochs}
    for group, row in zip(reversed(schedule.groups), reversed(rates.tolist()), strict=True):
        columns[marked(group.name)] = [language.rate(rate) for rate in row]
    return pd.DataFrame(columns)
