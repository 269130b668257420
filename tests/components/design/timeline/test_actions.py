from __future__ import annotations

from typing import Any

import pytest

from tests.components.design.timeline.bench import node

Windows = list[list[int | None]]


def said(act: str, before: Windows, after: Windows) -> Any:
    return node(
        "changeInWords('layer4', act, before, after, 8)", act=act, before=before, after=after
    )


@pytest.mark.parametrize("act", ["start", "end", "move"])
def test_a_window_that_goes_away_is_named(act: str) -> None:
    words = "layer4 no longer trains in epochs 2 to 4"
    assert said(act, [[0, 1], [2, 4], [6, None]], [[0, 1], [6, None]]) == words


def test_a_group_that_lost_its_only_window_never_trains() -> None:
    assert said("start", [[3, None]], []) == "layer4 never trains"
    assert said("end", [[3, 5], [9, None]], [[9, None]]) == "layer4 never trains"


def test_a_bar_moved_as_a_whole_says_where_it_is() -> None:
    moved = "layer4 trains in epochs 3 to 8"
    assert said("move", [[0, 1], [2, None]], [[0, 1], [3, None]]) == moved
    assert said("move", [[0, 1], [2, None]], [[0, 1], [2, None]]) == ""


def test_a_moved_edge_is_left_to_its_slider() -> None:
    assert said("start", [[2, None]], [[3, None]]) == ""
    assert said("end", [[2, None]], [[2, 5]]) == ""
    assert said("start", [], [[7, None]]) == ""
