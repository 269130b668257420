from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import presets
from core.errors import ScheduleError
from core.models import layer_table
from core.models.layer_table import Grouping, LayerGroup, LayerTable
from core.schedule import curves, edits, plan
from core.schedule.parse import dumps, from_raw, parse, to_raw
from core.schedule.shapes import FloorFactor, FloorLR
from core.schedule.spec import Schedule
from tests.schedule.strategies import decays, schedules, windows

EXERCISE = presets.load("exercise")
GRADUAL = presets.load("gradual")


def raw_with(schedule: Schedule, path: list[Any], value: Any) -> dict[str, Any]:
    raw: Any = to_raw(schedule)
    *parents, last = path
    part = raw
    for key in parents:
        part = part[key]
    part[last] = value
    return raw


def valid(schedule: Schedule) -> bool:
    return parse(dumps(schedule)) == schedule


def table(*names: str, weights: tuple[str, ...] = ("OLD", "NEW")) -> LayerTable:
    groups = tuple(LayerGroup(name=n, modules=(n, f"{n}_bn"), parameters=1) for n in names)
    return LayerTable(
        model="my/net",
        parameters=1,
        weights=weights,
        groupings=(Grouping(name="parts", groups=groups),),
        default="parts",
        heads=(),
        layers=(),
    )


def test_set_field_changes_that_field_and_no_other():
    changed = edits.set_field(EXERCISE, "lr.warmup.epochs", 2)
    assert changed.lr.warmup.epochs == 2.0
    assert to_raw(changed) == raw_with(EXERCISE, ["lr", "warmup", "epochs"], 2.0)
    assert EXERCISE.lr.warmup.epochs == 3.0


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("epochs", 0, "epochs is 0: it must be at least 1"),
        ("lr.warmup.epochs", -1, "lr.warmup.epochs is -1: it must be at least 0"),
        (
            "lr.warmup.epoch",
            1,
            "lr.warmup.epoch is not a field here: did you mean 'epochs'?",
        ),
        ("name", "", "name is empty: write at least one character"),
        (
            "lr.decay.cooldown",
            0.1,
            "lr.decay.cooldown is not a field of cosine: remove it, or use wsd",
        ),
        ("optimizer.base_lr", float("nan"), "optimizer.base_lr is NaN: write a finite number"),
    ],
)
def test_set_field_refuses_what_the_door_refuses(path: str, value: Any, message: str):
    with pytest.raises(ScheduleError) as caught:
        edits.set_field(EXERCISE, path, value)
    assert str(caught.value) == message


def test_set_field_does_not_make_parents_up():
    with pytest.raises(KeyError):
        edits.set_field(EXERCISE, "lr.cooldown.epochs", 2)


def test_set_optimizer_keeps_the_base_rate_and_takes_defaults_for_the_rest():
    changed = edits.set_optimizer(EXERCISE, "sgd")
    assert changed.optimizer.model_dump() == {
        "name": "sgd",
        "base_lr": 0.001,
        "weight_decay": 0.0,
        "momentum": 0.9,
    }


def test_choosing_the_optimizer_and_shape_again_changes_nothing():
    tuned = edits.set_field(edits.set_optimizer(EXERCISE, "sgd"), "optimizer.momentum", 0.5)
    tuned = edits.set_field(edits.set_shape(tuned, "wsd"), "lr.decay.cooldown", 0.5)
    assert edits.set_optimizer(tuned, "sgd") == tuned
    assert edits.set_shape(tuned, "wsd") == tuned


def test_set_shape_keeps_the_floor_if_both_shapes_have_one():
    changed = edits.set_shape(EXERCISE, "wsd")
    assert changed.lr.decay.model_dump() == {"shape": "wsd", "cooldown": 0.2, "floor": {"lr": 1e-6}}


def test_set_shape_drops_the_floor_under_constant_and_starts_without_one_after_it():
    flat = edits.set_shape(EXERCISE, "constant")
    assert flat.lr.decay.model_dump() == {"shape": "constant"}
    assert edits.set_shape(flat, "linear").lr.decay.model_dump() == {
        "shape": "linear",
        "floor": {"factor": 0.0},
    }


def test_set_shape_names_the_nearest_shape():
    with pytest.raises(ScheduleError) as caught:
        edits.set_shape(EXERCISE, "cosin")
    assert str(caught.value) == "lr.decay.shape is 'cosin': did you mean 'cosine'?"


def test_set_windows_changes_the_named_groups_only():
    changed = edits.set_windows(EXERCISE, {"stem": [(5, None)], "layer4": []})
    assert [group.trainable for group in changed.groups] == [
        ((5, None),),
        (),
        ((6, None),),
        ((4, None),),
        (),
        ((0, None),),
    ]


