"""What a moved edge holds on to."""

from __future__ import annotations

from typing import Any

from tests.components.design.timeline.bench import node

WINDOWS = {"a": [[100, 200]], "b": [[150, None]], "c": [[40, 60]]}
AXIS = {"from": 0, "to": 300, "width": 600, "epochs": 300}
MAP = "new Map(Object.entries(windows))"


def held(act: str, by: float, **axis: Any) -> Any:
    found = node(
        f"held({MAP}, pick, act, by, edgesOf({MAP}, [pick], 300), axis)",
        windows=WINDOWS,
        pick={"group": "a", "window": 0},
        act=act,
        by=by,
        axis={**AXIS, **axis},
    )
    return found and (found["at"], found["by"])


def test_the_edges_are_those_of_the_others_within_the_run() -> None:
    edges = node(f"edgesOf({MAP}, [{{ group: 'a', window: 0 }}], 300)", windows=WINDOWS)
    assert sorted(edges) == [40, 60, 150]


def test_an_edge_near_another_groups_edge_holds_on_to_it() -> None:
    assert held("start", 48.2) == (150, 50)
    assert held("end", -47.4) == (150, -50)
    assert held("start", 30) is None


def test_a_bar_holds_on_with_either_end() -> None:
    assert held("move", 51) == (150, 50)
    assert held("move", -49) == (150, -50)


def test_where_an_epoch_is_wide_nothing_is_held() -> None:
    assert held("start", 48.2, **{"from": 140, "to": 160}) is None
