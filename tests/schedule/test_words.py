"""Counts and rates in words."""

from __future__ import annotations

import pytest

from core.schedule.words import counted, rate


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


@pytest.mark.parametrize(
    ("value", "digits", "said"),
    [
        (0.0, 3, "0"),
        (1e-6, 3, "1e-6"),
        (1e-12, 2, "1e-12"),
        (0.000472, 2, "4.7e-4"),
        (0.000125, 6, "1.25e-4"),
        (0.5, 2, "0.5"),
        (150.0, 2, "1.5e2"),
        (999.9, 3, "1e3"),
    ],
)
def test_a_power_of_ten_in_a_rate_has_no_plus_and_no_leading_zero(
    value: float, digits: int, said: str
) -> None:
    assert rate(value, digits) == said