def test_set_windows_refuses_windows_that_overlap():
    with pytest.raises(ScheduleError) as caught:
        edits.set_windows(EXERCISE, {"layer1": [(0, 3), (2, 5)]})
    assert str(caught.value) == (
        "groups[1].trainable has [0, 3] and then a window from 2: "
        "put windows in order, and start each after the one before has ended"
    )


def test_set_window_moves_one_window():
    two = edits.set_windows(EXERCISE, {"stem": [(1, 3), (5, None)]})
    moved = edits.set_window(two, "stem", 0, 2, 4)
    assert moved.group("stem").trainable == ((2, 4), (5, None))


def test_set_window_adds_one_behind_the_last():
    added = edits.set_window(EXERCISE, "stem", 0, 3, None)
    assert added.group("stem").trainable == ((3, None),)


def test_set_window_removes_a_window_that_would_start_when_the_run_is_over():
    assert edits.set_window(EXERCISE, "layer4", 0, 19, None).group("layer4").trainable != ()
    assert edits.set_window(EXERCISE, "layer4", 0, 20, None).group("layer4").trainable == ()


@pytest.mark.parametrize("index", [-1, 2, 7])
def test_set_window_knows_no_window_before_the_first_or_far_behind_the_last(index: int):
    with pytest.raises(IndexError):
        edits.set_window(EXERCISE, "layer4", index, 30, None)


def test_set_group_changes_fields_of_one_group_and_none_removes_a_scale():
    scaled = edits.set_group(EXERCISE, "layer4", lr_scale=0.5, when_frozen="eval")
    assert (scaled.group("layer4").lr_scale, scaled.group("layer4").when_frozen) == (0.5, "eval")
    unscaled = edits.set_group(scaled, "layer4", lr_scale=None)
    assert unscaled == edits.set_group(EXERCISE, "layer4", when_frozen="eval")


@pytest.mark.parametrize(
    "verb",
    [
        lambda s: edits.set_windows(s, {"layer9": []}),
        lambda s: edits.set_window(s, "layer9", 0, 1, None),
        lambda s: edits.set_group(s, "layer9", lr_scale=0.5),
    ],
)
def test_a_group_that_is_not_there_is_a_key_error_and_not_ignored(verb):
    with pytest.raises(KeyError, match="layer9"):
        verb(EXERCISE)


def test_use_model_matches_groups_by_their_distance_from_the_head():
    changed = edits.use_model(EXERCISE, table("body", "neck", "head"))
    assert (changed.model.name, changed.model.weights) == ("my/net", "OLD")
    assert [(g.name, g.modules, g.trainable) for g in changed.groups] == [
        ("body", ("body", "body_bn"), ((4, None),)),
        ("neck", ("neck", "neck_bn"), ((2, None),)),
        ("head", ("head", "head_bn"), ((0, None),)),
    ]
    assert {group.when_frozen for group in changed.groups} == {"train"}


def test_use_model_gives_what_lies_deeper_the_deepest_groups_windows_but_not_its_scale():
    short = edits.use_model(EXERCISE, table("body", "head"))
    short = edits.set_group(short, "body", lr_scale=0.3)
    deep = edits.use_model(short, table("a", "b", "body", "head"))
    assert [(g.trainable, g.lr_scale) for g in deep.groups] == [
        (((2, None),), None),
        (((2, None),), None),
        (((2, None),), 0.3),
        (((0, None),), None),
    ]


def test_use_model_starts_a_model_without_weights_at_random():
    assert edits.use_model(EXERCISE, table("head", weights=())).model.weights is None


def test_an_absolute_floor_becomes_the_fastest_groups_share():
    assert edits.to_relative_floor(EXERCISE).lr.decay.floor == FloorFactor(factor=0.001)
    high = edits.set_field(EXERCISE, "lr.decay.floor", {"lr": 5.0})
    assert edits.to_relative_floor(high).lr.decay.floor == FloorFactor(factor=1.0)


@given(schedules())
def test_a_relative_floor_keeps_the_fastest_groups_last_rate_to_six_digits(schedule: Schedule):
    floored = edits.set_field(schedule, "lr.decay", {"shape": "linear", "floor": {"lr": 1e-6}})
    fastest = max(floored.groups, key=lambda group: curves.peak(floored, group))
    if curves.peak(floored, fastest) >= 1e-6:
        floor = edits.to_relative_floor(floored).lr.decay.floor
        assert floor.factor * curves.peak(floored, fastest) == pytest.approx(1e-6, rel=1e-5)


