"""The chart of every group's learning rate, on the time axis of the timeline."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from core.schedule import words
from core.schedule.spec import Schedule
from pages.components.shared import crosshair
from pages.components.shared.axis import shown
from pages.components.shared.chart_style import (
    HEIGHT,
    View,
    colours_of,
    joined,
    phase_starts,
    rate_domain,
    warmup_span,
    with_data,
)
from pages.components.shared.rates.layers import ChartLayout, layers
from pages.components.shared.rates.points import (
    Columns,
    at_playhead,
    connected,
    last_rows,
    rate_table,
    taken,
    thaws,
    thinned,
)

LABEL_STEP = 13
DESCRIPTION = "Learning rate of every group over the run"


def rate_chart(
    schedule: Schedule, steps_per_epoch: int, playhead: float, view: View
) -> dict[str, Any]:
    """Return the chart of every group's rate for Vega-Lite, on the timeline's time axis.

    Solid where the group trains, dashed where it is frozen, a dot at each thaw.
    """
    per_epoch = 1 if view.axis == "epoch" else steps_per_epoch
    table = rate_table(schedule, steps_per_epoch, view.span)
    heads = at_playhead(schedule, playhead, steps_per_epoch)
    table["x"] = table["step"] / steps_per_epoch * per_epoch
    heads["x"] = np.full(len(heads["group"]), playhead * per_epoch)
    for rows in (table, heads):
        rows["y"] = rows["lr"] if view.unit == "rate" else rows["share"]
    layout = _layout(schedule, table, steps_per_epoch, view)
    lines = connected(table, schedule.epochs * per_epoch)
    lines = thinned(lines, _down(lines["y"], table["y"], view), layout.joined)
    place = ("x", "y", "group")
    datasets = {
        "warmup": pa.table(warmup_span(schedule, per_epoch)),
        "borders": pa.table(phase_starts(schedule, per_epoch)),
        "lines": _arrow(lines, *place, "span", "trains"),
        "thaws": _arrow(thaws(table), *place),
        "playhead": pa.table({"x": [playhead * per_epoch]}),
        "heads": _arrow(heads, *place),
    }
    if not view.narrow:
        datasets["ends"] = _ends(schedule, table, view)
    return with_data(layers(layout), datasets)


def _arrow(table: Columns, *names: str) -> pa.Table:
    """Return columns as Arrow, which Streamlit sends ten times sooner than a DataFrame."""
    return pa.table({name: table[name] for name in names})


def _layout(schedule: Schedule, table: Columns, steps_per_epoch: int, view: View) -> ChartLayout:
    groups = schedule.groups
    y = table["y"]
    positive = y[y > 0]
    return ChartLayout(
        groups=tuple(group.name for group in groups),
        epochs=schedule.epochs,
        joined=joined(schedule, steps_per_epoch, view.span),
        rates=(float(positive.min()) if positive.size else 0.0, float(y.max())),
        per_epoch=1 if view.axis == "epoch" else steps_per_epoch,
        view=view,
    )


def _down(y: NDArray[np.float64], drawn: NDArray[np.float64], view: View) -> NDArray[np.float64]:
    """Return the pixels from the plot's top to each y, on the axis that fits all of `drawn`.

    Values below the axis count as its lowest one.
    """
    low, high = rate_domain(drawn, view)
    place = np.log10 if low > 0 else np.asarray
    share = (place(y.clip(min=low)) - place(low)) / (place(high) - place(low))
    return np.asarray((1 - share) * HEIGHT)


def rate_reading(schedule: Schedule, steps_per_epoch: int, view: View) -> crosshair.Reading:
    """Return the tooltip of `rate_chart`: every group's rate at each drawn step."""
    table = rate_table(schedule, steps_per_epoch, view.span)
    start, end = shown(view.span, schedule.epochs)
    table = taken(table, (table["t"] >= start) & (table["t"] <= end))
    colours = colours_of([group.name for group in schedule.groups], view)
    t = table["t"][: len(table["t"]) // len(colours)]
    per_epoch = 1 if view.axis == "epoch" else steps_per_epoch
    lines, unit = crosshair.rate_lines(colours, table), "Learning rate"
    if view.unit == "of peak":
        unit += ", share of its peak"
        shares = iter(table["share"].reshape(len(colours), -1)[::-1].tolist())
        for line in lines:
            both = zip(line["values"], next(shares), strict=True)
            line["values"] = [f"{rate}, {words.percent(share)}" for rate, share in both]
    return {
        "ends": (start * per_epoch, end * per_epoch),
        "x": (t * per_epoch).tolist(),
        "places": crosshair.places(schedule, t, steps_per_epoch),
        "unit": unit,
        "lines": lines,
    }


def _ends(schedule: Schedule, table: Columns, view: View) -> pa.Table:
    """Return the places of the groups' names in pixels, beside their lines and never overlapping.

    Down the plot, of equal ends the head's first; where the plot is too low for all the names, one
    stands for all whose lines end within its height.
    """
    _, last = shown(view.span, schedule.epochs)
    seen = taken(table, table["t"] <= last)
    ends = taken(seen, last_rows(seen["group"]))
    pixels = _down(ends["y"], table["y"], view).round(1)
    down = np.lexsort((-np.arange(len(pixels)), pixels))
    ends, pixels = taken(ends, down), pixels[down]
    label = np.where(ends["trains"], ends["group"], ends["group"] + " frozen")
    if len(pixels) * LABEL_STEP > HEIGHT:
        firsts = _firsts(pixels)
        more = np.diff([*firsts, len(pixels)]) - 1
        bundles = zip(ends["group"][firsts], label[firsts], more, strict=True)
        names = [f"{name}, {count} more" if count else alone for name, alone, count in bundles]
        label = np.array(names, dtype=object)
        ends, pixels = taken(ends, firsts), pixels[firsts]
    return pa.table({"group": ends["group"], "pixel": _spread(pixels), "label": label})


def _firsts(pixels: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the first place of each bundle that one label's height covers."""
    firsts = [0]
    for place, pixel in enumerate(pixels.tolist()):
        if pixel - pixels[firsts[-1]] >= LABEL_STEP:
            firsts.append(place)
    return np.array(firsts)


def _spread(pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the places, which ascend, moved apart to at least 13 px, within the plot."""
    placed = pixels.copy()
    lowest = HEIGHT
    for index in reversed(range(len(placed))):
        placed[index] = lowest = min(placed[index], lowest)
        lowest -= LABEL_STEP
    return placed
