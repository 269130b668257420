"""Mistakes of the curve and of the groups' peaks: an example of each, with its whole message."""

from __future__ import annotations

import pytest

from core import checks, presets
from core.schedule.shapes import FloorFactor
from core.schedule.spec import Schedule
from tests.checks.small import ALL, RESNET18, body, codes, fixed, found, group, only, schedule, the


def three(per_group: float = 0.1, **lr: object) -> Schedule:
    """Three groups that all train, with peaks 1e-5, 1e-4 and 1e-3 at 0.1 per group."""
    return schedule(
        group("stem", "conv1", "bn1"),
        group("middle", *ALL[2:]),
        group("head"),
        lr={"group_decay": per_group, **lr},
    )


def with_floor(lr: float) -> Schedule:
    return three(decay={"shape": "linear", "floor": {"lr": lr}})


def all_in_one(**fields: object) -> Schedule:
    return schedule(group("all", *ALL, "fc"), **fields)


def test_a_floor_above_the_peak_of_a_group():
    bad = with_floor(5e-5)
    problem = only("rising-lr", bad)
    assert (problem.severity, problem.path) == ("warning", "lr.decay.floor.lr")
    assert problem.groups == ("stem",)
    assert problem.message == (
        "lr.decay.floor.lr is 5e-5, above the peak of stem (1e-5), "
        "so the rate rises up to 5-fold: make the floor a factor of each group's peak"
    )
    assert fixed(problem, bad, "Floor as a factor").lr.decay.floor == FloorFactor(factor=0.05)


def test_a_floor_just_above_a_peak_is_not_called_a_rise_to_one_fold():
    assert the("rising-lr", with_floor(1.2e-5)).message == (
        "lr.decay.floor.lr is 1.2e-5, above the peak of stem (1e-5), "
        "so the rate rises: make the floor a factor of each group's peak"
    )


def test_a_floor_of_just_the_lowest_peak_lets_nothing_rise_and_keeps_that_group_from_falling():
    bad = with_floor(1e-5)
    problem = only("flat-lr", bad)
    assert (problem.severity, problem.path) == ("hint", "lr.decay.floor.lr")
    assert problem.groups == ("stem",)
    assert problem.message == (
        "lr.decay.floor.lr is 1e-5, and stem (1e-5) peaks there, so its rate never falls: "
        "make the floor a factor of each group's peak"
    )
    assert fixed(problem, bad, "Floor as a factor").lr.decay.floor == FloorFactor(factor=0.01)
    assert codes(with_floor(9e-6)) == []


def test_a_flat_rate_is_told_of_groups_that_train_beside_others_that_fall():
    floor = {"decay": {"shape": "linear", "floor": {"lr": 1e-5}}}
    stem, middle = group("stem", "conv1", "bn1"), group("middle", *ALL[2:])
    lr = {"group_decay": 0.1, **floor}
    still = schedule({**stem, "trainable": []}, middle, group("head"), lr=lr)
    assert found("flat-lr", still) == []
    alone = schedule(stem, *({**g, "trainable": []} for g in (middle, group("head"))), lr=lr)
    assert found("flat-lr", alone) == []  # nothing falls that it could be told apart from


def test_an_epoch_of_one_step_is_told_with_the_steps_of_the_whole_run():
    made = three()
    (problem,) = checks.problems(made, RESNET18, 32, 1)
    assert (problem.code, problem.severity, problem.fix) == ("one-step-epochs", "warning", None)
    assert problem.message == (
        "epochs is 4, but each is one batch of up to 32 images, so the run has 4 steps: "
        "use a smaller batch size or more images"
    )
    assert codes(made, 32, 2) == codes(made, 32) == []


@pytest.mark.parametrize("preset", presets.names())
def test_no_preset_has_one_step_or_a_flat_rate_but_the_exercise(preset: str):
    told = {"flat-lr", "one-step-epochs"} & set(codes(presets.load(preset), 32, 32))
    assert told == ({"flat-lr"} if preset == "exercise" else set())


