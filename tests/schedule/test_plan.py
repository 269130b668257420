from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given

from core import presets
from core.schedule import plan
from core.schedule.plan import Phase, Span
from core.schedule.spec import Group, Schedule
from tests.schedule.strategies import LATE, schedules

Windows = tuple[tuple[int, int | None], ...]


def group(*windows: tuple[int, int | None]) -> Group:
    return Group(name="g", modules=("m",), trainable=windows)


def epochs_of(spans: tuple[Span, ...]) -> list[int]:
    return [epoch for start, end in spans for epoch in range(start, end)]


@pytest.mark.parametrize(
    ("windows", "epoch", "trains"),
    [
        ((), 0, False),
        (((2, 5),), 1, False),
        (((2, 5),), 2, True),
        (((2, 5),), 4, True),
        (((2, 5),), 5, False),
        (((2, None),), 9_999, True),
        (((0, 1), (3, 4)), 2, False),
        (((0, 1), (3, 4)), 3, True),
        (((0, 2), (2, 3)), 2, True),
        (((0, None),), -1, False),
    ],
)
def test_a_window_opens_at_its_start_and_closes_at_its_end(
    windows: Windows, epoch: int, trains: bool
):
    assert plan.trains_in(group(*windows), epoch) is trains


@given(schedules())
def test_is_open_is_what_the_windows_say(schedule: Schedule):
    for g in schedule.groups:
        for epoch in range(schedule.epochs + LATE + 5):
            inside = [a <= epoch and (b is None or epoch < b) for a, b in g.trainable]
            assert plan.trains_in(g, epoch) is any(inside)


@given(schedules())
def test_open_and_frozen_spans_partition_the_run(schedule: Schedule):
    epochs = range(schedule.epochs)
    for g in schedule.groups:
        opened = epochs_of(plan.training_spans(g, schedule.epochs))
        frozen = epochs_of(plan.frozen_spans(g, schedule.epochs))
        assert opened == [epoch for epoch in epochs if plan.trains_in(g, epoch)]
        assert frozen == [epoch for epoch in epochs if not plan.trains_in(g, epoch)]


@given(schedules())
def test_spans_are_joined_where_they_adjoin(schedule: Schedule):
    for g in schedule.groups:
        for spans in (
            plan.training_spans(g, schedule.epochs),
            plan.frozen_spans(g, schedule.epochs),
        ):
            assert all(start < end for start, end in spans)
            assert all(end < following for (_, end), (following, _) in pairwise(spans))


@given(schedules())
def test_phases_partition_the_run_and_say_who_is_open(schedule: Schedule):
    found = plan.phases(schedule)
    assert epochs_of(tuple((p.start, p.end) for p in found)) == list(range(schedule.epochs))
    for phase in found:
        for epoch in range(phase.start, phase.end):
            assert phase.training == plan.training_groups(schedule, epoch)


@given(schedules())
def test_a_phase_ends_only_where_some_group_thaws_or_freezes(schedule: Schedule):
    assert all(one.training != next_.training for one, next_ in pairwise(plan.phases(schedule)))


def test_windows_are_cut_at_the_end_of_the_run():
    late = group((2, 30), (30, None))
    assert plan.training_spans(late, 8) == ((2, 8),)
    assert plan.frozen_spans(late, 8) == ((0, 2),)
    assert plan.training_spans(group((8, None)), 8) == ()


def test_the_exercises_phases_are_its_unfreeze_schedule():
    """{0: [head], 2: [layer4], 4: [layer3], 6: [layer2]}."""
    assert plan.phases(presets.load("exercise")) == (
        Phase(0, 2, ("head",)),
        Phase(2, 4, ("layer4", "head")),
        Phase(4, 6, ("layer3", "layer4", "head")),
        Phase(6, 20, ("layer2", "layer3", "layer4", "head")),
    )
