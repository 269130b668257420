"""Windows that are selected together move as one."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.components.design.timeline.bench import group, node, some_windows

EPOCHS = 9
TOGETHER = "Object.fromEntries(movedTogether(new Map(Object.entries(windows)), picks, act, by, 9))"
Windows = list[list[int | None]]


def moved(
    windows: dict[str, Windows], picks: list[tuple[str, int]], act: str, by: float
) -> dict[str, Any]:
    sent = [{"group": name, "window": index} for name, index in picks]
    return dict(node(TOGETHER, windows=windows, picks=sent, act=act, by=by))


def test_bars_keep_their_spacing_and_the_tightest_limit_holds_for_all() -> None:
    windows: dict[str, Windows] = {"a": [[1, 4]], "b": [[3, 6]], "c": [[0, None]]}
    picks = [("a", 0), ("b", 0)]
    assert moved(windows, picks, "move", 2) == {"a": [[3, 6]], "b": [[5, 8]], "c": [[0, None]]}
    assert moved(windows, picks, "move", 99)["a"] == [[4, 7]]
    assert moved(windows, picks, "move", 99)["b"] == [[6, 9]]
    assert moved(windows, picks, "move", -99)["b"] == [[2, 5]]


def test_starts_and_ends_go_together_too() -> None:
    windows: dict[str, Windows] = {"a": [[2, 5]], "b": [[4, None]]}
    picks = [("a", 0), ("b", 0)]
    assert moved(windows, picks, "start", 2) == {"a": [[4, 5]], "b": [[6, None]]}
    assert moved(windows, picks, "start", 9) == {"a": [[4, 5]], "b": [[6, None]]}
    assert moved(windows, picks, "end", -1) == {"a": [[2, 4]], "b": [[4, 8]]}


def test_a_neighbour_that_goes_along_is_no_limit() -> None:
    windows: dict[str, Windows] = {"a": [[0, 2], [2, 4], [7, None]]}
    picks = [("a", 0), ("a", 1)]
    assert moved(windows, picks, "move", 5)["a"] == [[3, 5], [5, 7], [7, None]]


def test_thaws_of_groups_that_never_train_are_pulled_in_together() -> None:
    windows: dict[str, Windows] = {"a": [], "b": []}
    assert moved(windows, [("a", 0), ("b", 0)], "start", -4) == {"a": [[5, None]], "b": [[5, None]]}


def test_several_are_never_pushed_out_of_the_run_but_one_alone_is() -> None:
    windows: dict[str, Windows] = {"a": [[2, None]], "b": [[4, None]]}
    assert moved(windows, [("a", 0), ("b", 0)], "start", 99)["b"] == [[8, None]]
    assert moved(windows, [("a", 0)], "start", 99)["a"] == []


@pytest.mark.parametrize("act", ["move", "start", "end"])
def test_moved_anywhere_all_windows_stay_valid(act: str) -> None:
    dice = random.Random(act)
    cases = []
    for _ in range(60):
        windows = {name: some_windows(dice, EPOCHS) for name in "abc"}
        all_picks = [(name, at) for name, spans in windows.items() for at in range(len(spans))]
        picks = dice.sample(all_picks, dice.randrange(len(all_picks) + 1))
        sent = [{"group": name, "window": at} for name, at in picks]
        cases.append([windows, sent, act, dice.uniform(-12, 12)])
    found = node(f"cases.map(([windows, picks, act, by]) => {TOGETHER})", cases=cases)
    for (before, picks, _, _), after in zip(cases, found, strict=True):
        shifts = set()
        for name, windows in after.items():
            group(windows)
            if len(picks) > 1 and act != "end":
                shifts |= {
                    windows[pick["window"]][0] - before[name][pick["window"]][0]
                    for pick in picks
                    if pick["group"] == name
                }
        in_run = all(before[p["group"]][p["window"]][0] < EPOCHS for p in picks)
        assert len(shifts) <= 1 or not in_run
