from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from core.schedule import curves
from tests.components.design.timeline.bench import drawn, node, schedule

SIZE = 56
GRIP = 9


def left_of_chip(**bar: Any) -> float:
    given = {"grip": GRIP, "discs": [], "width": 704, **bar}
    return float(node("placeChip(bar, size)", bar=given, size=SIZE))


def test_a_chip_stands_right_of_the_needle() -> None:
    assert left_of_chip(head=300, **{"from": 0, "to": 704}) == 306


def test_at_the_start_of_the_run_the_chip_is_right_of_the_handle() -> None:
    assert left_of_chip(head=0, **{"from": 0, "to": 704}) == GRIP + 4
    assert left_of_chip(head=2, **{"from": 0, "to": 704}) == GRIP + 4


def test_at_the_end_of_a_bar_the_chip_is_left_of_needle_and_handle() -> None:
    assert left_of_chip(head=704, **{"from": 0, "to": 704}) == 704 - GRIP - 4 - SIZE
    assert left_of_chip(head=660, **{"from": 0, "to": 704}) == 660 - 6 - SIZE


def test_a_chip_is_right_of_the_discs_inside_its_bar() -> None:
    assert left_of_chip(head=0, discs=[23, 45], **{"from": 0, "to": 704}) == 45 + 8 + 4


def test_a_bar_that_is_too_short_has_its_chip_beside_it() -> None:
    assert left_of_chip(head=110, **{"from": 100, "to": 150}) == 154
    assert left_of_chip(head=690, **{"from": 654, "to": 704}) == 650 - SIZE
    assert left_of_chip(head=690, discs=[637], **{"from": 654, "to": 704}) == 625 - SIZE


@pytest.mark.parametrize("width", [338, 704])
def test_a_chip_never_covers_a_handle_and_stays_on_the_track(width: int) -> None:
    dice = random.Random(5)
    bars: list[dict[str, Any]] = []
    for _ in range(200):
        start, end = sorted(dice.sample(range(width + 1), 2))
        grip = min(GRIP, (end - start) / 2)
        head = dice.uniform(start, end)
        bars.append({"from": start, "to": end, "head": head, "grip": grip, "discs": []})
    found = node(
        "bars.map((bar) => placeChip({ ...bar, width }, size))", bars=bars, width=width, size=SIZE
    )
    for bar, left in zip(bars, found, strict=True):
        start, end, grip = bar["from"], bar["to"], bar["grip"]
        assert left >= 0
        assert left + SIZE <= width
        for low, high in ((start, start + grip), (end - grip, end)):
            assert left + SIZE <= low or left >= high


@pytest.mark.parametrize("steps", [1, 2, 7, 20])
@pytest.mark.parametrize("interval", ["step", "epoch"])
def test_the_chip_says_the_rate_of_the_step_that_runs_at_the_playhead(
    steps: int, interval: str
) -> None:
    given = schedule(interval=interval)
    data = drawn(given, steps_per_epoch=steps)
    head = data["groups"][0]
    t = [float(x) for x in np.linspace(0, given.epochs, 161).round(2)]
    read = node(
        "t.map((x) => valueAt(points, stepBegins(x, data)))",
        points=data["curves"][head["curve"]],
        data=data,
        t=t,
    )
    runs = np.minimum(np.floor(np.array(t) * steps + 1e-9), given.epochs * steps - 1)
    rates = curves.rates_of_steps(given, runs, steps)[-1]
    assert np.allclose(read, rates / curves.peak(given, given.group(head["name"])), atol=1e-3)
