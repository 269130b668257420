from __future__ import annotations

import pytest

from pages.components.shared.axis import tick_step


@pytest.mark.parametrize(
    ("epochs", "most", "step"),
    [(1, 16, 1), (16, 16, 1), (16.5, 16, 2), (40, 12, 5), (1_500, 12, 200), (10_000, 5, 2_000)],
)
def test_ticks_stand_as_near_as_there_is_room_for(epochs: float, most: int, step: int) -> None:
    assert tick_step(epochs, most) == step
