from __future__ import annotations

from dataclasses import replace
from itertools import accumulate, pairwise, product
from statistics import fmean, pstdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.cache_plan.planner import CacheBudget, CachePlan, plan_cache
from core.cache_plan.split_points import ForwardCosts, Work, cuts_of, distinct_views

PLENTY = CacheBudget(10**15, 10**15)
TOLERANCE = 1e-9


def costs_of(*layers: tuple[tuple[int, ...], float, int]) -> ForwardCosts:
    """An image, and layers by the places that they read, their seconds and bytes."""
    return ForwardCosts(*zip(((), 0.0, 10), *layers, strict=True))


def chain(seconds: list[float], sizes: list[int]) -> ForwardCosts:
    """An image, and layers one after the other."""
    rows = enumerate(zip(seconds, sizes, strict=True))
    return costs_of(*(((at,), taken, size) for at, (taken, size) in rows))


def work(costs: ForwardCosts, fixed: list[int], trains: bool = True, **more) -> Work:
    """Training on 100 images whose first `fixed[k]` nodes hold still in phase k."""
    parts = tuple(frozenset(range(count)) for count in fixed)
    return Work(costs, parts, 100, trains, **more)


THREE = chain([1e-3, 1e-3, 1e-3, 0.0], [400, 200, 100, 4])
"""Three layers and a head."""


def test_the_deepest_cut_is_chosen_and_one_pass_serves_every_phase():
    plan = plan_cache([work(THREE, [4, 3, 2])], [(0, 2), (2, 4), (4, 6)], PLENTY)
    (made,) = plan.precompute_passes
    assert (made.first, made.last) == (0, 2)
    assert [cut.boundary for (cut,) in plan.cuts] == [(3,), (2,), (1,)]
    assert made.bytes_in("memory") == 100 * (400 + 200 + 100)
    # in place of 3, 2 and 1 layers in 2 epochs each, 3 layers once
    assert abs(plan.saved - 100 * 1e-3 * (6 + 4 + 2 - 3)) < 1e-3


def test_a_phase_of_one_epoch_alone_is_not_worth_a_pass():
    plan = plan_cache([work(THREE, [4, 1])], [(0, 1), (1, 4)], PLENTY)
    assert plan.precompute_passes == ()
    assert plan.seconds == plan.plain_seconds


def test_what_does_not_fit_into_memory_goes_to_a_file_and_else_a_later_boundary_is_kept():
    works, spans = [work(THREE, [4, 2])], [(0, 4), (4, 8)]
    (made,) = plan_cache(works, spans, CacheBudget(100 * 100, 10**9)).precompute_passes
    assert {stored.node: stored.location for stored in made.stored} == {3: "memory", 1: "file"}
    (made,) = plan_cache(works, spans, CacheBudget(100 * 100)).precompute_passes
    assert [stored.node for stored in made.stored] == [3]


def test_a_small_tensor_earlier_on_is_stored_where_the_deepest_is_too_large():
    costs = chain([1e-3, 1e-3, 1e-4, 0.0], [400, 50, 900, 4])
    plan = plan_cache([work(costs, [4])], [(0, 5)], CacheBudget(100 * 50))
    assert plan.cuts[0][0].boundary == (2,)


def test_a_part_that_froze_again_gets_a_pass_of_its_own():
    plan = plan_cache([work(THREE, [4, 1, 4])], [(0, 4), (4, 6), (6, 10)], PLENTY)
    assert [(made.first, made.last) for made in plan.precompute_passes] == [(0, 0), (2, 2)]


def test_both_ends_of_a_skip_connection_cross_the_cut():
    costs = costs_of(((0,), 1.0, 40), ((1,), 1.0, 20), ((2,), 1.0, 40), ((1, 3), 0.0, 40))
    deepest, *_ = cuts_of(work(costs, [3]), 0)
    assert deepest.boundary == (1, 2)
    assert deepest.bytes == 60


def test_nothing_is_cut_where_a_number_crosses():
    costs = costs_of(((0,), 1.0, 40), ((1,), 0.0, 0), ((1, 2), 1.0, 40))
    (cut,) = cuts_of(work(costs, [3]), 0)
    assert cut.boundary == (1,)  # the shape, node 2, is read again behind it


def test_parameters_never_cross_since_they_can_be_read_again():
    costs = costs_of(((), 0.0, 64), ((0, 1), 1.0, 40), ((1, 2), 1.0, 40))
    (cut,) = cuts_of(work(costs, [3]), 0)
    assert cut.boundary == (2,)


