"""The rate chart: its lines run where the rates are, its names stand apart beside them."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from core import presets
from core.schedule import parse
from core.schedule.spec import Schedule
from pages.components.shared.chart_style import HEIGHT, View
from pages.components.shared.rates.chart import LABEL_STEP, rate_chart
from pages.components.shared.rates.points import Columns, connected, rate_table
from tests.schedule.strategies import schedules

SCALES, UNITS = st.sampled_from(["log", "linear"]), st.sampled_from(["rate", "of peak"])


def cut(groups: int, decay: float) -> Schedule:
    """A schedule of `groups` groups, the last one the head, whose rates end at 0."""
    names = [f"block{place}" for place in range(groups - 1)] + ["head"]
    raw = {
        "format": "thaw.schedule",
        "version": 1,
        "name": "Blocks",
        "model": {"name": "mine/net"},
        "epochs": 4,
        "optimizer": {"name": "sgd", "base_lr": 0.1},
        "lr": {"group_decay": decay, "decay": {"shape": "cosine", "floor": {"factor": 0.01}}},
        "groups": [{"name": n, "modules": [n], "trainable": [[0, None]]} for n in names],
    }
    return parse.parse(json.dumps(raw))


def labels(schedule: Schedule) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = rate_chart(schedule, 10, 0.0, View())["datasets"][
        "ends"
    ].to_pylist()
    return found


@pytest.mark.parametrize("groups", [2, 6, 14, 15, 52])
@pytest.mark.parametrize("decay", [1.0, 0.97, 0.5])
def test_names_stay_within_the_plot_and_apart(groups: int, decay: float) -> None:
    pixels = [label["pixel"] for label in labels(cut(groups, decay))]
    assert all(0 <= pixel <= HEIGHT for pixel in pixels)
    assert all(b - a >= LABEL_STEP - 1e-9 for a, b in pairwise(pixels))


def test_of_equal_ends_the_heads_name_stands_first() -> None:
    told = [label["label"] for label in labels(cut(4, 1.0))]
    assert told == ["head", "block2", "block1", "block0"]


def test_one_name_stands_for_a_bundle_where_there_is_no_room_for_all() -> None:
    (told,) = labels(cut(52, 1.0))
    assert told["label"] == "head, 51 more"


@pytest.mark.thorough
@given(schedules(), st.integers(1, 200), st.builds(View, scale=SCALES, unit=UNITS), st.booleans())
def test_no_line_is_drawn_a_twentieth_of_a_pixel_beside_the_rates(
    schedule: Schedule, steps: int, view: View, closer: bool
) -> None:
    if closer:
        view = replace(view, span=(schedule.epochs / 4, schedule.epochs / 2))
    chart = rate_chart(schedule, steps, 0.0, view)
    line = chart["layer"][0]["layer"][2]
    drawn, whole = columns(chart), all_points(schedule, steps, view)
    for name, span in {*zip(whole["group"], whole["span"], strict=True)}:
        x, y = points(whole, name, span)
        kept, shown = points(drawn, name, span)
        assert (kept[[0, -1]] == x[[0, -1]]).all()
        assert (shown[[0, -1]] == y[[0, -1]]).all()
        wanted, shown = (down(line["encoding"]["y"]["scale"], each) for each in (y, shown))
        if line["mark"]["interpolate"] == "linear":
            passed = np.interp(x, kept, shown)
        else:
            passed = shown[np.searchsorted(kept, x, side="right") - 1]
        assert np.abs(passed - wanted).max() <= 0.05


@pytest.mark.parametrize(("name", "share"), [("gradual", 0.6), ("exercise", 0.9)])
def test_a_line_has_no_more_points_than_its_bends_need(name: str, share: float) -> None:
    schedule, view = presets.load(name), View()
    drawn = len(columns(rate_chart(schedule, 100, 0.0, view))["x"])
    assert drawn < share * len(all_points(schedule, 100, view)["x"])


def columns(chart: dict[str, Any]) -> Columns:
    """The lines of a chart."""
    lines = chart["datasets"]["lines"].to_pydict()
    return {name: np.array(column) for name, column in lines.items()}


def all_points(schedule: Schedule, steps: int, view: View) -> Columns:
    """The lines with every point of the table."""
    table = rate_table(schedule, steps, view.span)
    table["x"], table["y"] = table["t"], table["lr" if view.unit == "rate" else "share"]
    return connected(table, schedule.epochs)


def points(lines: Columns, name: str, span: int) -> tuple[NDArray[Any], NDArray[Any]]:
    rows = (lines["group"] == name) & (lines["span"] == span)
    return lines["x"][rows], lines["y"][rows]


def down(scale: dict[str, Any], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pixels from the plot's top, by Vega's scale."""
    low, high = scale["domain"]
    along = np.log if scale["type"] == "log" else np.asarray
    share = (along(y.clip(low, high)) - along(low)) / (along(high) - along(low))
    return np.asarray(HEIGHT * (1 - share))
