"""The judgement of two schedules: known values of its tests, and laws that hold for any trials."""

from __future__ import annotations

from math import atan, comb, pi
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.compare.verdict import (
    LEVEL,
    Trial,
    clear_best,
    fisher,
    in_words,
    judge,
    mcnemar,
    paired_t,
    points,
    unpaired_t,
)

SLEEP = (
    [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0],
    [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4],
)
"""R's data set `sleep`: the extra hours of two groups."""


def trial(answers: list[bool], seed: int = 0) -> Trial:
    right = {str(at): answer for at, answer in enumerate(answers)}
    return Trial(seed, sum(answers) / len(answers), len(answers), right)


@st.composite
def trials(draw: st.DrawFn, images: int, seeds: st.SearchStrategy[list[int]]) -> list[Trial]:
    answers = st.lists(st.booleans(), min_size=images, max_size=images)
    return [trial(draw(answers), seed) for seed in draw(seeds)]


SEEDS = st.lists(st.integers(0, 5), min_size=1, max_size=4, unique=True)
PAIRS = st.integers(1, 30).flatmap(lambda n: st.tuples(trials(n, SEEDS), trials(n, SEEDS)))


def test_mcnemar_has_the_value_of_statsmodels() -> None:
    assert mcnemar(121, 59) == pytest.approx(4.434e-06, rel=1e-3)


@given(st.integers(0, 200), st.integers(0, 200))
def test_mcnemar_is_the_exact_binomial_test(only_a: int, only_b: int) -> None:
    count = only_a + only_b
    tail = sum(comb(count, at) for at in range(min(only_a, only_b) + 1))
    assert mcnemar(only_a, only_b) == pytest.approx(min(1.0, 2 * tail / 2**count), rel=1e-9)


def test_fisher_has_the_values_of_r() -> None:
    assert fisher(3, 4, 1, 4) == pytest.approx(0.4857, abs=1e-4)  # the lady tasting tea
    assert fisher(2, 12, 15, 18) == pytest.approx(2 * 0.0004652, abs=1e-6)  # Convictions, one-sided


@given(st.integers(1, 60), st.integers(1, 60), st.data())
def test_fisher_is_twice_the_smaller_exact_tail(of_a: int, of_b: int, data: st.DataObject) -> None:
    a, b = data.draw(st.integers(0, of_a)), data.draw(st.integers(0, of_b))
    whole = comb(of_a + of_b, a + b)
    chance = {x: comb(of_a, x) * comb(of_b, a + b - x) / whole for x in range(a + b + 1)}
    tails = [sum(p for x, p in chance.items() if (x <= a if down else x >= a)) for down in (0, 1)]
    assert fisher(a, of_a, b, of_b) == pytest.approx(min(1.0, 2 * min(tails)), rel=1e-9)


def test_the_t_tests_have_the_values_of_r() -> None:
    one, other = SLEEP
    assert paired_t([b - a for a, b in zip(one, other, strict=True)]) == pytest.approx(
        0.002833, abs=1e-6
    )
    assert unpaired_t(one, other) == pytest.approx(0.07919, abs=1e-5)
    assert paired_t([1.0, 3.0]) == pytest.approx(1 - 2 / pi * atan(2.0))


@given(PAIRS)
def test_a_verdict_turned_round_is_the_same_verdict(pair: tuple[list[Trial], list[Trial]]) -> None:
    a, b = pair
    one, other = judge(a, b), judge(b, a)
    assert one.gap == pytest.approx(-other.gap)
    assert one.by_images == pytest.approx(other.by_images)
    assert one.only is not None
    assert other.only == one.only[::-1]
    assert one.by_seeds == (None if other.by_seeds is None else pytest.approx(other.by_seeds))
    assert 0 <= one.by_images <= 1


@given(st.integers(1, 30).flatmap(lambda n: trials(n, SEEDS)))
def test_the_same_predictions_never_differ(same: list[Trial]) -> None:
    found = judge(same, same)
    assert (found.gap, found.by_images, found.only) == (0, 1, (0, 0))
    assert found.by_seeds in (None, 1)
    assert not found.is_beyond_noise
    assert clear_best({"A": same, "B": same}) is None