def test_a_floor_by_the_peak_becomes_the_rate_at_which_the_fastest_group_ends():
    relative = edits.set_field(EXERCISE, "lr.decay.floor", {"factor": 0.001})
    assert edits.to_absolute_floor(relative).lr.decay.floor == FloorLR(lr=1e-6)
    constant = edits.set_shape(EXERCISE, "constant")
    assert edits.to_absolute_floor(constant) == edits.to_relative_floor(constant) == constant


@given(schedules())
def test_the_kind_of_floor_changes_the_fastest_groups_curve_by_six_digits_at_most(
    schedule: Schedule,
):
    fastest = max(schedule.groups, key=lambda group: curves.peak(schedule, group))
    peak = curves.peak(schedule, fastest)
    t = [0.0, 0.3 * schedule.epochs, schedule.epochs]
    for verb in (edits.to_absolute_floor, edits.to_relative_floor):
        changed = verb(schedule)
        floor = schedule.lr.decay.floor
        if isinstance(floor, FloorLR) and floor.lr > peak:
            continue  # no share of the peak is above it
        if isinstance(floor, FloorFactor) and floor.factor * peak > 1e3:
            continue  # no rate may be as high
        assert curves.lr(changed, fastest, t) == pytest.approx(
            curves.lr(schedule, fastest, t), rel=1e-5, abs=peak * 1e-12
        )


@given(schedules())
def test_there_and_back_is_the_same_floor_to_six_digits(schedule: Schedule):
    floor = schedule.lr.decay.floor
    highest = max(curves.peak(schedule, group) for group in schedule.groups)
    if isinstance(floor, FloorFactor) and floor.factor * highest <= 1e3:
        back = edits.to_relative_floor(edits.to_absolute_floor(schedule)).lr.decay.floor
        assert back.factor == pytest.approx(floor.factor, rel=2e-5, abs=1e-300)


@given(schedules(), st.data())
def test_every_verb_gives_a_schedule_that_parses(schedule: Schedule, data: st.DataObject):
    group = data.draw(st.sampled_from(schedule.groups))
    spans = data.draw(windows(schedule.epochs))
    decay = data.draw(decays)
    changed = [
        edits.set_optimizer(schedule, data.draw(st.sampled_from(["adam", "adamw", "sgd"]))),
        edits.set_shape(schedule, decay["shape"]),
        edits.set_field(schedule, "lr.decay", decay),
        edits.set_windows(schedule, {group.name: spans}),
        edits.set_window(schedule, group.name, len(group.trainable), schedule.epochs, None),
        edits.set_group(schedule, group.name, when_frozen="train", lr_scale=0.25),
        edits.use_model(schedule, layer_table.load("torchvision/resnet18")),
    ]
    assert all(valid(each) for each in changed)
    assert changed[3].group(group.name).trainable == tuple((a, b) for a, b in spans)
    if isinstance(schedule.lr.decay.floor, FloorLR):
        assert valid(edits.to_relative_floor(schedule))
    assert valid(edits.to_absolute_floor(schedule))


@given(schedules(), st.integers(-2, 5), st.integers(-2, 20), st.none() | st.integers(-2, 20))
def test_a_drag_to_anywhere_gives_a_valid_schedule_or_is_refused(
    schedule: Schedule, index: int, start: int, end: int | None
):
    name = schedule.groups[0].name
    try:
        moved = edits.set_window(schedule, name, index, start, end)
    except (ScheduleError, IndexError):
        return
    assert valid(moved)
    assert from_raw(to_raw(moved)).groups[1:] == schedule.groups[1:]


def test_a_verb_that_is_refused_leaves_the_schedule_as_it_was():
    before = dumps(GRADUAL)
    with pytest.raises(ScheduleError):
        edits.set_window(GRADUAL, "stage2", 0, 5, 2)
    assert dumps(GRADUAL) == before


@given(schedule=schedules(), data=st.data())
def test_a_shortened_run_keeps_its_shares_and_leaves_no_epoch_idle(schedule, data):
    epochs = data.draw(st.integers(1, schedule.epochs))
    short = edits.set_length(schedule, epochs)
    assert valid(short)
    assert short.epochs == epochs
    assert short.lr.warmup.epochs / epochs == pytest.approx(
        schedule.lr.warmup.epochs / schedule.epochs
    )
    if all(plan.training_groups(schedule, e) for e in range(schedule.epochs)):
        assert all(plan.training_groups(short, e) for e in range(epochs))


def test_a_run_of_a_hundred_epochs_in_five():
    long = edits.set_windows(
        edits.set_field(GRADUAL, "epochs", 100),
        {"stem": [[0, 1], [50, 60]], "stage4": [[40, None]]},
    )
    short = edits.set_length(long, 5)
    assert short.group("stem").trainable == ((0, 1), (2, 3))
    assert short.group("stage4").trainable == ((2, None),)
    assert edits.set_length(short, 5) is short