def test_a_split_that_sees_other_images_in_every_epoch_is_left_out_of_the_pass():
    fresh = work(THREE, [4, 2], views=None)
    judged = work(THREE, [4, 2], trains=False)
    plan = plan_cache([fresh, judged], [(0, 4), (4, 8)], PLENTY)
    (made,) = plan.precompute_passes
    assert {stored.split for stored in made.stored} == {1}
    assert [bool(cut.boundary) for row in plan.cuts for cut in row] == [False, True] * 2


def test_views_are_counted_once_however_often_they_are_drawn():
    assert distinct_views(100, 1, 8) == 100
    assert distinct_views(100, 2, 1) == 100
    assert distinct_views(100, 2, 50) == 200


@pytest.mark.parametrize("views", [2, 3, 10])
@pytest.mark.parametrize("epochs", [1, 2, 3, 5])
def test_views_are_counted_for_an_unlucky_draw_and_hardly_more_where_there_are_many(views, epochs):
    drawn = [len(set(draw)) for draw in product(range(views), repeat=epochs)]
    mean, spread = fmean(drawn), pstdev(drawn)
    for images in (1, 40, 10**6):
        unlucky = images * mean + 4 * spread * images**0.5
        counted = distinct_views(images, views, epochs)
        assert abs(counted - min(unlucky, images * views, images * epochs)) <= 1
        assert counted <= 1.003 * images * mean or images < 10**6


@st.composite
def problems(draw: st.DrawFn) -> tuple[list[Work], list[tuple[int, int]]]:
    """Random networks, with skip connections, in random phases."""
    count = draw(st.integers(2, 8))
    layers = []
    for at in range(1, count + 1):
        sources = {at - 1, draw(st.integers(0, at - 1))}
        seconds = draw(st.floats(1e-6, 1e-2))
        layers.append((tuple(sorted(sources)), seconds, draw(st.integers(0, 10**6))))
    lengths = draw(st.lists(st.integers(1, 5), min_size=1, max_size=5))
    spans = list(pairwise([0, *accumulate(lengths)]))
    works = []
    for trains in (True, False):
        fixed = [draw(st.integers(0, count + 1)) for _ in spans]
        checked = draw(st.integers(0, 20))
        works.append(work(costs_of(*layers), fixed, trains, checked=checked))
    return works, spans


budgets = st.builds(CacheBudget, st.integers(0, 10**9), st.integers(0, 10**9))


def total(plan: CachePlan) -> float:
    return sum(plan.seconds)


@given(problems(), budgets)
def test_no_plan_is_predicted_to_be_slower_than_the_plain_run(case, budget):
    plan = plan_cache(*case, budget)
    assert total(plan) <= sum(plan.plain_seconds) + TOLERANCE


@given(problems(), budgets, st.integers(0, 10**9), st.integers(0, 10**9))
def test_more_budget_never_costs_more(case, budget, memory, disk):
    larger = replace(budget, memory=budget.memory + memory, disk=budget.disk + disk)
    assert total(plan_cache(*case, larger)) <= total(plan_cache(*case, budget)) + TOLERANCE


@given(problems(), budgets)
def test_a_plan_stays_in_its_budget_and_cuts_only_what_has_been_fixed_since_the_pass(case, budget):
    works, spans = case
    plan = plan_cache(works, spans, budget)
    for made in plan.precompute_passes:
        assert made.bytes_in("memory") <= budget.memory
        assert made.bytes_in("file") <= budget.disk
    for phase, cuts in enumerate(plan.cuts):
        made = plan.precompute_pass(phase)
        for split, cut in enumerate(cuts):
            if cut.boundary:
                assert made is not None
                stored = {each.node for each in made.stored if each.split == split}
                assert stored.issuperset(cut.boundary)
                for at in range(made.first, phase + 1):
                    assert cut.nodes <= works[split].fixed[at]


def scaled(work: Work, factor: float) -> Work:
    """The same work on a machine that takes `factor` times as long."""
    seconds = tuple(taken * factor for taken in work.costs.seconds)
    return replace(work, costs=work.costs._replace(seconds=seconds))


@given(problems(), st.floats(0.01, 100))
def test_a_slower_machine_takes_that_much_longer_without_a_cache(case, factor):
    works, spans = case
    once = plan_cache(works, spans, CacheBudget(0))
    then = plan_cache([scaled(each, factor) for each in works], spans, CacheBudget(0))
    assert abs(total(then) - factor * total(once)) <= 1e-6 * total(then)
