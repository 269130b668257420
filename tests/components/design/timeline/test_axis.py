from __future__ import annotations

import numpy as np
import pytest

from tests.components.design.timeline.bench import node

AXIS = {"from": 0, "to": 8, "width": 704, "epochs": 8}


@pytest.mark.parametrize("width", [338, 704, 1200])
def test_ticks_run_from_0_to_the_last_epoch_without_crowding(width: int) -> None:
    every = [1, 2, 3, 8, 20, 37, 90, 300, 1234, 10_000]
    found = node("every.map((epochs) => ticks(axisOf(epochs, width)))", every=every, width=width)
    for epochs, ticks in zip(every, found, strict=True):
        assert (ticks[0], ticks[-1]) == (0, epochs)
        steps = np.diff(ticks)
        assert np.all(steps > 0)
        assert np.all(steps[:-1] == steps[0])
        assert np.all(steps / epochs * width >= 33) or len(ticks) == 2
        assert len(ticks) <= width / 33 + 1


def test_eight_epochs_are_all_labelled_on_a_desk_and_every_second_one_on_a_phone() -> None:
    assert node("ticks(axisOf(8, 704))") == [0, 1, 2, 3, 4, 5, 6, 7, 8]
    assert node("ticks(axisOf(8, 338))") == [0, 2, 4, 6, 8]


def test_pixels_and_epochs_are_inverse_within_the_run() -> None:
    epochs = [0, 0.5, 3, 7.25, 8]
    back = node("epochs.map((e) => epochOfX(xOfEpoch(e, axis), axis))", epochs=epochs, axis=AXIS)
    assert back == pytest.approx(epochs)
    assert node("[-40, 900].map((x) => epochOfX(x, axisOf(8, 704)))") == [0, 8]


@pytest.mark.parametrize("view", [[0, 300], [12.5, 40], [290, 300], [100, 102]])
def test_a_part_of_the_run_is_labelled_within_it_and_evenly(view: list[float]) -> None:
    found = node("ticks(axisOf(300, 704, view))", view=view)
    assert all(view[0] <= epoch <= view[1] for epoch in found)
    steps = set(np.diff(found).tolist())
    assert len(steps) == 1
    assert steps.pop() / (view[1] - view[0]) * 704 >= 44


def test_zooming_keeps_the_epoch_under_the_pointer_where_it_is() -> None:
    view = node("zoomed(axisOf(300, 704, [100, 200]), 0.5, 130)")
    assert view == [115, 165]
    assert (130 - 115) / 50 == (130 - 100) / 100


def test_zooming_stays_within_the_run_and_ends_at_all_of_it() -> None:
    assert node("zoomed(axisOf(300, 704, [0, 100]), 2, 90)") == [0, 200]
    assert node("zoomed(axisOf(300, 704, [0, 200]), 2, 90)") is None
    assert node("zoomed(axisOf(300, 704, [10, 13]), 0.1, 12)") == [
        pytest.approx(10.667, abs=1e-3),
        pytest.approx(12.667, abs=1e-3),
    ]
    assert node("zoomed(axisOf(1, 704), 0.5, 0.5)") is None
    assert node("canZoom(axisOf(2, 704))") == {"closer": False, "out": False}


def test_panning_stops_at_the_ends_of_the_run() -> None:
    assert node("panned(axisOf(300, 704, [100, 200]), 30)") == [130, 230]
    assert node("panned(axisOf(300, 704, [100, 200]), 900)") == [200, 300]
    assert node("panned(axisOf(300, 704, [100, 200]), -900)") == [0, 100]
    assert node("panned(axisOf(300, 704), 9)") is None


def test_an_epoch_out_of_sight_is_brought_into_view() -> None:
    for epoch in (0, 40, 250, 300):
        low, high = node("revealing(axisOf(300, 704, [100, 200]), epoch)", epoch=epoch)
        assert low <= epoch <= high
        assert high - low == pytest.approx(100)
    assert node("revealing(axisOf(300, 704, [100, 200]), 150)") == [100, 200]


def test_what_two_fingers_hold_stays_under_them() -> None:
    before, now = [100, 300], [50, 450]
    script = (
        "(() => { const axis = axisOf(300, 704, [100, 200]);"
        " const after = axisOf(300, 704, pinched(axis, before, now));"
        " const middle = ([one, other]) => (one + other) / 2;"
        " return [epochOfX(middle(before), axis), epochOfX(middle(now), after)]; })()"
    )
    middles = node(script, before=before, now=now)
    assert middles[0] == pytest.approx(middles[1], abs=0.01)
    width = node("pinched(axisOf(300, 704, [100, 200]), before, now)", before=before, now=now)
    assert width[1] - width[0] == pytest.approx(50)
