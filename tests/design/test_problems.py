from __future__ import annotations

from typing import Any

from hypothesis import given

from core.design import layers, presets, problems
from core.design.parse import dumps, from_raw, parse
from core.design.problems import CHECKS, LAYER_CHECKS, Fix, Problem
from core.design.spec import FloorFactor, Schedule
from tests.design.strategies import real_schedules, schedules

RESNET18 = layers.load("torchvision/resnet18")
ALL = ["conv1", "bn1", "layer1", "layer2", "layer3", "layer4"]
"""Every part of resnet18 but `fc`."""


def schedule(
    *groups: dict[str, Any], epochs: int = 4, lr: Any = None, model: Any = None
) -> Schedule:
    """A small schedule; without groups it has a frozen body and a head that always trains."""
    return from_raw(
        {
            "format": "thaw.schedule",
            "version": 1,
            "name": "Small",
            "model": model or {"name": RESNET18.model, "weights": "IMAGENET1K_V1"},
            "epochs": epochs,
            "optimizer": {"name": "adam", "base_lr": 0.001},
            "lr": lr or {},
            "groups": list(groups) or [group("body", *ALL, trains=[[1, None]]), group("head")],
        }
    )


def group(name: str, *modules: str, trains: Any = ((0, None),), **fields: Any) -> dict[str, Any]:
    windows = [list(window) for window in trains]
    return {"name": name, "modules": list(modules or ["fc"]), "trainable": windows, **fields}


def found(code: str, bad: Schedule) -> list[Problem]:
    return [p for p in problems.problems(bad, layers.find(bad.model.name)) if p.code == code]


def the(code: str, bad: Schedule) -> Problem:
    (problem,) = found(code, bad)
    return problem


def fixed(problem: Problem) -> Schedule:
    assert isinstance(problem.fix, Fix)
    assert found(problem.code, problem.fix.schedule) == []
    return problem.fix.schedule


def test_a_sound_schedule_has_no_problem():
    assert problems.problems(schedule(), RESNET18) == ()


def test_unknown_model():
    problem = the("unknown-model", schedule(model={"name": "torchvision/resnet19"}))
    assert problem == Problem(
        code="unknown-model",
        severity="error",
        path="model.name",
        groups=(),
        wrong="is 'torchvision/resnet19', which is not supported",
        way_out="did you mean 'torchvision/resnet18'?",
    )
    assert problem.message == (
        "model.name is 'torchvision/resnet19', which is not supported: "
        "did you mean 'torchvision/resnet18'?"
    )
    assert found("unknown-model", schedule(model={"name": "torchvision/resnet18"})) == []


def test_a_path_inside_another_groups_path():
    bad = schedule(group("body", *ALL, "fc.bias"), group("head"))
    assert the("nested-path", bad) == Problem(
        code="nested-path",
        severity="error",
        path="groups[0].modules[6]",
        groups=("head", "body"),
        wrong="is 'fc.bias', which already lies inside 'fc' of group head",
        way_out="name every part of the model once",
    )
    good = schedule(group("body", *ALL, "fc.bias"), group("head", "fc.weight"))
    assert problems.problems(good, RESNET18) == ()


def test_a_path_that_two_groups_name():
    bad = schedule(group("body", *ALL), group("head", "fc", "layer4"))
    assert the("nested-path", bad) == Problem(
        code="nested-path",
        severity="error",
        path="groups[1].modules[1]",
        groups=("body", "head"),
        wrong="is 'layer4', which already stands in group body",
        way_out="name every part of the model once",
    )


def test_a_path_that_one_group_names_twice():
    problem = the("nested-path", schedule(group("body", *ALL), group("head", "fc", "fc")))
    assert (problem.path, problem.groups) == ("groups[1].modules[1]", ("head",))
    assert problem.message == (
        "groups[1].modules[1] is 'fc', which already stands in group head: "
        "name every part of the model once"
    )


def test_a_path_that_only_begins_like_another_is_not_inside_it():
    assert (
        found("nested-path", schedule(group("a", "layer1"), group("b", "layer10", "layer"))) == []
    )


def test_an_epoch_in_which_nothing_trains():
    bad = schedule(group("body", *ALL, trains=[[3, None]]), group("head", trains=[[0, 2]]))
    problem = the("idle-epochs", bad)
    assert (problem.severity, problem.path, problem.groups) == ("error", "groups", ())
    assert problem.message == (
        "groups has none that trains in epoch 2: let one train there, as a rule the last (head)"
    )
    assert problem.fix is not None
    assert problem.fix.label == "Train head in every epoch"
    assert fixed(problem).group("head").trainable == ((0, None),)
    good = schedule(group("body", *ALL, trains=[[2, None]]), group("head", trains=[[0, 2]]))
    assert problems.problems(good, RESNET18) == ()


