from __future__ import annotations

from typing import Any

from tests.components.design.timeline.bench import node

TRACK = {"axis": {"from": 0, "to": 8, "width": 800, "epochs": 8}, "narrow": False}


def discs(paths: list[str], windows: list[list[int | None]]) -> Any:
    problems = [{"groups": ["a"], "path": path} for path in paths]
    found = node(
        "placeDiscs(problems, visible(windows, 8), track)",
        problems=problems,
        windows=windows,
        track=TRACK,
    )
    return [
        (disc["window"] and disc["window"]["index"], disc["x"], disc["inside"]) for disc in found
    ]


def test_a_disc_stands_left_of_the_window_that_its_path_names() -> None:
    windows: list[list[int | None]] = [[1, 3], [5, None]]
    assert discs(["groups[0].trainable[1]"], windows) == [(1, 483, False)]
    assert discs(["groups[0].lr_scale"], windows) == [(0, 83, False)]


def test_several_discs_of_a_window_stand_side_by_side() -> None:
    path = "groups[0].trainable[0]"
    assert [x for _, x, _ in discs([path] * 3, [[4, None]])] == [383, 361, 339]


def test_a_disc_without_room_on_the_left_stands_inside_beyond_the_handle() -> None:
    assert discs(["groups[0].trainable"], [[0, None]]) == [(0, 23, True)]


def test_a_group_that_never_trains_has_its_discs_at_the_start() -> None:
    path = "groups[0].trainable"
    assert discs([path, path], []) == [(None, 18, False), (None, 40, False)]
    assert discs([path], [[9, None]]) == [(None, 18, False)]
