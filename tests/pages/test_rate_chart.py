"""The names at the right of the rate chart: within the plot, the head's first."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest

from core.design import parse
from core.design.spec import Schedule
from pages.components.chart_style import HEIGHT, View
from pages.components.rate_chart import LABEL_STEP, rate_chart


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
    told = [label["label"].strip("\u2060") for label in labels(cut(4, 1.0))]
    assert told == ["head", "block2", "block1", "block0"]


def test_one_name_stands_for_a_bundle_where_there_is_no_room_for_all() -> None:
    (told,) = labels(cut(52, 1.0))
    assert told["label"].strip("\u2060") == "head, 51 more"
