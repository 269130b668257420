"""The chart of the last step: every group's rate, with the same axes for both schedules."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from core.schedule.spec import Schedule
from pages.components.learn.language import Language
from pages.components.learn.numbers import Exercise
from pages.components.shared import crosshair
from pages.components.shared.chart_style import (
    View,
    backdrop,
    colours_of,
    finished,
    group_scale,
    joined,
    rate_axis,
    rate_scale,
    whole_run,
)
from pages.components.shared.crosshair import Reading
from pages.components.shared.rates.points import connected, rate_table

_HEIGHT = 190
_GUTTER = 40


def rate_chart(found: Exercise, schedule: Schedule, *, dark: bool) -> alt.LayerChart:
    """Return the rates of one of the exercise's schedules; the rate axis holds those of both."""
    view = View(dark)
    both = np.concatenate([rate_table(each, 1)["y"] for each in (found.written, found.mended)])
    table = pd.DataFrame(connected(rate_table(schedule, 1), schedule.epochs))
    line = alt.Chart(table).encode(
        x=whole_run(schedule.epochs),
        y=alt.Y("y:Q", axis=rate_axis(both, view, _GUTTER), scale=rate_scale(both, view)),
        color=alt.Color("group:N", scale=group_scale(schedule, view), legend=None),
        detail=["group:N", "span:N"],
    )
    stairs = joined(schedule)
    frozen = line.transform_filter("!datum.trains").mark_line(
        strokeDash=[3, 3], strokeWidth=1.6, opacity=1, interpolate=stairs, clip=True
    )
    trains = line.transform_filter("datum.trains").mark_line(
        strokeWidth=2.4, interpolate=stairs, clip=True
    )
    return finished(alt.layer(*backdrop(schedule, 1, view), frozen, trains), view, _HEIGHT)


def rate_reading(schedule: Schedule, language: Language, *, dark: bool) -> Reading:
    """Return the tooltip of `rate_chart`: every group's rate in each epoch."""
    table, word = rate_table(schedule, 1), language.word
    colours = colours_of([group.name for group in schedule.groups], View(dark))
    t = table["t"][: len(table["t"]) // len(colours)]
    numbers, count = crosshair.phases(schedule, t)
    return {
        "ends": (0, schedule.epochs),
        "x": t.tolist(),
        "places": [
            f"{word('figure.epoch')} {epoch} · "
            + word("figure.phase", number=str(number), count=str(count))
            for epoch, number in zip(table["step"].tolist(), numbers, strict=False)
        ],
        "unit": word("figure.rate"),
        "lines": crosshair.rate_lines(colours, table, language.rate, word("figure.frozen")),
    }