def test_what_is_beyond_the_noise_grows_with_the_images() -> None:
    for count, beyond in ((8, False), (300, False), (1_000, True)):
        better = [at % 100 != 0 for at in range(count)]
        worse = [at % 100 > 1 for at in range(count)]
        found = judge([trial(worse)], [trial(better)])
        assert found.is_beyond_noise == beyond, count


def test_several_seeds_that_disagree_make_a_clear_gap_on_the_images_noise() -> None:
    def run(right: int, seed: int) -> Trial:
        return trial([at < right for at in range(1_000)], seed)

    assert judge([run(800, 0)], [run(850, 0)]).is_beyond_noise
    a = [run(right, seed) for seed, right in enumerate((800, 840, 790))]
    assert not judge(
        a, [run(right, seed) for seed, right in enumerate((850, 820, 800))]
    ).is_beyond_noise
    assert judge(
        a, [run(right, seed) for seed, right in enumerate((850, 891, 842))]
    ).is_beyond_noise


def test_a_schedule_with_more_seeds_is_not_the_better_one_for_that() -> None:
    """Each image is right with a probability of its own, the same for both schedules."""
    random = Random(0)
    chances = [random.random() for _ in range(300)]

    def run(seed: int) -> Trial:
        return trial([random.random() < chance for chance in chances], seed)

    verdicts = [judge([run(0)], [run(seed) for seed in range(3)]) for _ in range(200)]
    assert sum(verdict.by_images < LEVEL for verdict in verdicts) < 20
    assert "with 1 seed each" in in_words(verdicts[0], [run(0)], [run(0), run(1)], ("A", "B"))


@given(PAIRS)
def test_the_better_one_is_right_on_more_images(pair: tuple[list[Trial], list[Trial]]) -> None:
    found = judge(*pair)
    assert found.only is not None
    assert not found.is_beyond_noise or (found.only[1] > found.only[0]) == (found.gap > 0)


def test_two_equal_gaps_are_no_certainty() -> None:
    half, more = [at % 2 == 0 for at in range(100)], [at % 2 == 0 or at < 10 for at in range(100)]
    found = judge([trial(half, 0), trial(half, 1)], [trial(more, 0), trial(more, 1)])
    assert found.by_seeds is not None
    assert found.by_seeds > LEVEL


def test_runs_on_other_images_or_without_predictions_are_judged_by_their_counts() -> None:
    half, most = [True, False] * 50, [True] * 90 + [False] * 10
    renamed = Trial(0, 0.9, 100, {f"other {at}": right for at, right in enumerate(most)})
    for other in (renamed, Trial(0, 0.9, 100, {})):
        found = judge([trial(half)], [other])
        assert found.only is None
        assert found.by_images == fisher(50, 100, 90, 100)
        assert "not known to be the same" in in_words(found, [trial(half)], [other], ("A", "B"))


def test_the_best_of_several_has_to_beat_each_by_its_part_of_the_level() -> None:
    low, mid = trial([at < 50 for at in range(100)]), trial([at < 94 for at in range(100)])
    high = trial([True] * 100)
    assert clear_best({"A": [low], "B": [mid]}) == "B"
    assert clear_best({"A": [mid], "B": [high]}) == "B"
    assert clear_best({"A": [low], "B": [mid], "C": [high]}) is None
    assert clear_best({"A": [low]}) is None
    assert clear_best({}) is None


def test_the_reasons_name_the_images_the_test_and_what_one_run_cannot_tell() -> None:
    a, b = [trial([True, False, True])], [trial([True, True, False])]
    text = in_words(judge(a, b), a, b, ("A", "C"))
    assert "3 validation images, 1 are right with A only and 1 with C only" in text
    assert "McNemar's test, p\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}1" in text
    assert "One run of each" in text
    a, b = [trial([True, False], 0), trial([True, True], 1)], [trial([True, True], 0)] * 2
    assert "a sign test" in in_words(judge(a, b), a, b, ("A", "B"))
    assert "2 seeds each" in in_words(judge(a, b), a, b, ("A", "B"))
    assert "In 3 comparisons" in in_words(judge(a, b, 3), a, b, ("A", "B"))


def test_a_gap_is_told_in_points() -> None:
    assert [points(gap) for gap in (0.014, -0.01, 0.0)] == ["1.4 points", "1.0 point", "0.0 points"]
