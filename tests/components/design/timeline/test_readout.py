from __future__ import annotations

import random

import pytest

from core.schedule import plan
from tests.components.design.timeline.bench import drawn, node, schedule, some_windows


@pytest.mark.parametrize("seed", range(5))
def test_the_phases_are_those_of_the_plan(seed: int) -> None:
    dice = random.Random(seed)
    names = ("stem", "layer1", "layer2", "layer3", "layer4", "head")
    given = schedule({name: some_windows(dice, 8) for name in names})
    groups = drawn(given)["groups"]
    found = node("phasesOf(groups, epochs)", groups=groups, epochs=8)
    expected = plan.phases(given)
    assert [(phase["start"], phase["end"]) for phase in found] == [
        (phase.start, phase.end) for phase in expected
    ]
    for phase in expected:
        state = node("stateAt(groups, 8, at, 8)", groups=groups, at=phase.start)
        assert state["open"] == list(reversed(phase.training))


def test_a_phase_says_what_thaws_and_what_freezes_head_first() -> None:
    found = node(
        "phasesOf(groups, 8).map(({ label }) => label)",
        groups=drawn(schedule({"head": [[1, 4]], "layer4": [[4, 6]]}))["groups"],
    )
    assert found == [
        "nothing trains",
        "+ head",
        "+ layer4 + layer3 − head",
        "+ layer2 − layer4",
    ]
    trained = drawn(schedule())["groups"]
    assert node("phasesOf(groups, 8)[0].label", groups=trained) == "head"


def test_the_strip_says_what_the_plan_and_the_layer_table_say() -> None:
    data = drawn(schedule())
    state = node("stateAt(groups, 8, 4.6, 8)", groups=data["groups"])
    assert state["phase"] == 3
    assert state["open"] == ["head", "layer4", "layer3"]
    assert state["trainable"] == 11_006_440
    assert state["total"] == 11_689_512
    assert node("formatBytes(bytes)", bytes=state["memory"]) == "132 MB"


def test_a_group_that_froze_again_keeps_its_optimizer_state() -> None:
    data = drawn(schedule({"layer4": [[0, 2]]}))
    state = node("stateAt(groups, 8, 3, 8)", groups=data["groups"])
    assert state["trainable"] == 513_000
    assert state["memory"] == 8 * (513_000 + 8_393_728) + 4 * 513_000


def test_without_a_layer_table_the_strip_has_no_counts() -> None:
    groups = [{**row, "parameters": None} for row in drawn(schedule())["groups"]]
    state = node("stateAt(groups, 8, 8, 8)", groups=groups)
    assert (state["trainable"], state["total"], state["memory"]) == (None, None, None)
    assert state["phase"] == 4
