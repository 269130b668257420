"""Adding, splitting and cascading windows."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

from core.schedule import plan
from tests.components.design.timeline.bench import group, node, some_windows

DICE = random.Random(11)
CASES = [(some_windows(DICE, 9), DICE.randrange(9)) for _ in range(80)]
Windows = list[list[int | None]]


def opened(windows: Windows) -> set[int]:
    return {epoch for epoch in range(9) if plan.trains_in(group(windows), epoch)}


def test_a_new_window_opens_frozen_epochs_and_closes_none() -> None:
    found = node("cases.map(([windows, epoch]) => withNew(windows, epoch, 9))", cases=CASES)
    for (windows, epoch), made in zip(CASES, found, strict=True):
        before = opened(windows)
        if made is None:
            assert before == set(range(9))
            continue
        after = opened(made["windows"])
        assert before < after
        span = made["windows"][made["index"]]
        assert any(plan.trains_in(group([span]), epoch) for epoch in after - before)
        gap = next((g for g in plan.frozen_spans(group(windows), 9) if g[0] <= epoch < g[1]), None)
        if gap is not None:
            assert after - before <= set(range(*gap))


def test_a_new_window_leaves_an_epoch_frozen_beside_its_neighbours() -> None:
    assert node("withNew([[0, 2], [6, null]], 4, 9)") == {
        "windows": [[0, 2], [4, 5], [6, None]],
        "index": 1,
    }
    assert node("withNew([[0, 2], [6, null]], 2, 9).windows[1]") == [3, 5]
    assert node("withNew([[5, null]], 0, 9)") == {"windows": [[0, 4], [5, None]], "index": 0}


def test_a_group_that_never_trains_thaws_where_it_is_asked_to() -> None:
    assert node("withNew([], 4, 9)") == {"windows": [[4, None]], "index": 0}


def test_a_gap_without_room_is_closed_and_its_neighbours_are_one_window() -> None:
    assert node("withNew([[0, 3], [4, null]], 3, 9)") == {"windows": [[0, None]], "index": 0}
    assert node("withNew([[1, null]], 0, 9)") == {"windows": [[0, None]], "index": 0}
    assert node("withNew([[0, 2], [4, 8]], 8, 9)") == {"windows": [[0, 2], [4, None]], "index": 1}


def test_outside_every_gap_the_longest_one_is_taken() -> None:
    assert node("withNew([[1, 3], [8, null]], 1, 9)") == {
        "windows": [[1, 3], [4, 7], [8, None]],
        "index": 1,
    }
    assert node("withNew([[0, null]], 3, 9)") is None


def test_a_split_freezes_one_epoch_and_nothing_else() -> None:
    found = node(
        "cases.map(([windows, epoch]) => windows.map((_, i) => splitAt(windows, i, epoch, 9)))",
        cases=CASES,
    )
    for (windows, epoch), splits in zip(CASES, found, strict=True):
        for index, made in enumerate(splits):
            start, end = windows[index]
            stop = 9 if end is None else min(end, 9)
            can = start is not None and start <= epoch < stop and stop - start >= 3
            assert (made is not None) == can
            if made is not None:
                group(made)
                assert len(opened(windows) - opened(made)) == 1
                assert opened(made) < opened(windows)
                assert len(made) == len(windows) + 1


def test_a_split_at_an_edge_moves_inside() -> None:
    assert node("splitAt([[2, null]], 0, 2, 9)") == [[2, 3], [4, None]]
    assert node("splitAt([[2, null]], 0, 8.9, 9)") == [[2, 7], [8, None]]
    assert node("splitAt([[2, 6]], 0, 4.6, 9)") == [[2, 4], [5, 6]]


def cascade(count: int, epochs: int, **choice: Any) -> Any:
    windows = choice.pop("windows", [[]] * count)
    return node("cascaded(windows, choice, epochs)", windows=windows, choice=choice, epochs=epochs)


@pytest.mark.parametrize("every", [0, 0.3, 0.5, 1, 1.25, 2, 3])
@pytest.mark.parametrize("first", [0, 2])
def test_a_cascade_thaws_evenly_from_the_head_down(first: int, every: float) -> None:
    found = cascade(6, 8, first=first, every=every, until="end")
    thaws = [math.floor(first + place * every + 1e-9) for place in range(6)]
    assert found == [[[thaw, None]] if thaw < 8 else [] for thaw in thaws]


def test_each_may_train_until_the_next_one_thaws() -> None:
    assert cascade(3, 8, first=1, every=2, until="next") == [[[1, 3]], [[3, 5]], [[5, None]]]
    assert cascade(3, 8, first=0, every=0.5, until="next") == [[[0, 1]], [[0, 1]], [[1, None]]]


def test_each_may_keep_its_own_last_epoch() -> None:
    windows = [[[0, 2], [3, 5]], [[0, 1]], []]
    found = cascade(3, 8, first=0, every=2, until="own", windows=windows)
    assert found == [[[0, 5]], [[2, None]], [[4, None]]]


@pytest.mark.parametrize(("count", "epochs"), [(6, 8), (12, 300), (40, 8), (1, 5), (2, 3)])
def test_the_proposed_spacing_leaves_no_group_out(count: int, epochs: int) -> None:
    every = node("spacingFor(count, epochs)", count=count, epochs=epochs)
    found = cascade(count, epochs, first=0, every=every, until="end")
    assert [] not in found


def test_a_number_of_a_cascade_is_refused_in_words() -> None:
    good = [("0", "0"), ("8", "0.5"), ("1e0", "8")]
    bad = [("9", "1"), ("-1", "1"), ("2.5", "1"), ("", "1"), ("1", ""), ("1", "8.5")]
    refusals = "cases.map(([first, every]) => cascadeRefusal(first, every, 8))"
    assert node(refusals, cases=good) == [None] * len(good)
    assert node(refusals, cases=bad) == [
        "First thaw is 9: use a whole number from 0 to 8.",
        "First thaw is -1: use a whole number from 0 to 8.",
        "First thaw is 2.5: use a whole number from 0 to 8.",
        "First thaw is empty: use a whole number from 0 to 8.",
        "Epochs apart is empty: use a number from 0 to 8.",
        "Epochs apart is 8.5: use a number from 0 to 8.",
    ]
