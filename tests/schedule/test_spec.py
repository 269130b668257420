from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from core import presets
from core.errors import ScheduleError
from core.models.group_names import unique_name
from core.schedule import optimizers, shapes, spec
from core.schedule.document import as_seen
from core.schedule.parse import from_raw, to_raw
from core.schedule.shapes import DECAYS
from core.schedule.spec import Schedule
from tests.schedule.strategies import names, schedules

EXERCISE = presets.load("exercise")


def with_windows(*windows: list[int | None]) -> Schedule:
    raw = to_raw(EXERCISE)
    raw["groups"][0]["trainable"] = list(windows)
    return from_raw(raw)


def test_a_schedule_cannot_be_changed_at_any_depth():
    for part, field in (
        (EXERCISE, "epochs"),
        (EXERCISE.optimizer, "base_lr"),
        (EXERCISE.lr.warmup, "epochs"),
        (EXERCISE.lr.decay, "floor"),
        (EXERCISE.groups[0], "trainable"),
    ):
        with pytest.raises(ValidationError, match="frozen"):
            setattr(part, field, 1)


@given(schedules())
def test_equal_schedules_have_equal_hashes(schedule: Schedule):
    again = from_raw(to_raw(schedule))
    assert (again == schedule, hash(again) == hash(schedule)) == (True, True)


def test_what_is_left_out_takes_the_defaults_of_version_1():
    """Files and links of version 1 leave these out, so they may never change."""
    bare = from_raw(
        {
            "format": "thaw.schedule",
            "version": 1,
            "name": "Bare",
            "model": {"name": "torchvision/resnet18"},
            "epochs": 1,
            "optimizer": {"name": "adam", "base_lr": 0.001},
            "groups": [{"name": "head", "modules": ["fc"]}],
        }
    )
    assert bare.model.weights is None
    assert bare.optimizer.weight_decay == 0.0
    assert to_raw(bare)["lr"] == {
        "group_decay": 1.0,
        "interval": "step",
        "warmup": {"epochs": 0.0, "start_factor": 0.1, "shape": "linear"},
        "decay": {"shape": "cosine", "floor": {"factor": 0.0}},
        "after_unfreeze": "follow",
    }
    assert bare.groups[0] == spec.Group(
        name="head", modules=("fc",), trainable=(), lr_scale=None, when_frozen="eval"
    )


def test_what_optimizers_and_shapes_leave_out_takes_the_defaults_of_version_1():
    assert optimizers.AdamW(name="adamw", base_lr=0.1).weight_decay == 0.01
    sgd = optimizers.SGD(name="sgd", base_lr=0.1)
    assert (sgd.weight_decay, sgd.momentum) == (0.0, 0.9)
    assert shapes.WSD(shape="wsd").cooldown == 0.2
    assert shapes.Polynomial(shape="polynomial").power == 2.0
    steps = shapes.MultiStep(shape="steps")
    assert (steps.milestones, steps.gamma) == ((0.3, 0.6, 0.9), 0.1)
    assert shapes.Linear(shape="linear").floor == shapes.FloorFactor(factor=0.0)


def test_windows_may_adjoin_leave_gaps_and_reach_past_the_run():
    kept = with_windows([0, 2], [2, 5], [9, 30], [30, None]).groups[0].trainable
    assert kept == ((0, 2), (2, 5), (9, 30), (30, None))


@pytest.mark.parametrize(
    ("windows", "wrong"),
    [
        ([[3, 3]], "has the window [3, 3]: end it after it starts"),
        ([[5, 3]], "has the window [5, 3]: end it after it starts"),
        (
            [[0, 4], [3, 6]],
            "has [0, 4] and then a window from 3: "
            "put windows in order, and start each after the one before has ended",
        ),
        (
            [[4, 6], [0, 2]],
            "has [4, 6] and then a window from 0: "
            "put windows in order, and start each after the one before has ended",
        ),
        (
            [[0, None], [7, 9]],
            "has [0, null] and then a window from 7: "
            "put windows in order, and start each after the one before has ended",
        ),
    ],
)
def test_windows_that_are_empty_or_out_of_order_are_refused(windows: list, wrong: str):
    with pytest.raises(ScheduleError) as caught:
        with_windows(*windows)
    assert str(caught.value) == f"groups[0].trainable {wrong}"


def test_two_groups_of_one_name_are_refused():
    raw = to_raw(EXERCISE)
    raw["groups"][3]["name"] = "stem"
    with pytest.raises(ScheduleError) as caught:
        from_raw(raw)
    assert str(caught.value) == "groups has two groups named 'stem': rename one of them"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("caf\u00e9", "cafe\u0301"),
        ("stem", "stem "),
        ("stem", "\u00a0stem"),
        ("the stem", "the  stem"),
        ("stem", "st\u200bem"),
        ("stem", "\ufeffstem"),
        ("\u2744", "\u2744\ufe0f"),
        ("e\u200b\u0301", "\u00e9"),
    ],
)
def test_two_groups_whose_names_look_the_same_are_refused_by_both(one: str, other: str):
    raw = to_raw(EXERCISE)
    raw["groups"][0]["name"], raw["groups"][3]["name"] = one, other
    with pytest.raises(ScheduleError) as caught:
        from_raw(raw)
    both = f"{one!a} and {other!a}"
    assert str(caught.value) == (
        f"groups has groups named {both}, which look the same: rename one of them"
    )
    assert as_seen(one) == as_seen(other)


@given(names)
def test_a_name_looks_like_itself_and_like_what_is_seen_of_it(name: str):
    assert as_seen(as_seen(name)) == as_seen(name) != ""


@given(st.lists(names, max_size=4), names)
@example(["stem ", "stem\u00a02"], "stem")
def test_a_name_that_is_made_unique_looks_like_none_that_is_taken(taken: list[str], name: str):
    assert as_seen(unique_name(name, taken)) not in map(as_seen, taken)


def deep(groups: int, decay: float, own_scales: int = 0) -> Schedule:
    raw = to_raw(EXERCISE)
    raw["lr"]["group_decay"] = decay
    raw["groups"] = [{"name": f"g{i}", "modules": [f"m{i}"]} for i in range(groups)]
    for group in raw["groups"][:own_scales]:
        group["lr_scale"] = 0.5
    return from_raw(raw)


@pytest.mark.parametrize(("decay", "scale"), [(0.1, "1e-101"), (10.0, "1e101")])
def test_a_decay_that_makes_rates_of_nothing_or_infinity_is_refused(decay: float, scale: str):
    assert deep(101, decay).lr.group_decay == decay
    assert deep(512, decay, own_scales=411).lr.group_decay == decay
    with pytest.raises(ScheduleError) as caught:
        deep(102, decay)
    assert str(caught.value) == (
        f"lr.group_decay is {decay:g}, which makes a scale of {scale} 101 groups deep: "
        "bring it closer to 1, or give the deep groups an lr_scale"
    )


def test_a_group_is_found_by_its_name_and_only_by_it():
    assert EXERCISE.group("head").modules == ("fc",)
    with pytest.raises(KeyError):
        EXERCISE.group("fc")


@pytest.mark.parametrize("shape", DECAYS)
def test_an_unknown_field_is_told_in_every_decay_shape(shape: str):
    raw = to_raw(EXERCISE)
    raw["lr"]["decay"] = {"shape": shape, "xyz": 1}
    with pytest.raises(
        ScheduleError, match=r"^lr\.decay\.xyz is not a field here: use one of .*shape"
    ):
        from_raw(raw)
