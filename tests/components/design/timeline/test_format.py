from __future__ import annotations

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
        "formatBytes(6.156e6)": "6.2 MB",
        "formatBytes(1.07e8)": "107 MB",
        "formatBytes(0)": "0 B",
        "formatBytes(999_960_000)": "1.0 GB",
        "formatShare(1)": "100%",
        "formatShare(0.6246)": "62%",
        "formatShare(0.0362)": "3.6%",
        "formatShare(0.0002)": "<0.1%",
        "formatShare(0)": "0%",
        "formatCount(11006440)": "11,006,440",
    }
    assert node(f"[{', '.join(written)}]") == list(written.values())


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
