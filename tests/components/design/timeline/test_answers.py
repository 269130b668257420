"""What the browser tells of an edit: what the hand has changed, and nothing else."""

from __future__ import annotations

from typing import Any

from tests.components.design.timeline.bench import node

CURVE = {
    "warmup": 1,
    "start": 0.1,
    "floor": 0.01,
    "floorLr": None,
    "cooldown": None,
    "restart": False,
}


def told(before: dict[str, Any], after: dict[str, Any]) -> Any:
    return node(
        "changedWindows(new Map(Object.entries(before)), new Map(Object.entries(after)))",
        before=before,
        after=after,
    )


def test_only_groups_whose_windows_were_changed_are_told_and_what_they_were() -> None:
    before = {"head": [[0, None]], "layer4": [[2, None]], "layer3": [], "stem": []}
    after = {**before, "layer4": [[3, None]], "stem": [[6, None]]}
    assert told(before, after) == {
        "windows": {"layer4": [[3, None]], "stem": [[6, None]]},
        "before": {"layer4": [[2, None]], "stem": []},
    }


def test_a_group_may_have_any_name() -> None:
    found = told({"constructor": [], "1": [[0, 2]]}, {"constructor": [[1, 2]], "1": [[0, 2]]})
    assert found == {"windows": {"constructor": [[1, 2]]}, "before": {"constructor": []}}


def test_only_the_numbers_of_the_curve_that_were_changed_are_told() -> None:
    for change, sent in (
        ({"warmup": 2.5}, {"warmup_epochs": 2.5}),
        ({"start": 0.2}, {"start_factor": 0.2}),
        ({"floor": 0}, {"floor": 0}),
        ({"floorLr": 1e-6}, {"floor_lr": 1e-6}),
        ({"cooldown": 0.3}, {"cooldown": 0.3}),
        ({"restart": True}, {"restart": True}),
        ({}, {}),
    ):
        found = node("changedCurve(before, after)", before=CURVE, after={**CURVE, **change})
        assert found == sent
