"""Mistakes of structure: an example of each, with its whole message."""

from __future__ import annotations

from core import checks
from core.checks import Problem
from tests.checks.small import ALL, RESNET18, body, codes, fixed, found, group, only, schedule, the


def test_a_sound_schedule_has_no_problem():
    assert checks.problems(schedule(), RESNET18) == ()


def test_unknown_model():
    problem = the("unknown-model", schedule(model={"name": "torchvision/resnet19"}))
    assert problem == Problem(
        code="unknown-model",
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
        path="groups[0].modules[6]",
        groups=("head", "body"),
        wrong="is 'fc.bias', which already lies inside 'fc' of group head",
        way_out="name every part of the model once",
    )
    good = schedule(group("body", *ALL, "fc.bias", trains=[[2, None]]), group("head", "fc.weight"))
    assert checks.problems(good, RESNET18) == ()


def test_a_path_that_two_groups_name():
    bad = schedule(group("body", *ALL), group("head", "fc", "layer4"))
    assert the("nested-path", bad) == Problem(
        code="nested-path",
        path="groups[1].modules[1]",
        groups=("body", "head"),
        wrong="is 'layer4', which is already in group body",
        way_out="name every part of the model once",
    )


def test_a_path_that_one_group_names_twice():
    problem = the("nested-path", schedule(group("body", *ALL), group("head", "fc", "fc")))
    assert (problem.path, problem.groups) == ("groups[1].modules[1]", ("head",))
    assert problem.message == (
        "groups[1].modules[1] is 'fc', which is already in group head: "
        "name every part of the model once"
    )


def test_a_path_that_only_begins_like_another_is_not_inside_it():
    assert (
        found("nested-path", schedule(group("a", "layer1"), group("b", "layer10", "layer"))) == []
    )


def test_weights_that_the_model_does_not_have():
    bad = schedule(model={"name": RESNET18.model, "weights": "IMAGENET1K_V2"})
    assert the("unknown-weights", bad) == Problem(
        code="unknown-weights",
        path="model.weights",
        groups=(),
        wrong="is 'IMAGENET1K_V2', which torchvision/resnet18 does not have",
        way_out="did you mean 'IMAGENET1K_V1'?",
    )
    assert found("unknown-weights", schedule(model={"name": RESNET18.model})) == []


def test_weights_of_a_model_that_has_none():
    bare = RESNET18.model_copy(update={"weights": ()})
    (problem,) = checks.errors(schedule(), bare)
    assert problem.message == (
        "model.weights is 'IMAGENET1K_V1', which torchvision/resnet18 does not have: "
        "it has none, so write null"
    )


def test_a_path_that_the_model_does_not_have():
    bad = schedule(group("body", *ALL, "layer5", trains=[[2, None]]), group("head"))
    assert checks.problems(bad, RESNET18) == (
        Problem(
            code="unknown-path",
            path="groups[0].modules[6]",
            groups=("body",),
            wrong="is 'layer5', which is not a part of torchvision/resnet18 with parameters",
            way_out="did you mean 'layer4'?",
        ),
    )


def test_a_module_without_parameters_is_no_part_to_name():
    assert len(found("unknown-path", schedule(group("body", *ALL, "relu"), group("head")))) == 1


def test_a_parameter_or_a_module_at_any_depth_is_a_part_to_name():
    good = schedule(
        group("body", *ALL[:-1], "layer4.0", "layer4.1.conv1.weight", "layer4.1.bn1", lr_scale=0.1),
        group("head", "layer4.1.conv2", "layer4.1.bn2", "fc"),
    )
    assert checks.problems(good, RESNET18) == ()


def test_parameters_in_no_group():
    bad = schedule(group("body", *ALL[1:], trains=[[2, None]]), group("head", "fc.weight"))
    assert checks.problems(bad, RESNET18) == (
        Problem(
            code="ungrouped",
            path="groups",
            groups=(),
            wrong="leave out conv1.weight and fc.bias",
            way_out="put every parameter of torchvision/resnet18 into one group",
        ),
    )


def test_a_long_list_of_parameters_in_no_group_is_cut():
    assert the("ungrouped", schedule(group("head"))).message == (
        "groups leave out conv1.weight, bn1.weight, bn1.bias, layer1.0.conv1.weight, "
        "layer1.0.bn1.weight and 55 more: "
        "put every parameter of torchvision/resnet18 into one group"
    )


def test_without_a_layer_table_paths_and_weights_are_not_judged():
    bad = schedule(group("all", "nothing"), model={"name": RESNET18.model, "weights": "NONE"})
    assert checks.problems(bad) == ()
    codes = {problem.code for problem in checks.errors(bad, RESNET18)}
    assert codes == {"unknown-weights", "unknown-path", "ungrouped"}


def test_a_group_of_modules_without_parameters():
    bad = schedule(body([[2, None]]), group("act", "relu", "avgpool", lr_scale=0.5), group("head"))
    problem = only("empty-group", bad)
    assert (problem.severity, problem.path) == ("error", "groups[1].modules")
    assert problem.message == (
        "groups[1].modules is 'relu' and 'avgpool', so group act has 0 parameters and the "
        "optimizer has nothing to move: name modules that have parameters, or remove the group"
    )
    mended = fixed(problem, bad, "Remove act")
    assert [group.name for group in mended.groups] == ["body", "head"]


def test_a_group_with_one_parameter_is_not_empty():
    good = schedule(
        body([[2, None]]), group("act", "fc.bias", lr_scale=0.5), group("head", "fc.weight")
    )
    assert codes(good) == []


def test_an_empty_group_that_alone_trains_at_times_is_not_simply_removed():
    bad = schedule(group("act", "relu"), body([[1, None]]), group("head", trains=[[1, None]]))
    assert the("empty-group", bad).fix is None
