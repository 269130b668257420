"""The rate chart without its data: built once for all schedules with the same parts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import altair as alt
import numpy as np

from pages.components.shared.axis import TRACK_RIGHT, Joined, shown
from pages.components.shared.chart_style import (
    FONT,
    HEIGHT,
    View,
    borders,
    colour_scale,
    domain,
    finished,
    rate_axis,
    rate_scale,
    rule,
    time_axis,
    tint,
)


@dataclass(frozen=True, slots=True)
class ChartLayout:
    """The properties of a chart that its parts depend on, besides their data.

    `groups` are the names from input to output, `rates` the lowest rate above 0 (0 if there is
    none) and the highest, `per_epoch` the units of the time axis in an epoch.
    """

    groups: tuple[str, ...]
    epochs: int
    joined: Joined
    rates: tuple[float, float]
    per_epoch: int
    view: View


@lru_cache(maxsize=64)
def layers(layout: ChartLayout) -> str:
    """Return the chart as a Vega-Lite document (JSON) whose data sets have names and no values.

    They are: `lines` (x, y, group, span, trains), `thaws` and `heads` (x, y, group), `playhead` and
    `borders` (x), `warmup` (x, until), and for a wide view `ends` (pixel, label, group).
    """
    view = layout.view
    start, end = shown(view.span, layout.epochs)
    x = alt.X(
        "x:Q",
        axis=time_axis(layout.epochs, layout.per_epoch, view.span),
        scale=domain(start * layout.per_epoch, end * layout.per_epoch),
    )
    rates = np.array(layout.rates)
    y = alt.Y(
        "y:Q",
        axis=rate_axis(rates, view),
        scale=_fit_to_lines(rate_scale(rates, view), layout.rates[1]),
    )
    colours = colour_scale(layout.groups, view)
    colour = alt.Color("group:N", scale=colours, legend=None)
    line = _of("lines").encode(x=x, y=y, color=colour, detail=["group:N", "span:N"])
    # No rate is invalid: so Vega need not look at every point for it.
    both: dict[str, Any] = {"interpolate": layout.joined, "clip": True, "invalid": None}
    frozen = line.transform_filter("!datum.trains").mark_line(
        strokeDash=[2, 4], strokeWidth=1.3, opacity=0.85, **both
    )
    trains = line.transform_filter("datum.trains").mark_line(strokeWidth=2.4, **both)
    thaws = _of("thaws").mark_circle(size=34, opacity=1, clip=True, aria=False)
    heads = _of("heads").mark_point(
        size=52,
        filled=True,
        fill=view.role("card"),
        strokeWidth=1.6,
        opacity=1,
        clip=view.span is not None,
        aria=False,
    )
    stroke = alt.Stroke("group:N", scale=colours, legend=None)
    parts = [
        tint(alt.NamedData(name="warmup"), view),
        borders(alt.NamedData(name="borders"), view),
        frozen,
        trains,
        thaws.encode(x=x, y=y, color=colour),
        rule(alt.NamedData(name="playhead"), view.role("accent"), 1.5),
        heads.encode(x=x, y=y, stroke=stroke),
    ]
    chart = alt.layer(*parts).resolve_scale(stroke="independent")
    if not view.narrow:
        # The labels stand in pixels, so they have a vertical scale of their own.
        chart = alt.layer(chart, alt.layer(*_labels(layout))).resolve_scale(y="independent")
    return finished(chart, view, HEIGHT).to_json(indent=None)


def _fit_to_lines(scale: alt.Scale, highest: float) -> alt.Scale:
    """Return the scale with a top that moves with the highest rate of `lines`, at first `highest`.

    A drag changes the lines in the browser before Python sends others, with a scale for them.
    """
    if highest > 0:
        now = f"(extent(pluck(data('lines'), 'y'))[1] || {highest})"
        scale.domainMax = alt.ExprRef(f"{scale.domain[1] / highest} * {now}")
    return scale


def _of(name: str) -> alt.Chart:
    return alt.Chart(alt.NamedData(name=name))


def _labels(layout: ChartLayout) -> list[alt.Chart]:
    """Return the layers of the group names in the right gutter, each with a swatch."""
    # Vega makes room for marks outside the plot; an empty axis as wide as the gutter does so once.
    gutter = alt.Axis(
        orient="right",
        title=None,
        labels=False,
        ticks=False,
        domain=False,
        grid=False,
        minExtent=TRACK_RIGHT,
        maxExtent=TRACK_RIGHT,
    )
    base = _of("ends").encode(
        x=alt.value("width"),
        y=alt.Y("pixel:Q", scale=alt.Scale(domain=[HEIGHT, 0]), axis=gutter),
    )
    swatch = base.mark_square(size=52, opacity=1, xOffset=13).encode(
        color=alt.Color("group:N", scale=colour_scale(layout.groups, layout.view), legend=None)
    )
    text = base.mark_text(
        align="left",
        dx=22,
        fontSize=11,
        color=layout.view.role("text"),
        font=FONT,
        limit=TRACK_RIGHT - 24,
    ).encode(text="label:N")
    return [swatch, text]
