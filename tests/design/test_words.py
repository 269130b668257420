"""Counts in words."""

from __future__ import annotations

import pytest

from core.design.words import counted


@pytest.mark.parametrize(
    ("count", "thing", "said"),
    [
        (1, "class", "1 class"),
        (10, "class", "10 classes"),
        (1, "group", "1 group"),
        (0.5, "epoch", "0.5 epochs"),
        (1_200, "step", "1,200 steps"),
    ],
)
def test_a_count_and_its_thing_agree(count: float, thing: str, said: str) -> None:
    assert counted(count, thing) == said
