from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.records.piecewise_linear import fit_pieces, from_pieces

curves = st.lists(st.one_of(st.just(0.0), st.just(0.1), st.floats(1e-12, 1e3)), min_size=1)
within = st.sampled_from([1e-12, 1e-6, 1e-2])


@given(curves, within)
def test_pieces_say_every_rate_and_cover_every_step_once(values: list[float], near: float):
    pieces = fit_pieces(np.array(values), near, len(values))
    assert pieces is not None
    line = from_pieces(tuple(pieces))
    assert line.count == len(values)
    assert line.at(np.arange(len(values))) == pytest.approx(values, rel=near, abs=0)
    assert line.highest == pytest.approx(max(values), rel=near)
    assert set(line.knots) <= set(range(len(values)))


@given(curves)
def test_the_sum_of_the_rates_before_a_step_is_the_sum(values: list[float]):
    line = from_pieces(tuple(fit_pieces(np.array(values), 1e-12, len(values)) or ()))
    due = np.concatenate([[0.0], np.cumsum(values)])
    assert line.sums(np.arange(len(values) + 1)) == pytest.approx(due, rel=1e-9, abs=1e-300)


def test_what_stays_or_rises_straight_is_one_piece_however_long():
    level, rising = np.full(100_000, 0.1), np.linspace(0.0, 1.0, 100_001)
    assert fit_pieces(level, 1e-12, 1) == [(100_000, 0.1, 0.1)]
    assert fit_pieces(rising, 1e-12, 1) == [(100_001, 0.0, 1.0)]
    stairs = np.repeat([0.1, 0.01, 0.001], 500)
    assert fit_pieces(stairs, 1e-12, 3) == [(500, 0.1, 0.1), (500, 0.01, 0.01), (500, 0.001, 0.001)]


def test_a_curve_that_takes_more_pieces_than_it_may_is_none():
    assert fit_pieces(np.geomspace(1.0, 1e-3, 100), 1e-12, 49) is None
    assert len(fit_pieces(np.geomspace(1.0, 1e-3, 100), 1e-2, 49) or ()) == 20
