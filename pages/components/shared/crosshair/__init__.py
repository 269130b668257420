"""A chart with its crosshair and tooltip: one for all pages, by mouse, finger and keyboard.

Vega's own tooltip has no swatches, opens for a mouse only, and costs a mark for every place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import altair as alt
import numpy as np
import streamlit as st

from core.compare.comparable import Comparable
from core.schedule import plan, words
from core.schedule.curves import Array
from pages.components.shared import frame
from pages.components.shared.rates.points import Columns

_HERE = Path(__file__).parent


class Line(TypedDict):
    """A line of a chart: its name, its colour, and its value at each place, as text.

    `dashes` are lengths of line and gap in pixels, for a swatch that is a line and not a square.
    """

    name: str
    colour: str
    values: Sequence[str]
    dashes: NotRequired[Sequence[int]]


class Reading(TypedDict):
    """The tooltip of a chart: where each of its places `x` is, in words, and the lines' values.

    `x` ascends within `ends`, the ends of the horizontal axis. `unit` says what the values are.
    """

    ends: tuple[float, float]
    x: Sequence[float]
    places: Sequence[str]
    unit: str
    lines: Sequence[Line]


def show(
    chart: dict[str, Any] | alt.LayerChart,
    reading: Reading,
    key: str,
    label: str,
    *,
    legend: bool = False,
) -> None:
    """Draw a chart with its crosshair; `label` is what a screen reader calls it.

    `legend` names the lines below it that have squares, where their names stand nowhere else.
    """
    draw: Any = st.vega_lite_chart if isinstance(chart, dict) else st.altair_chart
    with st.container(key=f"plot-{key}", gap=None):
        draw(chart, theme=None, key=key, width="stretch", alt=label)
        _component()(key=f"crosshair-{key}", data={**reading, "label": label})
        if legend:
            squares = [line for line in reading["lines"] if "dashes" not in line]
            names = [frame.swatch_and_name(line["name"], line["colour"]) for line in squares]
            items = "".join(f"<span>{name}</span>" for name in names)
            st.html(f'<p class="thaw-names">{items}</p>')


def places(of: Comparable, t: Array, steps_per_epoch: int) -> list[str]:
    """Return where times `t` (in epochs) of a run are: `Epoch 2.5 · step 50 · phase 2 of 3`."""
    both = zip(epochs(t), steps(of, t, steps_per_epoch), strict=True)
    return [f"{epoch} · {step}" for epoch, step in both]


def epochs(t: Array) -> list[str]:
    """Return times in words: `Epoch 2.5`."""
    return [f"Epoch {time:g}" for time in t.round(2).tolist()]


def steps(of: Comparable, t: Array, steps_per_epoch: int) -> list[str]:
    """Return where times `t` (in epochs) of a run are: `step 50 · phase 2 of 3`."""
    numbers, count = phases(of, t)
    done = (t * steps_per_epoch).round().astype(int).tolist()
    return [
        f"step {step:,} · phase {number} of {count}"
        for step, number in zip(done, numbers, strict=True)
    ]


def phases(of: Comparable, t: Array) -> tuple[list[int], int]:
    """Return the number of the phase, from 1, in which each time `t` (in epochs) is, and of all."""
    starts = plan.phase_edges(of.groups, of.epochs)[:-1]
    return np.searchsorted(starts, t, side="right").tolist(), len(starts)


def rate_lines(
    colours: Mapping[str, str],
    table: Columns,
    say: Callable[[float], str] = words.rate,
    frozen: str = "frozen",
) -> list[Line]:
    """Return the lines of groups, of which `colours` has the names, from the head on.

    `table` has each group's rate `lr`, which `say` puts into words, and whether it `trains`, for
    the places of one group after those of the other.
    """
    texts = [
        say(rate) if on else f"{say(rate)} {frozen}"
        for rate, on in zip(table["lr"].tolist(), table["trains"].tolist(), strict=True)
    ]
    count = len(texts) // len(colours)
    lines = [
        Line(name=name, colour=colour, values=texts[at * count : (at + 1) * count])
        for at, (name, colour) in enumerate(colours.items())
    ]
    return lines[::-1]


@cache
def _component() -> Any:
    return st.components.v2.component(
        "thaw_crosshair",
        js=(_HERE / "crosshair.js").read_text(encoding="utf-8"),
        css=(_HERE / "crosshair.css").read_text(encoding="utf-8"),
    )