def test_many_epochs_in_which_nothing_trains():
    trains = [[1, 2], [4, 5], [6, 7]]
    bad = schedule(group("all", *ALL, "fc", trains=trains), epochs=10)
    assert the("idle-epochs", bad).message == (
        "groups has none that trains in epochs 0, 2 to 3, 5 and 7 to 9: "
        "let one train there, as a rule the last (all)"
    )


def test_a_schedule_that_never_trains_is_told_so_once():
    bad = schedule(group("body", *ALL, trains=[]), group("head", trains=[]))
    (problem,) = problems.problems(bad, RESNET18)
    assert problem.message == (
        "groups has none that trains in epochs 0 to 3: "
        "let one train there, as a rule the last (head)"
    )


def test_a_warmup_that_outlasts_the_run():
    problem = the("long-warmup", schedule(lr={"warmup": {"epochs": 5}}))
    assert (problem.severity, problem.path, problem.groups) == ("warning", "lr.warmup.epochs", ())
    assert problem.message == (
        "lr.warmup.epochs is 5, but the run has 4 epochs: "
        "shorten the warmup to at most 3, or run 6 epochs or more"
    )
    assert problem.fix is not None
    assert problem.fix.label == "Shorten the warmup to 3 epochs"
    assert fixed(problem).lr.warmup.epochs == 3.0
    assert found("long-warmup", schedule(lr={"warmup": {"epochs": 3.9}})) == []


def test_a_warmup_of_the_whole_run():
    assert the("long-warmup", schedule(lr={"warmup": {"epochs": 4}})).message == (
        "lr.warmup.epochs is 4, but the run has 4 epochs: "
        "shorten the warmup to at most 3, or run 5 epochs or more"
    )


def test_a_warmup_in_a_run_of_one_epoch():
    bad = schedule(group("all", *ALL, "fc"), epochs=1, lr={"warmup": {"epochs": 1.5}})
    problem = the("long-warmup", bad)
    assert problem.message == (
        "lr.warmup.epochs is 1.5, but the run has 1 epoch: set it to 0, or run 2 epochs or more"
    )
    assert fixed(problem).lr.warmup.epochs == 0.0


def restarting(thaw: int) -> Schedule:
    return schedule(
        group("body", *ALL, trains=[[thaw, None]]),
        group("head"),
        epochs=8,
        lr={"warmup": {"epochs": 2}, "after_unfreeze": "restart"},
    )


def test_a_warmup_that_outlasts_what_is_left_for_a_group_that_restarts():
    problem = the("long-warmup", restarting(6))
    assert (problem.severity, problem.groups) == ("warning", ("body",))
    assert problem.message == (
        "lr.warmup.epochs is 2, but body restarts with 2 epochs left: "
        "shorten the warmup to at most 1, or thaw body earlier"
    )
    assert fixed(problem).lr.warmup.epochs == 1.0
    assert found("long-warmup", restarting(5)) == []


def test_a_group_that_never_thaws_cannot_restart_too_late():
    assert found("long-warmup", restarting(8)) == []


def with_floor(lr: float) -> Schedule:
    """Peaks 1e-5, 1e-4 and 1e-3."""
    return schedule(
        group("stem", "conv1", "bn1"),
        group("body", *ALL[2:]),
        group("head"),
        lr={"group_decay": 0.1, "decay": {"shape": "linear", "floor": {"lr": lr}}},
    )


def test_a_floor_above_the_peak_of_a_group():
    problem = the("rising-lr", with_floor(5e-5))
    assert (problem.severity, problem.path) == ("warning", "lr.decay.floor.lr")
    assert problem.groups == ("stem",)
    assert problem.message == (
        "lr.decay.floor.lr is 5e-05, above the peak of stem (1e-05), "
        "so that the rate rises up to 5-fold: make the floor a factor of each group's peak"
    )
    assert problem.fix is not None
    assert problem.fix.label == "Floor as a factor"
    assert fixed(problem).lr.decay.floor == FloorFactor(factor=0.05)


def test_a_floor_above_the_peaks_of_many_groups():
    problem = the("rising-lr", with_floor(0.1))
    assert problem.groups == ("stem", "body", "head")
    assert problem.message == (
        "lr.decay.floor.lr is 0.1, above the peak of stem (1e-05), body (0.0001) and head (0.001), "
        "so that the rate rises up to 10,000-fold: make the floor a factor of each group's peak"
    )


def test_a_floor_just_above_a_peak_is_not_called_a_rise_to_one_fold():
    assert the("rising-lr", with_floor(1.2e-5)).message == (
        "lr.decay.floor.lr is 1.2e-05, above the peak of stem (1e-05), "
        "so that the rate rises: make the floor a factor of each group's peak"
    )


