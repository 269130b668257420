"""The chart of every group's learning rate, on the time axis of the timeline."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from core.design.spec import Schedule
from pages.components.axis import TRACK_RIGHT, shown
from pages.components.chart_style import (
    FONT,
    HEIGHT,
    View,
    backdrop,
    domain,
    finished,
    group_legend,
    group_scale,
    joined,
    rate_axis,
    rate_domain,
    rate_scale,
    rule,
    time_axis,
)
from pages.components.rate_table import at_playhead, connected, rate_table, thaws

LABEL_STEP = 13


def rate_chart(
    schedule: Schedule, steps_per_epoch: int, playhead: float, view: View
) -> alt.LayerChart:
    """Every group's rate over the run, on the time axis that the timeline has.

    Solid where the group trains, dashed where it is frozen, a dot at each thaw; the rule under the
    pointer reads every group at that step.
    """
    per_epoch = 1 if view.axis == "epoch" else steps_per_epoch
    start, end = shown(view.span, schedule.epochs)
    table = rate_table(schedule, steps_per_epoch, view.span)
    table["x"] = table["step"] / steps_per_epoch * per_epoch
    table["y"] = table["lr"] if view.unit == "rate" else table["share"]
    x = alt.X(
        "x:Q",
        axis=time_axis(schedule.epochs, per_epoch, view.span),
        scale=domain(start * per_epoch, end * per_epoch),
    )
    y = alt.Y("y:Q", axis=rate_axis(table["y"], view), scale=rate_scale(table["y"], view))
    colour = alt.Color(
        "group:N",
        scale=group_scale(schedule, view),
        legend=group_legend(schedule) if view.narrow else None,
    )
    line = alt.Chart(connected(table, schedule.epochs * per_epoch)).encode(
        x=x, y=y, color=colour, detail=["group:N", "span:N"]
    )
    frozen = line.transform_filter("!datum.open").mark_line(
        strokeDash=[2, 4], strokeWidth=1.3, opacity=0.85, interpolate=joined(schedule), clip=True
    )
    trains = line.transform_filter("datum.open").mark_line(
        strokeWidth=2.4, interpolate=joined(schedule), clip=True
    )
    thaw_dots = alt.Chart(thaws(table)).mark_circle(size=34, opacity=1, clip=True)
    heads = alt.Chart(
        at_playhead(table, playhead, steps_per_epoch, playhead * per_epoch)
    ).mark_point(
        size=52,
        filled=True,
        fill=view.role("card"),
        strokeWidth=1.6,
        opacity=1,
        clip=view.span is not None,
    )
    heads_colour = alt.Stroke("group:N", scale=group_scale(schedule, view), legend=None)
    layers = [
        *backdrop(schedule, per_epoch, view),
        frozen,
        trains,
        thaw_dots.encode(x=x, y=y, color=colour),
        rule(playhead * per_epoch, view.role("accent"), 1.5),
        heads.encode(x=x, y=y, stroke=heads_colour),
        *_hover(schedule, table, view),
    ]
    chart = alt.layer(*layers).resolve_scale(stroke="independent")
    if not view.narrow:
        # The labels stand in pixels, so they have a vertical scale of their own.
        labels = alt.layer(*_labels(schedule, table, view))
        chart = alt.layer(chart, labels).resolve_scale(y="independent")
    return finished(chart, view, HEIGHT)


def _hover(schedule: Schedule, table: pd.DataFrame, view: View) -> list[alt.Chart]:
    """An invisible rule per drawn step that shows, under the pointer, every group's rate."""
    columns = {f"g{i}": group.name for i, group in enumerate(schedule.groups)}
    rows = pd.DataFrame({"x": table["x"].unique()})
    first = table[table["group"] == schedule.groups[0].name]
    rows["step"], rows["epoch"] = first["step"].to_numpy(), first["t"].to_numpy()
    for column, name in columns.items():
        of_group = table[table["group"] == name]
        rows[column] = [
            f"{rate:.3g}" if trains else f"{rate:.3g} frozen"
            for rate, trains in zip(of_group["lr"], of_group["open"], strict=True)
        ]
    nearest = alt.selection_point(
        nearest=True, on="pointerover", clear="pointerout", encodings=["x"], empty=False
    )
    tooltip = [
        alt.Tooltip("epoch:Q", title="Epoch", format=".2f"),
        alt.Tooltip("step:Q", title="Step", format=","),
        *(alt.Tooltip(f"{c}:N", title=name) for c, name in reversed(columns.items())),
    ]
    rule = (
        alt.Chart(rows)
        .mark_rule(color=view.role("text-3"), strokeWidth=1, clip=True)
        .encode(
            x="x:Q", tooltip=tooltip, opacity=alt.condition(nearest, alt.value(1), alt.value(0))
        )
        .add_params(nearest)
    )
    return [rule]


def _labels(schedule: Schedule, table: pd.DataFrame, view: View) -> list[alt.Chart]:
    """Group names in the right gutter, beside their lines' ends and never over each other."""
    _, last = shown(view.span, schedule.epochs)
    ends = table[table["t"] <= last].groupby("group", sort=False).tail(1).reset_index(drop=True)
    low, high = rate_domain(table["y"], view)
    place = np.log10 if low > 0 else np.asarray
    share = (place(ends["y"].clip(lower=low)) - place(low)) / (place(high) - place(low))
    ends["pixel"] = _spread((1 - share) * HEIGHT)
    ends["label"] = [
        f"{row.group} frozen" if not row.open else row.group for row in ends.itertuples()
    ]
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
    base = alt.Chart(ends).encode(
        x=alt.value("width"),
        y=alt.Y("pixel:Q", scale=alt.Scale(domain=[HEIGHT, 0]), axis=gutter),
    )
    swatch = base.mark_square(size=52, opacity=1, xOffset=13).encode(
        color=alt.Color("group:N", scale=group_scale(schedule, view), legend=None)
    )
    text = base.mark_text(
        align="left", dx=22, fontSize=11, color=view.role("text"), font=FONT, limit=TRACK_RIGHT - 24
    ).encode(text="label:N")
    return [swatch, text]


def _spread(pixels: np.ndarray) -> np.ndarray:
    """The places moved apart to at least 13 px, in their order, within the plot where possible."""
    order = np.argsort(pixels, kind="stable")
    placed = np.asarray(pixels, dtype=float).copy()
    lowest = HEIGHT
    for index in order[::-1]:
        placed[index] = lowest = min(placed[index], lowest)
        lowest -= LABEL_STEP
    return placed
