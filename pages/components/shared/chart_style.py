"""The style that all charts share: theme, axes, scales, and marks behind the lines."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Any, Literal, TypeAlias

import altair as alt
import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from core.compare.comparable import Comparable, changes_by_epoch
from core.export.palette import ROLES, group_colours
from core.schedule import plan
from core.schedule.sampling import MAX_POINTS
from core.schedule.spec import Schedule
from pages.components.shared.axis import TRACK_LEFT, Joined, Span, shown, tick_step

HEIGHT = 190
_MAX_TICKS = 16
FONT = "Inter, system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"


@dataclass(frozen=True, slots=True)
class View:
    """The options of a chart: theme, width class, and units and range of its axes.

    `span` is the part of the run that is drawn, in epochs; None is all of it.
    """

    dark: bool = False
    narrow: bool = False
    scale: Literal["log", "linear"] = "log"
    unit: Literal["rate", "of peak"] = "rate"
    axis: Literal["epoch", "step"] = "epoch"
    span: Span | None = None

    def role(self, name: str) -> str:
        """Return the colour of a role in this theme."""
        return ROLES[name][self.dark]


Rows: TypeAlias = pd.DataFrame | alt.NamedData
"""A layer's data, or the name under which they come with the chart."""
Rates: TypeAlias = pd.Series | NDArray[np.float64]


# `aria=False` hides a mark from screen readers: the page says in words what it shows, and one that
# has no data would be an image without a name.
def rule(rows: Rows, colour: str, width: float) -> alt.Chart:
    """Return a vertical line at each x."""
    line = alt.Chart(rows).mark_rule(color=colour, strokeWidth=width, clip=True, aria=False)
    placed: alt.Chart = line.encode(x="x:Q")
    return placed


def domain(low: float, high: float) -> alt.Scale:
    """Return a scale that shows exactly [low, high]."""
    return alt.Scale(domain=[low, high], nice=False, zero=False)


def rate_domain(y: Rates, view: View) -> tuple[float, float]:
    """Return the lowest and highest rate of the axis, on a log axis some seven decades at most."""
    if y.size == 0:
        return 0.0, 1.0
    highest = float(y.max())
    positive = y[y > 0]
    if view.scale == "linear" or positive.size == 0:
        return 0.0, highest * 1.25 or 1.0
    # A curve that ends near zero would squeeze everything else into the top of a log axis. The room
    # on top is a factor, which the browser can keep in a drag, and enough for a dot on the highest.
    return max(float(positive.min()) * 0.8, highest * 1e-7), highest * 1.5


def rate_scale(y: Rates, view: View) -> alt.Scale:
    """Return the scale of a rate axis, logarithmic or linear as the view says."""
    low, high = rate_domain(y, view)
    kind: Literal["log", "linear"] = "log" if low > 0 else "linear"
    return alt.Scale(domain=[low, high], type=kind, nice=False, clamp=True)


def rate_axis(y: Rates, view: View, gutter: int = TRACK_LEFT) -> alt.Axis:
    """Return the rate axis: as wide as the gutter, or inside the plot on a phone."""
    options: dict[str, Any] = {"title": None, "tickSize": 0, "domain": False}
    low, high = rate_domain(y, view)
    if low > 0:
        powers = range(int(np.ceil(np.log10(low))), int(np.floor(np.log10(high))) + 1)
        options |= {"values": [10.0**p for p in powers]}
    options["format"] = ".0e" if view.unit == "rate" else "~g"
    if low == 0 and view.unit == "rate":
        options["format"] = ".1e"
    if view.narrow:
        return alt.Axis(
            **options, orient="left", labelAlign="left", labelPadding=-6, labelOffset=-7, zindex=1
        )
    return alt.Axis(**options, labelPadding=8, minExtent=gutter, maxExtent=gutter)


def time_axis(epochs: int, per_epoch: int, span: Span | None = None) -> alt.Axis:
    """Return the time axis with a tick every 1, 2, 5, … epochs, in epochs or steps.

    `span` is the part of the run that it shows, in epochs; None is all of it.
    """
    start, end = shown(span, epochs)
    every = tick_step(end - start, _MAX_TICKS)
    first = ceil(start / every) * every
    values = [epoch * per_epoch for epoch in range(first, floor(end) + 1, every)]
    return alt.Axis(title=None, values=values, format="d", tickSize=0, labelPadding=8)


def whole_run(epochs: int) -> alt.X:
    """Return the encoding of a column x in epochs, on an axis that shows all of the run."""
    return alt.X("x:Q", axis=time_axis(epochs, 1), scale=domain(0, epochs))