def test_a_floor_of_just_the_lowest_peak_lets_nothing_rise():
    assert found("rising-lr", with_floor(1e-5)) == []


def test_the_exercises_rising_rates_are_told_with_their_size():
    assert the("rising-lr", presets.load("exercise")).message == (
        "lr.decay.floor.lr is 1e-06, above the peak of stem (1e-08) and layer1 (1e-07), "
        "so that the rate rises up to 100-fold: make the floor a factor of each group's peak"
    )


def test_a_window_after_the_run():
    bad = schedule(group("body", *ALL, trains=[[1, 2], [4, 6], [8, None]]), group("head"))
    problem = the("late-window", bad)
    assert (problem.severity, problem.path) == ("warning", "groups[0].trainable[1]")
    assert problem.groups == ("body",)
    assert problem.message == (
        "groups[0].trainable[1] is [4, 6], but the run has 4 epochs: "
        "start it by epoch 3, or run longer"
    )
    assert problem.fix is not None
    assert problem.fix.label == "Remove that window"
    assert fixed(problem).group("body").trainable == ((1, 2),)
    good = schedule(group("body", *ALL, trains=[[1, 2], [3, 6]]), group("head"))
    assert found("late-window", good) == []


def test_an_open_window_after_the_run():
    bad = schedule(group("body", *ALL, trains=[[9, None]]), group("head"))
    assert the("late-window", bad).message == (
        "groups[0].trainable[0] is [9, null], but the run has 4 epochs: "
        "start it by epoch 3, or run longer"
    )


def test_a_group_that_never_trains():
    problem = the("never-trains", schedule(group("body", *ALL, trains=[]), group("head")))
    assert problem == Problem(
        code="never-trains",
        severity="hint",
        path="groups[0].trainable",
        groups=("body",),
        wrong="has no window in the run, so it stays as pretrained",
        way_out="add a window where you want change",
        subject="body",
    )
    assert problem.message == (
        "body has no window in the run, so it stays as pretrained: "
        "add a window where you want change"
    )
    good = schedule(group("body", *ALL, trains=[[3, None]]), group("head"))
    assert found("never-trains", good) == []


def test_groups_that_never_train_and_were_not_pretrained():
    bad = schedule(
        group("stem", "conv1", "bn1", trains=[]),
        group("body", *ALL[2:], trains=[[4, None]]),
        group("head"),
        model={"name": RESNET18.model},
    )
    assert the("never-trains", bad).message == (
        "stem and body have no window in the run, so they stay random: "
        "add a window where you want change"
    )


def test_a_long_list_of_groups_is_cut_in_the_message():
    frozen = [group(f"g{i}", f"m{i}", trains=[]) for i in range(9)]
    problem = the("never-trains", schedule(*frozen, group("head")))
    assert len(problem.groups) == 9
    assert problem.message == (
        "g0, g1, g2, g3, g4 and 4 more have no window in the run, so they stay as pretrained: "
        "add a window where you want change"
    )


def test_weights_that_the_model_does_not_have():
    bad = schedule(model={"name": RESNET18.model, "weights": "IMAGENET1K_V2"})
    assert the("unknown-weights", bad) == Problem(
        code="unknown-weights",
        severity="error",
        path="model.weights",
        groups=(),
        wrong="is 'IMAGENET1K_V2', which torchvision/resnet18 does not have",
        way_out="did you mean 'IMAGENET1K_V1'?",
    )
    assert found("unknown-weights", schedule(model={"name": RESNET18.model})) == []


def test_weights_of_a_model_that_has_none():
    bare = RESNET18.model_copy(update={"weights": ()})
    (problem,) = problems.errors(schedule(), bare)
    assert problem.message == (
        "model.weights is 'IMAGENET1K_V1', which torchvision/resnet18 does not have: "
        "it has none, so write null"
    )


def test_a_path_that_the_model_does_not_have():
    bad = schedule(group("body", *ALL, "layer5", trains=[[1, None]]), group("head"))
    assert problems.problems(bad, RESNET18) == (
        Problem(
            code="unknown-path",
            severity="error",
            path="groups[0].modules[6]",
            groups=("body",),
            wrong="is 'layer5', which is no part of torchvision/resnet18 with parameters",
            way_out="did you mean 'layer4'?",
        ),
    )


def test_a_module_without_parameters_is_no_part_to_name():
    assert len(found("unknown-path", schedule(group("body", *ALL, "relu"), group("head")))) == 1


def test_a_parameter_or_a_module_at_any_depth_is_a_part_to_name():
    good = schedule(
        group("body", *ALL[:-1], "layer4.0", "layer4.1.conv1.weight", "layer4.1.bn1"),
        group("head", "layer4.1.conv2", "layer4.1.bn2", "fc"),
    )
    assert problems.problems(good, RESNET18) == ()


