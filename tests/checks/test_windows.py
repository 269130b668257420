"""Mistakes of windows: an example of each, with its whole message."""

from __future__ import annotations

from core import checks, presets
from core.demo import limits
from core.models import layer_table
from tests.checks.small import ALL, RESNET18, body, codes, fixed, found, group, only, schedule, the
from tests.components.design.timeline.bench import schedule as pictured


def test_an_epoch_in_which_nothing_trains():
    bad = schedule(body([[3, None]]), group("head", trains=[[0, 2]]))
    problem = the("idle-epochs", bad)
    assert (problem.severity, problem.path, problem.groups) == ("error", "groups", ("head",))
    assert problem.message == (
        "groups are all frozen in epoch 2: let one train there, usually the last (head)"
    )
    assert problem.fix is not None
    mended = problem.fix.schedule
    assert problem.fix.label == "Train head in every epoch"
    assert mended.group("head").trainable == ((0, None),)
    assert found("idle-epochs", mended) == []
    assert found("idle-epochs", schedule(body([[2, None]]), group("head", trains=[[0, 2]]))) == []


def test_many_epochs_in_which_nothing_trains():
    trains = [[1, 2], [4, 5], [6, 7]]
    bad = schedule(group("all", *ALL, "fc", trains=trains), epochs=10)
    assert the("idle-epochs", bad).message == (
        "groups are all frozen in epochs 0, 2 to 3, 5 and 7 to 9: "
        "let one train there, usually the last (all)"
    )


def test_a_schedule_that_never_trains_is_told_so_once():
    bad = schedule(body([]), group("head", trains=[]))
    problem = only("idle-epochs", bad)
    assert problem.message == (
        "groups are all frozen in epochs 0 to 3: let one train there, usually the last (head)"
    )


def test_a_window_after_the_run():
    bad = schedule(body([[1, 2], [4, 6], [8, None]], lr_scale=0.1), group("head"))
    problem = the("late-window", bad)
    assert (problem.severity, problem.path) == ("warning", "groups[0].trainable[1]")
    assert problem.groups == ("body",)
    assert problem.message == (
        "body thaws again at epoch 4, but the run has 4 epochs: "
        "thaw it again by epoch 3, or run longer"
    )
    mended = fixed(problem, bad, "Remove that window")
    assert mended.group("body").trainable == ((1, 2),)
    assert found("late-window", schedule(body([[1, 2], [3, 6]]), group("head"))) == []


def test_a_group_whose_only_window_is_after_the_run_is_brought_into_it():
    bad = schedule(body([[9, None]]), group("head"))
    problem = only("late-window", bad)
    assert problem.message == (
        "body thaws at epoch 9, but the run has 4 epochs: thaw it by epoch 3, or run longer"
    )
    assert fixed(problem, bad, "Thaw at 2").group("body").trainable == ((2, None),)


def test_of_several_windows_after_the_run_one_is_brought_into_it_and_the_others_go():
    bad = schedule(body([[5, 6], [8, 9]]), group("head"))
    problem = only("late-window", bad)
    assert fixed(problem, bad, "Thaw at 2").group("body").trainable == ((2, 6),)


def test_a_thaw_with_almost_no_learning_left():
    bad = schedule(epochs=8)
    assert codes(bad) == []
    bad = schedule(body([[6, None]]), group("head"), epochs=8)
    problem = only("late-thaw", bad)
    assert (problem.severity, problem.path) == ("warning", "groups[0].trainable[0]")
    assert problem.groups == ("body",)
    assert problem.message == (
        "body thaws at epoch 6: it trains in 25% of the epochs but gets 2.5% of the learning: "
        "thaw it by epoch 4, or restart the curve when a group thaws"
    )
    assert fixed(problem, bad, "Thaw at 4").group("body").trainable == ((4, None),)


def test_a_thaw_with_a_little_more_learning_left():
    assert codes(schedule(body([[5, None]]), group("head"), epochs=8)) == []


def test_a_late_thaw_whose_curve_restarts_gets_all_of_it():
    lr = {"after_unfreeze": "restart", "warmup": {"epochs": 0.5}}
    assert codes(schedule(body([[7, None]]), group("head"), epochs=8, lr=lr)) == []


def test_a_short_window_early_in_the_run_is_no_late_thaw():
    good = schedule(body([[1, 2]], lr_scale=0.1), group("head"), epochs=40)
    assert found("late-thaw", good) == []


