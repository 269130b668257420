from __future__ import annotations

import random

from pages.components.shared import cost_words as words
from tests.components.design.timeline.bench import node


def test_numbers_are_written_as_in_the_rest_of_the_page() -> None:
    written = {
        "formatRate(4.81e-4)": "4.8e-4",
        "formatRate(1e-3)": "1.0e-3",
        "formatRate(0)": "0",
        "formatScale(1)": "×1",
        "formatScale(0.03125)": "×0.03125",
        "formatScale(1e-5)": "×1e-5",
        "formatScale(0)": "×0",
        "formatShare(1)": "100%",
        "formatShare(0.6246)": "62%",
        "formatShare(0.0362)": "3.6%",
        "formatShare(0.0002)": "<0.1%",
        "formatShare(0)": "0%",
        "formatShare(null)": "…",
        "formatShare(0.125)": "13%",
        "formatShare(0.12499999999999997)": "13%",
        "formatCount(11006440)": "11,006,440",
    }
    assert node(f"[{', '.join(written)}]") == list(written.values())


def test_bytes_and_flops_are_written_as_python_writes_them() -> None:
    dice = random.Random(0)
    middles = [2_250_000, 2_750_000, 12_500_000, 1_125_000_000, 62_500, 1_050_000]
    counts = [
        0,
        999,
        99_999,
        9_999_999,
        *middles,
        *(round(10 ** dice.uniform(0, 13)) for _ in range(200)),
    ]
    found = node("counts.map((count) => [formatBytes(count), formatFlops(count)])", counts=counts)
    assert found == [[words.amount(count), words.flops(count)] for count in counts]


def test_one_of_a_thing_is_told_as_one() -> None:
    said = {
        "counted(1, 'epoch')": "1 epoch",
        "counted(0, 'epoch')": "0 epochs",
        "counted(2, 'group')": "2 groups",
        "titleOf(1, 0)": "1 group",
        "titleOf(6, 1)": "All 6 groups",
        "titleOf(2, 2)": "2 selected groups",
        "whyNoCloser({ epochs: 1 })": "the only epoch fills the track",
        "whyNoCloser({ epochs: 8 })": "two epochs fill the track",
    }
    assert node(f"[{', '.join(said)}]") == list(said.values())


def test_a_window_too_short_to_split_is_told_with_its_length() -> None:
    lengths = (
        "[1, 2].map((end) => whyNoSplit({ ...timeline, windows: new Map([['a', [[0, end]]]]) }))"
    )
    timeline = {
        "selected": {"group": "a", "window": 0},
        "also": [],
        "data": {"epochs": 8},
        "playhead": 0,
    }
    assert node(lengths, timeline=timeline) == [
        f"a window of {length} is too short, the least is 3" for length in ("1 epoch", "2 epochs")
    ]
