"""What a hand drew, on a schedule that has changed since the drag began."""

from __future__ import annotations

import random

import pytest

from core.errors import InputError, ScheduleError
from core.schedule import edits
from core.schedule.document import Window
from pages.components.design.timeline.events import (
    FieldsEvent,
    GroupFields,
    GroupsEvent,
    View,
)
from pages.components.design.timeline.merge import merged_windows, with_fields, with_groups
from tests.components.design.timeline.bench import group, schedule, some_windows

Windows = tuple[Window, ...]


def drawn(**groups: tuple[Windows, Windows]) -> GroupsEvent:
    """An edit of groups, each from its windows before to those after."""
    before, after = (
        {name: GroupFields(trainable=windows[at]) for name, windows in groups.items()}
        for at in range(2)
    )
    return GroupsEvent(kind="groups", seq=1, view=View(), before=before, after=after)


def changed(path: str, value: float | str) -> FieldsEvent:
    """An edit of one field of the shared curve."""
    return FieldsEvent(kind="fields", seq=1, view=View(), fields={path: value})


def test_groups_that_the_hand_left_alone_stay_as_they_are_by_now() -> None:
    now = edits.set_windows(schedule(), {"layer3": [(5, None)]})
    made = with_groups(now, drawn(layer4=(((2, None),), ((3, None),))))
    assert made == edits.set_windows(now, {"layer4": [(3, None)]})


def test_an_edge_that_the_hand_left_alone_stays_as_it_is_by_now() -> None:
    now = edits.set_windows(schedule(), {"layer3": [(5, None)]})
    made = with_groups(now, drawn(layer3=(((4, None),), ((4, 7),))))
    assert made.group("layer3").trainable == ((5, 7),)


def test_the_edge_in_hand_wins_over_what_it_became() -> None:
    assert merged_windows(((4, None),), ((6, None),), ((5, None),)) == ((6, None),)


def test_windows_that_nobody_else_has_changed_become_what_was_drawn() -> None:
    dice = random.Random(7)
    for _ in range(200):
        before, after = (group(some_windows(dice, 9)).trainable for _ in range(2))
        assert merged_windows(before, after, before) == after
        if len(before) == len(after):
            assert merged_windows(before, before, after) == after
            assert merged_windows(before, after, after) == after


@pytest.mark.parametrize(
    ("before", "after", "now"),
    [
        (((3, 4), (5, 6)), ((3, 4),), ((3, None),)),
        (((3, None),), ((3, 4), (5, None)), ((2, 3), (4, None))),
        (((3, None),), (), ((3, 4), (5, None))),
    ],
)
def test_windows_that_were_added_or_taken_away_meanwhile_are_not_guessed(
    before: Windows, after: Windows, now: Windows
) -> None:
    given = edits.set_windows(schedule(), {"layer3": now})
    with pytest.raises(InputError, match=r"^layer3 has other windows now: it was changed at"):
        with_groups(given, drawn(layer3=(before, after)))


def test_a_group_that_is_gone_is_named() -> None:
    with pytest.raises(InputError, match=r"^block9 is no longer a group: "):
        with_groups(schedule(), drawn(block9=((), ((1, None),))))


def test_edges_that_no_longer_fit_together_are_refused() -> None:
    now = edits.set_windows(schedule(), {"layer3": [(6, 8)]})
    with pytest.raises(ScheduleError):
        with_groups(now, drawn(layer3=(((2, 8),), ((2, 4),))))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("lr.warmup.epochs", 2.5),
        ("lr.warmup.epochs", 0.0),
        ("lr.warmup.start_factor", 0.5),
        ("lr.decay.floor.factor", 0.0),
        ("lr.after_unfreeze", "restart"),
    ],
)
def test_an_edit_of_the_curve_changes_that_and_nothing_else(path: str, value: float | str) -> None:
    given = schedule()
    assert with_fields(given, changed(path, value)) == edits.set_field(given, path, value) != given


def test_each_kind_of_floor_and_the_cooldown_are_changed_where_the_curve_has_them() -> None:
    absolute = schedule(decay={"shape": "cosine", "floor": {"lr": 1e-6}})
    made = with_fields(absolute, changed("lr.decay.floor.lr", 2e-6))
    assert made.lr.decay.model_dump()["floor"] == {"lr": 2e-6}
    wsd = edits.set_shape(absolute, "wsd")
    longer = with_fields(wsd, changed("lr.decay.cooldown", 0.5))
    assert longer.lr.decay.model_dump()["cooldown"] == 0.5
    for given, path in (
        (absolute, "lr.decay.floor.factor"),
        (schedule(), "lr.decay.floor.lr"),
        (schedule(decay={"shape": "constant"}), "lr.decay.floor.factor"),
        (schedule(), "lr.decay.cooldown"),
        (schedule(), "optimizer.base_lr"),
    ):
        with pytest.raises(InputError, match=r"is no longer part of the curve: it was changed"):
            with_fields(given, changed(path, 0.1))


def test_own_rates_are_set_beside_windows() -> None:
    fields = GroupFields(trainable=((3, None),), lr_scale=0.2)
    before = GroupFields(trainable=((2, None),), lr_scale=0.5)
    event = GroupsEvent(
        kind="groups", seq=1, view=View(), after={"layer4": fields}, before={"layer4": before}
    )
    group = with_groups(schedule(), event).group("layer4")
    assert (group.trainable, group.lr_scale) == (((3, None),), 0.2)
