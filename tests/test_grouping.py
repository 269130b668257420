from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import pytest
import timm
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torchvision.models import resnet18

from core.errors import ModelError
from core.grouping import (
    check_cover,
    default_paths,
    get_layer_groups,
    parameters_of,
    resolve_groups,
)
from core.training.models import build
from tests.sample import SOME_MODELS

GROUPS = {"stem": ["stem"], "body": ["body"], "head": ["head", "scale"]}


class Tiny(nn.Module):
    """A stem, a body of two blocks, a head, and a bare parameter."""

    def __init__(self, *, tied: bool = False) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))
        self.body = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
        self.act = nn.ReLU()
        self.head = nn.Linear(4, 4)
        self.scale = nn.Parameter(torch.ones(1))
        if tied:
            self.head.weight = self.stem[0].weight

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.act(self.body(self.stem(x)))) * self.scale


def refusal(model: nn.Module, groups: Mapping[str, Sequence[str]]) -> str:
    with pytest.raises(ModelError) as caught:
        resolve_groups(model, groups)
    return str(caught.value)


def size(layers: Sequence[nn.Module | nn.Parameter]) -> int:
    return sum(parameter.numel() for parameter in parameters_of(layers))


def test_resnet18_has_the_six_groups_of_the_exercise_with_its_parameter_counts():
    model = resnet18()
    groups = get_layer_groups(model)
    assert {name: size(layers) for name, layers in groups.items()} == {
        "stem": 9_536,
        "layer1": 147_968,
        "layer2": 525_568,
        "layer3": 2_099_712,
        "layer4": 8_393_728,
        "head": 513_000,
    }
    assert list(groups) == ["stem", "layer1", "layer2", "layer3", "layer4", "head"]
    assert groups["stem"] == [model.conv1, model.bn1]
    assert groups["head"] == [model.fc]


@pytest.mark.parametrize("name", SOME_MODELS)
def test_default_groups_of_every_known_model_hold_each_parameter_exactly_once(name: str):
    model = build(name, device="meta")
    groups = get_layer_groups(model)
    grouped = [p for layers in groups.values() for p in parameters_of(layers)]
    assert sorted(map(id, grouped)) == sorted(map(id, model.parameters()))
    assert resolve_groups(model, default_paths(model)) == groups


def test_each_stage_of_efficientnet_lite0_halves_the_resolution_once():
    model = build("timm/tf_efficientnet_lite0").eval()
    groups = get_layer_groups(model)
    sizes: dict[str, int] = {}
    for name, layers in groups.items():
        layers[-1].register_forward_hook(
            lambda module, inputs, output, name=name: sizes.update({name: output.shape[-1]})
        )
    with torch.no_grad():
        model(torch.zeros(1, 3, 64, 64))
    del sizes["head"]
    assert sizes == {
        "stem": 32,
        "stage1": 16,
        "stage2": 8,
        "stage3": 4,
        "stage4": 2,
        "conv_head": 2,
    }


def test_a_vision_transformer_has_its_bare_parameters_in_embed_and_its_blocks_in_thirds():
    model = build("timm/vit_tiny_patch16_224", device="meta")
    groups = get_layer_groups(model)
    assert list(groups) == ["embed", "blocks1", "blocks2", "blocks3", "head"]
    assert groups["embed"] == [model.patch_embed, model.cls_token, model.pos_embed]
    assert [*groups["blocks1"], *groups["blocks2"], *groups["blocks3"]] == list(model.blocks)
    assert groups["head"] == [model.norm, model.head]


def test_a_deeper_vision_transformer_is_cut_into_thirds_too():
    with torch.device("meta"):
        model = timm.create_model("vit_tiny_patch16_224", depth=13)
    paths = default_paths(model)
    assert [len(paths[f"blocks{third}"]) for third in (1, 2, 3)] == [5, 5, 3]
    assert paths["head"] == ("norm", "head")


@pytest.mark.parametrize(("name", "head"), [("resnet18", "fc"), ("lite0", "classifier")])
def test_a_replaced_head_is_the_head_group(name: str, head: str):
    full = {"resnet18": "torchvision/resnet18", "lite0": "timm/tf_efficientnet_lite0"}[name]
    model = build(full, device="meta")
    replaced = nn.Sequential(nn.Dropout(), nn.Linear(4, 10))
    setattr(model, head, replaced)
    assert get_layer_groups(model)["head"] == [replaced]


def test_a_deep_copy_has_its_own_groups():
    model = build("torchvision/resnet18", device="meta")
    twin = copy.deepcopy(model)
    assert get_layer_groups(twin)["head"] == [twin.fc]


def test_a_model_without_parameters_is_refused():
    with pytest.raises(ModelError) as caught:
        get_layer_groups(nn.ReLU())
    assert str(caught.value) == ("model is a ReLU without parameters: use one that has some")


