"""Mistakes of warmup: an example of each, with its whole message."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from core.schedule import curves
from core.schedule.plan import trains_in
from core.schedule.spec import Schedule
from tests.checks.small import ALL, RESNET18, body, codes, fixed, found, group, only, schedule, the
from tests.schedule.strategies import schedules


def warming(epochs: float, **fields: object) -> dict[str, object]:
    return {"warmup": {"epochs": epochs}, **fields}


def test_a_warmup_that_outlasts_the_run():
    bad = schedule(lr=warming(5))
    problem = only("long-warmup", bad)
    assert (problem.severity, problem.path, problem.groups) == ("warning", "lr.warmup.epochs", ())
    assert problem.message == (
        "lr.warmup.epochs is 5, but the run has 4 epochs: "
        "shorten the warmup to at most 3, or run 6 epochs or more"
    )
    assert fixed(problem, bad, "Shorten the warmup to 3 epochs").lr.warmup.epochs == 3.0
    assert codes(schedule(lr=warming(3.9))) == []


def test_a_warmup_of_the_whole_run():
    assert the("long-warmup", schedule(lr=warming(4))).message == (
        "lr.warmup.epochs is 4, but the run has 4 epochs: "
        "shorten the warmup to at most 3, or run 5 epochs or more"
    )


def test_a_warmup_in_a_run_of_one_epoch():
    bad = schedule(group("all", *ALL, "fc"), epochs=1, lr=warming(1.5))
    problem = only("long-warmup", bad)
    assert problem.message == (
        "lr.warmup.epochs is 1.5, but the run has 1 epoch: "
        "shorten the warmup to at most 0.5, or run 2 epochs or more"
    )
    assert fixed(problem, bad, "Shorten the warmup to 0.5 epochs").lr.warmup.epochs == 0.5


def restarting(thaw: int) -> Schedule:
    lr = warming(2, after_unfreeze="restart")
    return schedule(body([[thaw, None]]), group("head"), epochs=8, lr=lr)


def test_a_warmup_that_outlasts_what_is_left_for_a_group_that_restarts():
    problem = only("long-warmup", restarting(6))
    assert (problem.severity, problem.groups) == ("warning", ("body",))
    assert problem.message == (
        "lr.warmup.epochs is 2, but body restarts with 2 epochs left: "
        "shorten the warmup to at most 1, or thaw body earlier"
    )
    mended = fixed(problem, restarting(6), "Shorten the warmup to 1 epoch")
    assert mended.lr.warmup.epochs == 1.0
    assert codes(restarting(5)) == []


def test_a_warmup_that_is_shortened_is_still_one_and_the_one_that_is_added_fits():
    groups = [body([[0, 3]]), group("head", trains=[[3, None]])]
    bad = schedule(*groups, lr=warming(1, after_unfreeze="restart"))
    fixed(the("long-warmup", bad), bad, "Shorten the warmup to 0.5 epochs")
    bad = schedule(*groups, lr=warming(0, after_unfreeze="restart"))
    fixed(the("no-warmup", bad), bad, "Warmup of 0.5 epochs")


def test_a_group_that_never_thaws_cannot_restart_too_late():
    assert found("long-warmup", restarting(8)) == []


def test_a_warmup_by_epochs_from_zero_loses_an_epoch():
    from_zero = {"warmup": {"epochs": 2, "start_factor": 0}, "interval": "epoch"}
    bad = schedule(body([[1, None]]), group("head"), epochs=8, lr=from_zero)
    problem = only("zero-epoch", bad)
    assert (problem.path, problem.groups) == ("lr.warmup.start_factor", ("head",))
    assert problem.message == (
        "lr.warmup.start_factor is 0 and the rate changes between epochs only, so head trains for "
        "a whole epoch at rate 0: start the warmup above 0, or change the rate at every step"
    )
    assert fixed(problem, bad, "Start the warmup at 10%").lr.warmup.start_factor == 0.1
    by_steps = schedule(
        body([[1, None]]), group("head"), epochs=8, lr=from_zero | {"interval": "step"}
    )
    assert codes(by_steps) == []
    restarted = schedule(
        body([[3, None]]), group("head"), epochs=8, lr=from_zero | {"after_unfreeze": "restart"}
    )
    assert only("zero-epoch", restarted).groups == ("head", "body")


@given(schedules())
def test_an_epoch_is_lost_exactly_where_a_group_that_trains_has_rate_zero_in_all_of_it(
    any_schedule: Schedule,
):
    steps = np.arange(any_schedule.epochs * 2)
    rates = curves.rates_of_steps(any_schedule, steps, 2).reshape(len(any_schedule.groups), -1, 2)
    lost = {
        g.name
        for g, epochs in zip(any_schedule.groups, rates, strict=True)
        for epoch, pair in enumerate(epochs)
        if trains_in(g, epoch) and not pair.any()
    }
    told = {name for p in found("zero-epoch", any_schedule) for name in p.groups}
    assert told == lost


def test_a_thaw_at_the_full_rate():
    bad = schedule(body([[1, None]]), group("head"))
    problem = only("cold-thaw", bad)
    assert (problem.severity, problem.path) == ("hint", "groups[0].trainable[0]")
    assert problem.groups == ("body",)
    assert problem.message == (
        "body thaws at 85% of its peak rate, with no warmup of its own: "
        "restart the curve when a group thaws"
    )
    mended = fixed(problem, bad, "Restart the curve, warmup of 1 epoch")
    assert mended.lr.after_unfreeze == "restart"
    assert mended.lr.warmup.epochs == 1.0
    assert codes(schedule(body([[2, None]]), group("head"))) == []


def test_several_thaws_at_the_full_rate_are_one_problem_and_the_head_most_is_named_first():
    bad = schedule(
        group("stem", "conv1", "bn1", trains=[[5, None]]),
        group("middle", "layer1", "layer2", trains=[[3, None]]),
        group("late", "layer3", "layer4", trains=[[2, None]]),
        group("head"),
        epochs=10,
        lr=warming(1),
    )
    problem = only("cold-thaw", bad)
    assert problem.groups == ("late", "middle")
    assert problem.sentence == (
        "late and middle thaw at 97% and 88% of their peak rates, with no warmup of their own"
    )
    assert fixed(problem, bad, "Restart the curve").lr.after_unfreeze == "restart"


def test_many_shares_of_the_peak_are_told_as_a_range():
    bad = schedule(
        group("stem", "conv1", "bn1", trains=[[5, None]]),
        group("middle", "layer1", "layer2", trains=[[3, None]]),
        group("next", "layer3", trains=[[2, None]]),
        group("late", "layer4", trains=[[2, None]]),
        group("head"),
        epochs=10,
        lr=warming(1),
    )
    assert " thaw at 88% to 97% of their peak rates, " in only("cold-thaw", bad).sentence


@pytest.mark.parametrize("restart", [False, True])
def test_a_warmup_that_begins_at_the_full_rate_is_none_and_its_fix_begins_lower(restart: bool):
    flat: dict[str, object] = {"warmup": {"epochs": 0.5, "start_factor": 0.8}}
    lr = flat | ({"after_unfreeze": "restart"} if restart else {})
    bad = schedule(body([[1, None]]), group("head"), lr=lr)
    mended = fixed(only("cold-thaw", bad), bad, "Restart the curve, warmup of 0.5 epochs")
    assert mended.lr.after_unfreeze == "restart"
    assert (mended.lr.warmup.epochs, mended.lr.warmup.start_factor) == (0.5, 0.1)


def test_a_thaw_during_the_warmup_is_not_cold():
    assert codes(schedule(body([[1, None]]), group("head"), lr=warming(1.1))) == []


@pytest.mark.parametrize(
    ("thaw", "warmup", "label"),
    [
        (3, 0, "Restart the curve, warmup of 0.5 epochs"),
        (3, 2, "Restart the curve, warmup of 0.5 epochs"),
        (2, 1, "Restart the curve"),
    ],
)
def test_the_warmup_of_a_restart_fits_into_what_is_left(thaw: int, warmup: float, label: str):
    lr = warming(warmup, decay={"shape": "constant"})
    bad = schedule(body([[thaw, None]]), group("head"), lr=lr)
    fixed(only("cold-thaw", bad), bad, label)


def test_a_warmup_that_is_over_before_anything_pretrained_thaws():
    bad = schedule(body([[5, None]]), group("head"), epochs=8, lr=warming(1))
    problem = only("early-warmup", bad)
    assert (problem.severity, problem.path) == ("hint", "lr.warmup.epochs")
    assert problem.groups == ("body",)
    assert problem.message == (
        "lr.warmup.epochs is 1, but no group except head trains before epoch 5, when body thaws: "
        "restart the curve when a group thaws"
    )
    assert fixed(problem, bad, "Restart the curve").lr.after_unfreeze == "restart"
    assert codes(schedule(body([[5, None]]), group("head"), epochs=8, lr=warming(5.5))) == []


def test_pretrained_layers_that_begin_at_a_high_rate_without_warmup():
    bad = schedule(body(), group("head"))
    problem = only("no-warmup", bad)
    assert (problem.severity, problem.path) == ("hint", "lr.warmup.epochs")
    assert problem.groups == ("body",)
    assert problem.message == (
        "lr.warmup.epochs is 0, while body begins at its full rate, 1e-3: give Adam a warmup"
    )
    assert fixed(problem, bad, "Warmup of 1 epoch").lr.warmup.epochs == 1.0


def test_without_any_warmup_the_fix_gives_one_to_what_thaws_later_too():
    bad = schedule(
        group("early", *ALL[:4], trains=[[1, None]]),
        group("late", "layer3", "layer4"),
        group("head"),
    )
    assert codes(bad) == ["no-warmup"]
    fixed(the("no-warmup", bad), bad, "Restart the curve, warmup of 1 epoch")


@pytest.mark.parametrize(
    "gentle",
    [
        {"lr": {"group_decay": 0.99}},
        {"lr": warming(0.1)},
        {"optimizer": {"name": "sgd"}},
        {"model": {"name": RESNET18.model}},
    ],
    ids=["a smaller rate", "a warmup", "SGD", "nothing pretrained"],
)
def test_a_gentle_start_needs_no_warmup(gentle: dict[str, object]):
    assert codes(schedule(body(), group("head"), **gentle)) == []
