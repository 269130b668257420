from __future__ import annotations

import pytest

from pages.components.timeline.edit import CurveEdit, WindowsEdit, read_edit


def test_an_edit_of_windows_is_read_as_it_was_sent() -> None:
    sent = {"kind": "windows", "windows": {"a": [[0, 2], [3, None]], "b": []}, "revision": 3}
    assert read_edit(sent) == WindowsEdit({"a": ((0, 2), (3, None)), "b": ()}, 3)


def test_an_edit_of_the_curve_is_read_as_numbers() -> None:
    sent = {"kind": "curve", "warmup_epochs": 2, "start_factor": 0.1, "floor": None, "sequence": 1}
    assert read_edit(sent) == CurveEdit(2.0, 0.1, None)


@pytest.mark.parametrize(
    "sent",
    [
        None,
        "windows",
        {"kind": "other"},
        {"kind": "windows", "windows": {"a": [["0", None]]}, "revision": 0},
        {"kind": "windows", "windows": {"a": [[0]]}, "revision": 0},
        {"kind": "windows", "windows": {"a": 3}, "revision": 0},
        {"kind": "windows", "windows": [[0, None]], "revision": 0},
        {"kind": "curve", "warmup_epochs": "1", "start_factor": 0.1, "floor": None},
    ],
)
def test_what_is_not_an_edit_is_none(sent: object) -> None:
    assert read_edit(sent) is None