def test_parameters_in_no_group():
    bad = schedule(group("body", *ALL[1:]), group("head", "fc.weight"))
    assert problems.problems(bad, RESNET18) == (
        Problem(
            code="ungrouped",
            severity="error",
            path="groups",
            groups=(),
            wrong="leaves out conv1.weight and fc.bias",
            way_out="put every parameter of torchvision/resnet18 into one group",
        ),
    )


def test_a_long_list_of_parameters_in_no_group_is_cut():
    assert the("ungrouped", schedule(group("head"))).message == (
        "groups leaves out conv1.weight, bn1.weight, bn1.bias, layer1.0.conv1.weight, "
        "layer1.0.bn1.weight and 55 more: "
        "put every parameter of torchvision/resnet18 into one group"
    )


def test_without_a_layer_table_paths_and_weights_are_not_judged():
    bad = schedule(group("all", "nothing"), model={"name": RESNET18.model, "weights": "NONE"})
    assert problems.problems(bad) == ()
    codes = {problem.code for problem in problems.errors(bad, RESNET18)}
    assert codes == {"unknown-weights", "unknown-path", "ungrouped"}


def test_of_thousands_of_wrong_paths_twenty_are_told():
    many = [f"a{i}" for i in range(20_000)]
    bad = schedule(group("body", *ALL), group("head", "fc", *many, *many))
    assert len(found("unknown-path", bad)) == 20
    assert len(found("nested-path", bad)) == 20


def test_errors_come_before_warnings_and_warnings_before_hints():
    bad = schedule(
        group("body", *ALL, trains=[]),
        group("head", "fc", "layer4", trains=[[0, 1]]),
        lr={"warmup": {"epochs": 9}},
    )
    told = [(problem.severity, problem.code) for problem in problems.problems(bad, RESNET18)]
    assert told == [
        ("error", "nested-path"),
        ("error", "idle-epochs"),
        ("warning", "long-warmup"),
        ("hint", "never-trains"),
    ]
    assert [problem.code for problem in problems.errors(bad)] == ["nested-path", "idle-epochs"]


def test_every_problem_has_the_code_that_its_check_is_known_by():
    bad = schedule(
        group("stem", "conv1", "conv1", trains=[[7, None]]),
        group("head", "nothing", trains=[[1, 2]]),
        lr={"warmup": {"epochs": 9}, "decay": {"shape": "linear", "floor": {"lr": 1.0}}},
        model={"name": "none", "weights": "none"},
    )
    for code, check in CHECKS.items():
        assert {problem.code for problem in check(bad)} == {code}
    for code, check_layers in LAYER_CHECKS.items():
        assert {problem.code for problem in check_layers(bad, RESNET18)} == {code}


def keys(told: tuple[Problem, ...]) -> set[tuple[str, str]]:
    return {(problem.code, problem.path) for problem in told}


def check_fixes(bad: Schedule) -> None:
    """Each fix removes its problem and adds no error; taking the first again and again ends."""
    table = layers.find(bad.model.name)
    told = problems.problems(bad, table)
    with_fix = [problem for problem in told if problem.fix is not None]
    assert len(keys(tuple(with_fix))) == len(with_fix), "a page keys its buttons by these"
    for problem in with_fix:
        assert problem.fix is not None
        mended = problem.fix.schedule
        assert parse(dumps(mended)) == mended
        assert (problem.code, problem.path) not in keys(problems.problems(mended, table))
        assert keys(problems.errors(mended, table)) <= keys(problems.errors(bad, table))
    rounds = 0
    while with_fix:
        rounds += 1
        assert rounds <= 2 * len(CHECKS) + len(bad.groups)
        assert with_fix[0].fix is not None
        remaining = problems.problems(with_fix[0].fix.schedule, table)
        with_fix = [problem for problem in remaining if problem.fix is not None]


@given(schedules())
def test_every_fix_removes_its_problem_adds_no_error_and_fixing_ends(bad: Schedule):
    check_fixes(bad)


@given(real_schedules())
def test_fixes_keep_their_promise_for_real_models_with_their_layer_tables(bad: Schedule):
    assert keys(problems.errors(bad, layers.find(bad.model.name))) <= {("idle-epochs", "groups")}
    check_fixes(bad)


@given(schedules())
def test_a_message_says_field_what_is_wrong_and_the_way_out_in_one_line(bad: Schedule):
    for problem in problems.problems(bad, RESNET18):
        wrong, colon, way_out = problem.message.rpartition(": ")
        assert (bool(wrong), colon, bool(way_out)) == (True, ": ", True)
        assert "\n" not in problem.message
        assert problem.path.split("[")[0].split(".")[0] in {"model", "lr", "groups"}