def test_the_pictures_problems_are_those_of_the_picture():
    bad = pictured()
    assert codes(bad) == ["late-thaw", "cold-thaw", "never-trains"]
    late, cold, never = checks.problems(bad, RESNET18)
    assert late.sentence == (
        "layer2 thaws at epoch 6: it trains in 25% of the epochs but gets 3.6% of the learning"
    )
    assert late.fix is not None
    assert late.fix.label == "Thaw at 4"
    assert cold.sentence == "layer4 thaws at 95% of its peak rate, with no warmup of its own"
    assert never.sentence == "layer1 and stem never train, so 157,504 parameters stay as pretrained"


def test_a_head_that_never_trains():
    bad = schedule(body(lr_scale=0.1), group("head", trains=[]))
    problem = only("frozen-head", bad)
    assert (problem.severity, problem.path) == ("warning", "groups[1].trainable")
    assert problem.message == (
        "head never trains, so its scores for new classes stay random: let it train from the start"
    )
    assert fixed(problem, bad, "Train head in every epoch").group("head").trainable == ((0, None),)
    assert found("frozen-head", schedule(body(), group("head", trains=[[3, None]]))) == []


def frozen_between(thaw: int) -> list[str]:
    return codes(
        schedule(
            group("stem", "conv1", "bn1", trains=[[thaw, None]], lr_scale=0.1),
            group("middle", *ALL[2:], trains=[[2, None]]),
            group("head"),
        )
    )


def test_a_group_that_is_frozen_above_one_that_trains():
    bad = schedule(
        group("stem", "conv1", "bn1", lr_scale=0.1),
        group("middle", *ALL[2:], trains=[[2, None]]),
        group("head"),
    )
    problem = only("frozen-above", bad)
    assert (problem.severity, problem.path) == ("hint", "groups[1].trainable")
    assert (problem.groups, problem.fix) == (("middle",), None)
    assert problem.message == (
        "middle is frozen in epochs in which stem, nearer to the input, trains: "
        "thaw from the head down, unless surgical fine-tuning is what you want"
    )
    assert frozen_between(1) == ["frozen-above", "cold-thaw"][::-1]
    assert frozen_between(2) == []


def test_what_never_trains_above_a_trained_group_is_told_once():
    bad = schedule(
        group("stem", "conv1", "bn1", lr_scale=0.1),
        group("middle", "layer1", "layer2", trains=[]),
        group("late", "layer3", "layer4", trains=[]),
        group("head"),
    )
    assert only("frozen-above", bad).message.startswith(
        "middle and late are frozen in epochs in which stem, nearer to the input, trains: "
    )


def test_a_group_that_never_trains():
    problem = only("never-trains", schedule(body([]), group("head")))
    assert (problem.severity, problem.path) == ("hint", "groups[0].trainable")
    assert (problem.groups, problem.fix) == (("body",), None)
    assert problem.message == (
        "body never trains, so 11,176,512 parameters stay as pretrained: "
        "add a window if it should change"
    )
    assert found("never-trains", schedule(body([[3, None]]), group("head"))) == []


def test_groups_that_never_train_and_were_not_pretrained():
    bad = schedule(
        group("stem", "conv1", "bn1", trains=[]),
        group("middle", *ALL[2:], trains=[]),
        group("head"),
        model={"name": RESNET18.model},
    )
    assert the("never-trains", bad).message == (
        "middle and stem never train, so 11,176,512 parameters stay random: "
        "add a window if they should change"
    )


def test_a_long_list_of_groups_is_cut_in_the_message():
    frozen = [group(f"g{i}", f"m{i}", trains=[]) for i in range(9)]
    (problem,) = checks.problems(schedule(*frozen, group("head")))
    assert len(problem.groups) == 9
    assert problem.message == (
        "g8, g7, g6, g5, g4 and 4 more never train and stay as pretrained: "
        "add a window if they should change"
    )


def test_a_new_session_begins_without_a_problem_also_in_the_demo():
    default = presets.load(presets.DEFAULT)
    table = layer_table.load(default.model.name)
    for first in (default, limits.shortened(default)):
        assert checks.problems(first, table) == ()


def test_a_preset_that_leaves_groups_frozen_says_so():
    assert codes(presets.load("head-only")) == ["never-trains"]
    assert codes(presets.load("discriminative")) == []