def joined(of: Comparable, steps_per_epoch: int | None = None, span: Span | None = None) -> Joined:
    """Return how a rate goes from one drawn step to the next: by a stair where it changes by epoch.

    So it does where every step within `span` is drawn, since a rate holds for its whole step; None
    for `steps_per_epoch` takes them to be too many.
    """
    start, end = shown(span, of.epochs)
    few = steps_per_epoch is not None and (end - start) * steps_per_epoch + 2 <= MAX_POINTS
    return "step-after" if few or changes_by_epoch(of) else "linear"


def colours_of(groups: Sequence[str], view: View) -> dict[str, str]:
    """Return the colour of each group, from input to output: the same in every chart."""
    pairs = group_colours(len(groups))
    return {name: pair[view.dark] for name, pair in zip(groups, pairs, strict=True)}


def colour_scale(groups: Sequence[str], view: View) -> alt.Scale:
    """Return the colours of groups as a scale."""
    colours = colours_of(groups, view)
    return alt.Scale(domain=list(colours), range=list(colours.values()))


def group_scale(schedule: Schedule, view: View) -> alt.Scale:
    """Return the colours of the schedule's groups."""
    return colour_scale([group.name for group in schedule.groups], view)


def warmup_span(schedule: Schedule, per_epoch: int) -> dict[str, NDArray[np.float64]]:
    """Return the warmup from x until, or no row without one."""
    warm = min(schedule.lr.warmup.epochs, schedule.epochs) * per_epoch
    rows = np.array([[0.0, warm]] if warm > 0 else []).reshape(-1, 2)
    return {"x": rows[:, 0], "until": rows[:, 1]}


def phase_starts(schedule: Schedule, per_epoch: int) -> dict[str, NDArray[np.float64]]:
    """Return the x of every phase's start but the first one's."""
    starts = [phase.start * per_epoch for phase in plan.phases(schedule)[1:]]
    return {"x": np.array(starts, dtype=np.float64)}


def tint(rows: Rows, view: View) -> alt.Chart:
    """Return the tint of the warmup, from x until."""
    accent = view.role("accent")
    area = alt.Chart(rows).mark_rect(color=accent, opacity=0.07, clip=True, aria=False)
    placed: alt.Chart = area.encode(x="x:Q", x2="until:Q")
    return placed


def borders(rows: Rows, view: View) -> alt.Chart:
    """Return a dashed line at each x, where a phase begins."""
    dashed = alt.Chart(rows).mark_rule(
        color=view.role("text-3"), strokeDash=[3, 4], opacity=0.8, clip=True, aria=False
    )
    placed: alt.Chart = dashed.encode(x="x:Q")
    return placed


def backdrop(schedule: Schedule, per_epoch: int, view: View) -> list[alt.Chart]:
    """Return the tint of the warmup, and a dashed line where a phase begins."""
    warm, starts = warmup_span(schedule, per_epoch), phase_starts(schedule, per_epoch)
    found = [(tint, warm), (borders, starts)]
    return [layer(pd.DataFrame(rows), view) for layer, rows in found if rows["x"].size]


def with_data(chart: str, data: Mapping[str, pa.Table]) -> dict[str, Any]:
    """Return a chart, given as JSON, with data sets that it has the names of.

    Where nothing but the data differs, the browser keeps the chart and only takes the new values.
    """
    spec: dict[str, Any] = json.loads(chart)
    return {**spec, "datasets": {**spec.get("datasets", {}), **data}}


def finished(chart: Any, view: View, height: int) -> alt.LayerChart:
    """Return the chart with the size, padding, type and colours that all charts have."""
    done: alt.LayerChart = (
        chart.properties(
            width="container",
            height=height,
            padding={"left": 0, "right": 0, "top": 4, "bottom": 4},
            autosize=alt.AutoSizeParams(type="fit-x", contains="padding"),
            background="transparent",
        )
        .configure(font=FONT)
        .configure_view(stroke=None)
        # Else marks without a tooltip show the names of their columns.
        .configure_mark(tooltip=None)
        # Else Vega describes every point of a line, and shows the description of the first one.
        .configure_line(aria=False)
        .configure_axis(
            gridColor=view.role("gridline"),
            domainColor=view.role("control-border"),
            labelColor=view.role("text-2"),
            labelFontSize=11,
        )
        .configure_legend(labelColor=view.role("text-2"), labelFontSize=11)
    )
    return done
