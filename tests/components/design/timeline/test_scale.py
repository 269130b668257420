from __future__ import annotations

from typing import Any

import pytest

from tests.components.design.timeline.bench import node


def flag(playhead: float, width: int, epochs: int = 8) -> dict[str, Any]:
    shown = {
        "axis": {"from": 0, "to": epochs, "width": width, "epochs": epochs},
        "playhead": playhead,
        "narrow": width < 700,
    }
    return dict(node("placeFlag(shown)", shown=shown))


def test_the_flag_stands_on_the_playhead() -> None:
    assert flag(4.6, 704) == {"words": "4.60", "width": 44, "x": pytest.approx(404.8)}


@pytest.mark.parametrize("playhead", [0, 0.05, 7.95, 8])
def test_on_a_phone_the_flag_stays_within_the_card(playhead: float) -> None:
    placed = flag(playhead, 338)
    assert placed["x"] - placed["width"] / 2 >= -14
    assert placed["x"] + placed["width"] / 2 <= 338 + 14


def test_a_flag_with_a_long_number_stays_within_the_card_too() -> None:
    placed = flag(9_999, 338, epochs=10_000)
    assert placed["words"] == "9999.00"
    assert placed["x"] + placed["width"] / 2 <= 338 + 14


def test_at_a_desk_the_flag_leaves_the_words_in_the_right_gutter_free() -> None:
    placed = flag(8, 704)
    assert placed["x"] + placed["width"] / 2 <= 704 + 18
    assert flag(0, 704)["x"] == 0


@pytest.mark.parametrize(("peak_at", "meets"), [(1.0, True), (0.95, True), (0.9, False)])
def test_the_peak_is_not_written_over_the_floor_at_the_end(peak_at: float, meets: bool) -> None:
    axis = {"from": 0, "to": 1, "width": 704, "epochs": 1}
    assert node("meetsFloor(peakAt, axis)", peakAt=peak_at, axis=axis) is meets
