from __future__ import annotations

import numpy as np
import pytest

from tests.components.timeline.bench import node


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
