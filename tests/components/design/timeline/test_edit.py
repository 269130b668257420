from __future__ import annotations

import pytest

from pages.components.design.timeline.edit import (
    CurveEdit,
    WindowsEdit,
    read_edit,
    read_history,
    read_selection,
    read_span,
)

WINDOWS = {
    "kind": "windows",
    "windows": {"a": [[0, 2], [3, None]], "b": []},
    "before": {"a": [[0, None]], "b": [[1, 2]]},
}


def test_an_edit_of_windows_is_read_as_it_was_sent() -> None:
    windows = {"a": ((0, 2), (3, None)), "b": ()}
    before = {"a": ((0, None),), "b": ((1, 2),)}
    assert read_edit({**WINDOWS, "sequence": 3}) == WindowsEdit(windows, before)


def test_an_edit_of_the_curve_is_read_as_numbers_and_what_is_not_sent_is_as_it_was() -> None:
    sent = {"kind": "curve", "floor_lr": 1, "cooldown": 0.2, "restart": True, "sequence": 1}
    assert read_edit(sent) == CurveEdit(floor_lr=1.0, cooldown=0.2, restart=True)
    assert read_edit({"kind": "curve", "warmup_epochs": 0}) == CurveEdit(warmup_epochs=0.0)


@pytest.mark.parametrize(
    "sent",
    [
        None,
        "windows",
        {"kind": "other"},
        {**WINDOWS, "windows": {"a": [["0", None]], "b": []}},
        {**WINDOWS, "windows": {"a": [[0]], "b": []}},
        {**WINDOWS, "windows": {"a": 3, "b": []}},
        {**WINDOWS, "windows": [[0, None]]},
        {**WINDOWS, "before": {"a": [[0, None]]}},
        {**WINDOWS, "before": {"a": [[0, None]], "b": None}},
        {"kind": "windows", "windows": {}},
        {"kind": "curve", "warmup_epochs": "1"},
        {"kind": "curve", "floor": None},
        {"kind": "curve", "restart": 1},
    ],
)
def test_what_is_not_an_edit_is_none(sent: object) -> None:
    assert read_edit(sent) is None


def test_a_selection_is_a_group_and_the_index_of_its_window() -> None:
    assert read_selection({"group": "layer4", "window": 1}) == ("layer4", 1)


def test_no_group_is_a_selection_that_was_let_go_of() -> None:
    assert read_selection({"group": None}) == ()


@pytest.mark.parametrize("sent", [None, {}, {"group": "a"}, {"group": 1, "window": 0}, "layer4"])
def test_what_is_not_a_selection_is_none(sent: object) -> None:
    assert read_selection(sent) is None


def test_a_span_is_two_epochs_in_order() -> None:
    assert read_span([2, 4.5]) == (2.0, 4.5)


@pytest.mark.parametrize("sent", [None, [], [1], [4, 2], [-1, 2], ["0", 2], {"from": 0}])
def test_what_is_not_a_span_is_all_of_the_run(sent: object) -> None:
    assert read_span(sent) is None


def test_undo_and_redo_come_as_edits_so_that_they_wait_for_those_before() -> None:
    sent = {"kind": "history", "way": "undo", "sequence": 4}
    assert read_history(sent) == "undo"
    assert read_edit(sent) is None


@pytest.mark.parametrize("sent", [None, {}, {"kind": "history", "way": "back"}, {"way": "undo"}])
def test_what_is_not_a_way_in_the_history_is_none(sent: object) -> None:
    assert read_history(sent) is None