def test_a_part_added_to_a_resnet_has_a_group():
    model = build("torchvision/resnet18", device="meta")
    model.extra = nn.Linear(2, 2)
    assert model.extra in [layer for group in get_layer_groups(model).values() for layer in group]


def test_groups_made_before_the_head_was_replaced_do_not_cover_the_model():
    model = build("torchvision/resnet18", device="meta")
    groups = get_layer_groups(model)
    model.fc = nn.Linear(512, 10)
    with pytest.raises(ModelError) as caught:
        check_cover(model, groups)
    assert str(caught.value) == (
        "groups have a parameter in 'head' that the model does not have: "
        "make the groups from this model, after its layers have been replaced"
    )


def test_paths_resolve_to_the_very_modules_and_parameters():
    model = Tiny()
    assert resolve_groups(model, GROUPS) == {
        "stem": [model.stem],
        "body": [model.body],
        "head": [model.head, model.scale],
    }


@given(st.lists(st.integers(0, 2), min_size=6, max_size=6))
def test_however_the_paths_are_dealt_out_every_parameter_is_in_one_group(deal: list[int]):
    model = Tiny()
    paths = ["stem.0", "stem.1", "body.0", "body.1", "head", "scale"]
    groups = {
        str(group): [path for path, to in zip(paths, deal, strict=True) if to == group]
        for group in set(deal)
    }
    resolved = resolve_groups(model, groups)
    grouped = [p for layers in resolved.values() for p in parameters_of(layers)]
    assert sorted(map(id, grouped)) == sorted(map(id, model.parameters()))


def test_tied_parameters_count_once():
    model = Tiny(tied=True)
    groups = {"all": ["stem", "body", "head", "scale"]}
    layers = resolve_groups(model, groups)["all"]
    assert size(layers) == sum(p.numel() for p in model.parameters())
    assert size([*layers, *layers]) == size(layers)


def test_what_is_no_model_is_refused():
    for other in (None, "resnet18", Tiny):
        with pytest.raises(ModelError, match=r"^model is a \w+: give the torch.nn.Module itself$"):
            get_layer_groups(other)
        with pytest.raises(ModelError, match=r"^model is a "):
            check_cover(other, {})


def test_a_parameter_tied_across_two_groups_is_refused():
    assert refusal(Tiny(tied=True), GROUPS) == (
        "groups[2].modules[0] is 'head', whose 'stem.0.weight' is shared with group 'stem': "
        "put both into one group, or leave 'head' out of group 'head'"
    )


def test_the_untied_rest_of_a_tied_module_may_be_a_group_of_its_own():
    model = Tiny(tied=True)
    groups = resolve_groups(model, {**GROUPS, "head": ["head.bias", "scale"]})
    assert groups["head"] == [model.head.bias, model.scale]


def test_equal_values_do_not_make_two_parameters_one():
    model = nn.Sequential(nn.BatchNorm1d(4), nn.BatchNorm1d(4))
    assert torch.equal(model[0].weight, model[1].weight)
    groups = resolve_groups(model, {"a": ["0"], "b": ["1"]})
    assert groups == {"a": [model[0]], "b": [model[1]]}


def test_an_unknown_path_gets_the_nearest_one():
    assert refusal(Tiny(), {**GROUPS, "body": ["boddy"]}) == (
        "groups[1].modules[0] is 'boddy', which the model does not have: did you mean 'body'?"
    )


def test_a_path_inside_another_groups_path_is_refused():
    assert refusal(Tiny(), {**GROUPS, "stem": ["stem", "body.1"]}) == (
        "groups[0].modules[1] is 'body.1', which 'body' of group 'body' holds: "
        "leave it to group 'body', or list the parts of 'body' there"
    )


def test_a_path_that_only_begins_with_the_same_letters_is_no_part():
    model = nn.Module()
    model.layer1, model.layer10 = nn.Linear(2, 2), nn.Linear(2, 2)
    groups = resolve_groups(model, {"a": ["layer1"], "b": ["layer10"]})
    assert groups == {"a": [model.layer1], "b": [model.layer10]}


def test_a_path_in_two_groups_is_refused():
    assert refusal(Tiny(), {**GROUPS, "body": ["body", "stem"]}) == (
        "groups[1].modules[1] is 'stem', which is also in group 'stem': leave it in one of them"
    )


def test_a_group_without_parameters_is_refused():
    assert refusal(Tiny(), {**GROUPS, "act": ["act"]}) == (
        "groups[3].modules of group 'act' hold no parameters: "
        "add a module that has some, or remove the group"
    )


def test_parameters_left_over_are_named():
    assert refusal(Tiny(), {"stem": ["stem"], "head": ["head"]}) == (
        "groups leave out 'scale', 'body.0.weight', 'body.0.bias' and 2 more: "
        "add their paths to a group"
    )


def test_a_parameter_in_two_groups_of_modules_is_refused():
    model = Tiny()
    with pytest.raises(ModelError, match=r"^groups have 'head.weight' in both 'a' and 'b': "):
        check_cover(model, {"a": [model], "b": [model.head]})
