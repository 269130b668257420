"""Mistakes about the optimizer's numbers: an example of each, with its whole message."""

from __future__ import annotations

import pytest

from core.schedule.spec import Schedule
from core.schedule.words import rate
from tests.checks.small import body, codes, fixed, found, group, only, schedule, the


def rated(name: str, base_lr: float) -> Schedule:
    return schedule(optimizer={"name": name, "base_lr": base_lr, "weight_decay": 0.0})


def test_a_rate_far_above_the_usual_ones():
    bad = rated("adam", 0.02)
    problem = only("unusual-lr", bad)
    assert (problem.severity, problem.path) == ("warning", "optimizer.base_lr")
    assert problem.groups == ("head",)
    assert problem.message == (
        "optimizer.base_lr is 0.02, so head peaks at 0.02, "
        "above the usual 1e-6 to 0.01 of Adam: set it to 0.01"
    )
    assert fixed(problem, bad, "Base LR 0.01").optimizer.base_lr == 0.01


@pytest.mark.parametrize(
    ("name", "low", "high"), [("adam", 1e-6, 1e-2), ("adamw", 1e-6, 1e-2), ("sgd", 1e-4, 1.0)]
)
def test_the_ends_of_the_usual_range_are_usual_and_beyond_them_the_fix_is_the_end(
    name: str, low: float, high: float
):
    for end, beyond in [(low, 0.9), (high, 1.1)]:
        assert codes(rated(name, end)) == []
        bad = rated(name, end * beyond)
        mended = fixed(only("unusual-lr", bad), bad, f"Base LR {rate(end)}")
        assert mended.optimizer.base_lr == end


def test_the_fastest_groups_own_scale_counts():
    bad = schedule(body([[2, None]]), group("head", lr_scale=20.0))
    assert fixed(only("unusual-lr", bad), bad, "Base LR 5e-4").optimizer.base_lr == 0.0005


def test_a_scale_that_no_base_rate_goes_with_gets_no_fix():
    groups = [group(f"g{at}", f"m{at}") for at in range(40)]
    bad = schedule(*groups, lr={"group_decay": 2.0})
    problem = the("unusual-lr", bad)
    assert problem.fix is None
    assert problem.way_out == "bring the scale of g0 closer to 1"


def test_a_weight_decay_that_undoes_pretraining():
    bad = schedule(optimizer={"weight_decay": 0.02})
    problem = only("heavy-decay", bad)
    assert (problem.severity, problem.path) == ("warning", "optimizer.weight_decay")
    assert problem.message == (
        "optimizer.weight_decay is 0.02, above 0.01, the highest usual value for Adam: lower it"
    )
    assert fixed(problem, bad, "Weight decay 0.01").optimizer.weight_decay == 0.01
    assert codes(schedule(optimizer={"weight_decay": 0.01})) == []


def test_adamws_decay_on_norms_and_biases():
    bad = schedule(optimizer={"name": "adamw"})
    problem = only("decay-on-norms", bad)
    assert (problem.severity, problem.path) == ("hint", "optimizer.weight_decay")
    assert problem.fix is None
    assert problem.message == (
        "optimizer.weight_decay is 0.01, and AdamW also applies it to 10,600 parameters of norm "
        "layers and biases, 0.091% of what trains: "
        "keep it if it is small, or set it to 0: a schedule has one decay for all groups"
    )
    assert codes(schedule(optimizer={"name": "adamw", "weight_decay": 0.0})) == []
    assert codes(schedule(optimizer={"name": "adam", "weight_decay": 0.01})) == []


def broken(**optimizer: object) -> Schedule:
    """Two groups that freeze and thaw again, one of them with a window after the run."""
    return schedule(
        group("early", "conv1", "bn1", "layer1", trains=[(0, 1), (2, 3), (4, 6)]),
        group("late", "layer2", "layer3", "layer4", trains=[(0, 2), (2, 5), (9, None)]),
        group("head", trains=[(0, 3), (4, None)]),
        epochs=6,
        optimizer=optimizer,
    )


def test_a_group_that_thaws_again_goes_on_with_the_moments_of_before():
    bad = broken()
    problem = the("kept-moments", bad)
    assert (problem.severity, problem.path) == ("hint", "groups[2].trainable")
    assert problem.groups == ("head", "early")
    assert problem.message == (
        "head and early freeze and thaw again, and the first steps after that follow the moments "
        "that Adam has kept from before: train without a break, or in a loop of your own clear the "
        "optimizer's state of those parameters at the thaw"
    )
    assert problem.fix.label == "Train without a break"
    mended = problem.fix.schedule
    assert [g.trainable for g in mended.groups] == [
        ((0, 6),),
        ((0, 2), (2, 5), (9, None)),
        ((0, None),),
    ]
    assert "kept-moments" not in codes(mended)


def test_sgd_without_momentum_remembers_nothing():
    told = the("kept-moments", broken(name="sgd", base_lr=0.01)).message
    assert "follow the momentum that SGD has kept" in told
    assert found("kept-moments", broken(name="sgd", base_lr=0.01, momentum=0.0)) == []