def test_the_exercise_shows_its_faults():
    bad = presets.load("exercise")
    assert codes(bad) == ["rising-lr", "moving-batchnorm", "cold-thaw", "flat-lr", "never-trains"]
    assert the("flat-lr", bad).groups == ("layer2",)
    assert the("rising-lr", bad).message == (
        "lr.decay.floor.lr is 1e-6, above the peak of stem (1e-8) and layer1 (1e-7), "
        "so the rate rises up to 100-fold: make the floor a factor of each group's peak"
    )
    assert the("moving-batchnorm", bad).sentence == (
        "stem, layer1, layer2, layer3 and layer4 are in train mode while frozen, "
        "so the statistics of 20 BatchNorm layers drift"
    )


def test_a_floor_above_every_peak():
    bad = with_floor(0.1)
    problem = only("floor-above-peak", bad)
    assert (problem.severity, problem.path, problem.groups) == ("warning", "lr.decay.floor.lr", ())
    assert problem.message == (
        "lr.decay.floor.lr is 0.1, and even head, the fastest group, peaks at 1e-3, "
        "so rates rise up to 10,000-fold: lower it, say to 0.01 of each group's peak"
    )
    mended = fixed(problem, bad, "Floor at 0.01 of the peak")
    assert mended.lr.decay.floor == FloorFactor(factor=0.01)


def test_a_floor_at_the_peak():
    bad = all_in_one(lr={"decay": {"shape": "cosine", "floor": {"factor": 0.9}}})
    problem = only("floor-above-peak", bad)
    assert problem.path == "lr.decay.floor.factor"
    assert problem.message == (
        "lr.decay.floor.factor is 0.9 of the peak, so no rate falls by more than 10%: "
        "lower it, say to 0.01 of each group's peak, or choose the constant shape"
    )
    fixed(problem, bad, "Floor at 0.01 of the peak")
    assert codes(all_in_one(lr={"decay": {"shape": "cosine", "floor": {"factor": 0.89}}})) == []


def test_groups_a_million_fold_apart():
    bad = three(per_group=0.0009)
    problem = only("wide-spread", bad)
    assert (problem.severity, problem.path) == ("warning", "lr.group_decay")
    assert problem.groups == ("stem",)
    assert problem.message == (
        "stem peaks at 8.1e-10, 1,234,568 times lower than head (1e-3), so it hardly moves: "
        "bring the decay per group closer to 1, or freeze the group"
    )
    assert fixed(problem, bad, "Decay per group 0.01").lr.group_decay == 0.01
    assert codes(three(per_group=0.001)) == []


def test_a_scale_of_its_own_that_is_a_million_fold_apart():
    bad = schedule(body([[2, None]], lr_scale=5e-7), group("head"))
    problem = only("wide-spread", bad)
    assert problem.path == "groups[0].lr_scale"
    mended = fixed(problem, bad, "Decay per group 0.0001, no LR scales")
    assert mended.group("body").lr_scale is None


def test_a_group_that_never_trains_or_is_lifted_by_the_floor_spreads_nothing():
    frozen = schedule(body([], lr_scale=5e-7), group("head"))
    assert found("wide-spread", frozen) == []
    lifted = three(per_group=0.0009, decay={"shape": "linear", "floor": {"lr": 1e-8}})
    assert codes(lifted) == ["rising-lr"]


def test_few_epochs_stepped_by_epoch():
    bad = schedule(lr={"interval": "epoch"})
    problem = only("coarse-steps", bad)
    assert (problem.severity, problem.path, problem.groups) == ("hint", "lr.interval", ())
    assert problem.message == (
        "lr.interval is 'epoch' in a run of 4 epochs, so the curve has 4 steps: "
        "change the rate at every step"
    )
    assert fixed(problem, bad, "LR steps by step").lr.interval == "step"
    assert codes(schedule(epochs=5, lr={"interval": "epoch"})) == []


def test_steps_are_not_made_finer_where_that_adds_a_warning():
    bad = schedule(body([[3, None]]), group("head"), lr={"interval": "epoch"})
    finer = schedule(body([[3, None]]), group("head"), lr={"interval": "step"})
    assert found("late-thaw", bad) == []
    assert len(found("late-thaw", finer)) == 1
    assert the("coarse-steps", bad).fix is None


def test_a_constant_rate_has_no_steps_to_be_coarse():
    lr = {"interval": "epoch", "decay": {"shape": "constant"}}
    assert codes(all_in_one(lr=lr)) == []
