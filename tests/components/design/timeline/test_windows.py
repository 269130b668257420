from __future__ import annotations

import random

from core.schedule import plan
from tests.components.design.timeline.bench import group, node, some_windows

DICE = random.Random(7)
CASES = [(some_windows(DICE, 9), 9) for _ in range(60)]


def test_open_epochs_and_gaps_are_those_of_the_plan() -> None:
    found = node(
        "cases.map(([windows, epochs]) => [gaps(windows, epochs),"
        " [...Array(epochs).keys()].map((epoch) => isOpen(windows, epoch))])",
        cases=CASES,
    )
    for (windows, epochs), (gaps, trains) in zip(CASES, found, strict=True):
        expected = group(windows)
        assert gaps == [list(span) for span in plan.frozen_spans(expected, epochs)]
        assert trains == [plan.trains_in(expected, epoch) for epoch in range(epochs)]


def test_an_edge_dragged_anywhere_leaves_valid_windows() -> None:
    dice = random.Random(3)
    drags = [
        (windows, dice.randrange(max(len(windows), 1)), edge, dice.uniform(-5, 15), epochs)
        for windows, epochs in CASES
        for edge in (("start", "end") if windows else ("start",))
    ]
    found = node("drags.map((drag) => withEdge(...drag))", drags=drags)
    assert len(found) > 60
    for windows in found:
        group(windows)


def test_a_bar_dragged_anywhere_keeps_its_length_and_its_order() -> None:
    dice = random.Random(4)
    drags = [
        (windows, dice.randrange(len(windows)), dice.uniform(-12, 12), epochs)
        for windows, epochs in CASES
        if windows
    ]
    found = node("drags.map((drag) => moved(...drag))", drags=drags)
    for (before, index, _, _), after in zip(drags, found, strict=True):
        group(after)
        (old_start, old_end), (start, end) = before[index], after[index]
        assert (old_end is None) == (end is None)
        if old_end is not None:
            assert end - start == old_end - old_start


def test_a_thaw_at_the_last_epoch_takes_an_open_ended_window_away() -> None:
    assert node("withEdge([[2, null]], 0, 'start', 8, 8)") == []
    assert node("withEdge([[0, 2], [4, null]], 1, 'start', 11, 8)") == [[0, 2]]


def test_a_group_that_never_trains_is_pulled_in_from_the_right() -> None:
    assert node("withEdge([], 0, 'start', 5.6, 8)") == [[6, None]]
    assert node("withEdge([], 0, 'start', 8, 8)") == []
    assert node("withEdge([[12, 14]], 0, 'start', 5, 8)") == [[5, 14]]


def test_an_end_at_the_last_epoch_becomes_open() -> None:
    assert node("withEdge([[2, 5]], 0, 'end', 8, 8)") == [[2, None]]
    assert node("withEdge([[2, null]], 0, 'end', 5, 8)") == [[2, 5]]


def test_a_window_stops_at_its_neighbours() -> None:
    windows = [[0, 2], [3, 5], [7, None]]
    assert node("limits(windows, 1, 'start', 9)", windows=windows) == [2, 4]
    assert node("limits(windows, 1, 'end', 9)", windows=windows) == [4, 7]
    assert node("withEdge(windows, 1, 'end', 99, 9)", windows=windows)[1] == [3, 7]
    assert node("moved(windows, 1, -9, 9)", windows=windows)[1] == [2, 4]
    assert node("moved(windows, 1, 9, 9)", windows=windows)[1] == [5, 7]


def test_a_problems_path_names_its_window() -> None:
    paths = ["groups[3].trainable[1]", "groups[0].trainable", "lr.warmup.epochs"]
    assert node("paths.map(windowOfPath)", paths=paths) == [1, 0, 0]
