from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from core import presets
from core.checks import Problem
from core.schedule import parse
from core.schedule.spec import Schedule
from pages.components.shared import axis
from tests.components.design.timeline.bench import drawn


def small(**lr: object) -> Schedule:
    """Two groups over four epochs: the head from the start, the body from the second epoch."""
    raw = {
        "format": "thaw.schedule",
        "version": 1,
        "name": "Two",
        "model": {"name": "mine/net"},
        "epochs": 4,
        "optimizer": {"name": "sgd", "base_lr": 0.1},
        "lr": {"group_decay": 0.1, **lr},
        "groups": [
            {"name": "body", "modules": ["body"], "trainable": [[1, 3]]},
            {"name": "head", "modules": ["fc"], "trainable": [[0, None]]},
        ],
    }
    return parse.parse(json.dumps(raw))


@pytest.mark.parametrize("name", presets.names())
def test_every_preset_can_be_drawn_and_sent(name: str) -> None:
    schedule = presets.load(name)
    sent = json.loads(json.dumps(drawn(schedule), allow_nan=False))
    assert [row["name"] for row in sent["groups"]] == [g.name for g in reversed(schedule.groups)]
    for row in sent["groups"]:
        points = sent["curves"][row["curve"]]
        assert points[0] == 0
        assert points[-2] == schedule.epochs
        assert np.all(np.diff(points[::2]) >= 0)


def test_the_head_is_the_first_row_and_has_the_heads_colour() -> None:
    rows = drawn(small())["groups"]
    assert [row["name"] for row in rows] == ["head", "body"]
    assert rows[0]["color"] == "light-dark(#C38A27, #FFCF7D)"
    assert rows[1]["scale"] == 0.1
    assert rows[1]["windows"] == [[1, 3]]


def test_a_model_without_a_table_has_no_parameter_counts() -> None:
    assert [row["parameters"] for row in drawn(small())["groups"]] == [None, None]


def test_groups_with_the_same_shape_share_one_curve() -> None:
    relative = drawn(small(decay={"shape": "cosine", "floor": {"factor": 0.01}}))
    absolute = drawn(small(decay={"shape": "cosine", "floor": {"lr": 1e-3}}))
    assert len(relative["curves"]) == 1
    assert len(absolute["curves"]) == 2


def test_a_staircase_has_one_step_an_epoch() -> None:
    sent = drawn(small(interval="epoch"))
    points = sent["curves"][sent["groups"][0]["curve"]]
    assert points[::2] == [0, 1, 1, 2, 2, 3, 3, 4]
    assert points[1::4] == points[3::4]


def test_a_very_long_staircase_is_thinned_but_reaches_the_end() -> None:
    raw = json.loads(small(interval="epoch").model_dump_json()) | {"epochs": 10_000}
    sent = drawn(parse.parse(json.dumps(raw)))
    points = sent["curves"][sent["groups"][0]["curve"]]
    assert points[-2] == 10_000
    assert len(points) <= 4 * 400


def test_the_fields_of_the_curve_are_those_that_the_schedule_has() -> None:
    def floors(decay: dict[str, Any]) -> list[str]:
        return [path for path in drawn(small(decay=decay))["fields"] if ".floor." in path]

    assert floors({"shape": "cosine", "floor": {"lr": 1e-3}}) == ["lr.decay.floor.lr"]
    assert floors({"shape": "cosine", "floor": {"factor": 0.1}}) == ["lr.decay.floor.factor"]
    assert floors({"shape": "constant"}) == []


def test_problems_are_numbered_in_their_order() -> None:
    place = "groups[0].trainable[0]"
    warning = Problem("late-thaw", place, ("body",), "thaws late", "thaw at 1", severity="warning")
    hint = Problem("never-trains", place, ("body",), "never trains", "add a window")
    sent = drawn(small(), problems=(warning, hint))["problems"]
    assert [(row["number"], row["severity"], row["message"]) for row in sent] == [
        (1, "warning", warning.message),
        (2, "hint", hint.message),
    ]
    assert [row["path"] for row in sent] == [place, place]


def test_the_playhead_stays_within_the_run() -> None:
    assert drawn(small(), playhead=9.0)["view"]["playhead"] == 4.0


def test_sgd_keeps_a_number_a_parameter_only_with_momentum() -> None:
    raw = json.loads(small().model_dump_json())
    raw["optimizer"]["momentum"] = 0.0
    assert drawn(small())["optimizer"] == {"name": "SGD", "bytes": 4}
    assert drawn(parse.parse(json.dumps(raw)))["optimizer"] == {"name": "SGD", "bytes": 0}


def test_the_track_of_a_1040_pixel_card_is_704_pixels_wide() -> None:
    content = 1040 - 2 * axis.CARD_INSET
    assert content - axis.TRACK_LEFT - axis.TRACK_RIGHT == 704
