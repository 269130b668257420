from __future__ import annotations

from collections.abc import Mapping

import pytest
import timm
import torch
from torch import nn

from core.grouping import parameters_of, resolve_groups
from core.suggest import Paths, backbone, heads_of, suggest
from core.training.models import build


def groupings(name: str) -> dict[str, Paths]:
    return suggest(build(name, device="meta"))


def owners(model: nn.Module, groups: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    """The place of the group that has each parameter."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return {
        names[id(parameter)]: at
        for at, layers in enumerate(resolve_groups(model, groups).values())
        for parameter in parameters_of(layers)
    }


NAMES = (
    "torchvision/alexnet",
    "torchvision/convnext_tiny",
    "torchvision/densenet121",
    "torchvision/googlenet",
    "torchvision/maxvit_t",
    "torchvision/mnasnet0_5",
    "torchvision/regnet_x_400mf",
    "torchvision/shufflenet_v2_x0_5",
    "torchvision/vgg11_bn",
    "timm/beit_base_patch16_224",
    "timm/cait_xxs24_224",
    "timm/coat_tiny",
    "timm/efficientformer_l1",
    "timm/mixer_s32_224",
    "timm/mobilenetv3_small_050",
    "timm/nest_tiny",
    "timm/nf_regnet_b0",
    "timm/pvt_v2_b0",
    "timm/resnetv2_50",
    "timm/vit_small_patch14_reg4_dinov2",
)


@pytest.mark.parametrize("name", NAMES)
def test_every_grouping_covers_the_model_and_a_finer_one_cuts_within_the_coarser(name: str):
    model = build(name, device="meta")
    found = suggest(model)
    assert list(found) == ["backbone", "stages", "blocks"]
    assert len(found["stages"]) >= 5
    assert len(found["blocks"]) >= len(found["stages"])
    coarser = owners(model, found["backbone"])
    assert coarser.keys() == dict(model.named_parameters()).keys()
    for groups in (found["stages"], found["blocks"]):
        finer = owners(model, groups)
        pairs = sorted({(finer[name], coarser[name]) for name in finer})
        assert [at for at, _ in pairs] == list(range(len(groups)))
        assert [at for _, at in pairs] == sorted(at for _, at in pairs)
        coarser = finer


@pytest.mark.parametrize("name", NAMES)
def test_what_has_a_row_per_class_is_in_the_last_group(name: str):
    model = build(name, device="meta")
    other = dict(build(name, device="meta", classes=7).named_parameters())
    changed = {path for path, p in model.named_parameters() if p.shape != other[path].shape}
    assert {path.rpartition(".")[0] for path in changed} == set(heads_of(model))
    for groups in suggest(model).values():
        placed = owners(model, groups)
        assert {placed[path] for path in changed} == {len(groups) - 1}


def test_stages_end_with_what_leads_to_the_next_and_what_is_left_is_stem_neck_and_head():
    assert groupings("torchvision/swin_t")["stages"] == {
        "stem": ("features.0",),
        "stage1": ("features.1",),
        "stage2": ("features.2", "features.3"),
        "stage3": ("features.4", "features.5"),
        "stage4": ("features.6", "features.7"),
        "head": ("norm", "head"),
    }
    assert groupings("torchvision/mobilenet_v2")["stages"] == {
        "stem": ("features.0",),
        "stage1": ("features.1",),
        "stage2": ("features.2", "features.3"),
        "stage3": ("features.4", "features.5", "features.6"),
        "stage4": tuple(f"features.{at}" for at in range(7, 14)),
        "stage5": tuple(f"features.{at}" for at in range(14, 18)),
        "neck": ("features.18",),
        "head": ("classifier",),
    }


def test_a_chain_of_convolutions_is_cut_at_its_pooling_layers():
    assert groupings("torchvision/vgg11")["stages"] == {
        "stem": ("features.0",),
        "stage1": ("features.3",),
        "stage2": ("features.6", "features.8"),
        "stage3": ("features.11", "features.13"),
        "stage4": ("features.16", "features.18"),
        "neck": ("classifier.0", "classifier.3"),
        "head": ("classifier.6",),
    }


def test_a_transformer_has_its_bare_parameters_in_embed_and_its_blocks_in_thirds():
    stages = groupings("torchvision/vit_b_16")["stages"]
    assert list(stages) == ["embed", "blocks1", "blocks2", "blocks3", "head"]
    assert stages["embed"] == ("class_token", "conv_proj", "encoder.pos_embedding")
    assert len(stages["blocks2"]) == 4
    assert stages["head"] == ("encoder.ln", "heads")


def test_a_distilled_transformer_has_both_heads_in_its_head():
    model = build("timm/deit_tiny_distilled_patch16_224", device="meta")
    assert heads_of(model) == ("head", "head_dist")
    stages = suggest(model)["stages"]
    assert stages["head"] == ("norm", "head", "head_dist")
    assert "dist_token" in stages["embed"]


def test_auxiliary_classifiers_are_left_out_of_a_built_network_and_have_a_group_in_another():
    assert not any("aux" in name for name, _ in build("torchvision/googlenet").named_modules())
    with torch.device("meta"):
        from torchvision.models import GoogLeNet

        model = GoogLeNet(init_weights=False)
    assert owners(model, suggest(model)["stages"]).keys() == dict(model.named_parameters()).keys()


@pytest.mark.parametrize(
    "name", ["resnet50", "convnext_tiny", "vit_small_patch16_224", "swin_tiny_patch4_window7_224"]
)
def test_blocks_begin_where_timms_own_matcher_lets_layers_begin(name: str):
    model = build(f"timm/{name}", device="meta")
    matcher = model.group_matcher(coarse=False)
    theirs = timm.models.group_parameters(model, matcher, reverse=True)
    ours = owners(model, suggest(model)["blocks"])
    blocks = range(1, max(ours.values()))  # stem and head hold norms that timm counts elsewhere
    for at in blocks:
        inside = {theirs[path] for path in ours if ours[path] == at and "downsample" not in path}
        assert len(inside) == 1


class Tied(nn.Module):
    """Two blocks that share a weight, and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(nn.Sequential(nn.Linear(4, 4), Pair()) for _ in range(2)))
        self.blocks[1][0].weight = self.blocks[0][0].weight
        self.head = nn.Linear(4, 2)


class Pair(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4))
        self.second = nn.Linear(4, 4)


def test_a_tied_parameter_is_where_it_comes_first_and_the_rest_of_its_module_stays():
    model = Tied()
    blocks = suggest(model)["blocks"]
    placed = owners(model, blocks)
    assert placed.keys() == dict(model.named_parameters()).keys()
    names = list(blocks)
    assert names[placed["blocks.0.0.weight"]] != names[placed["blocks.1.0.bias"]]
    assert "blocks.1.0.bias" in blocks[names[placed["blocks.1.0.bias"]]]


def test_a_network_of_one_layer_is_one_group():
    assert suggest(nn.Sequential(nn.Linear(2, 2)))["stages"] == {"all": ("0",)}


def test_groups_are_joined_to_backbone_and_head():
    assert backbone({"a": ("x",), "b": ("y", "z"), "c": ("w",)}) == {
        "backbone": ("x", "y", "z"),
        "c": ("w",),
    }
    assert backbone({"all": ("x",)}) == {"all": ("x",)}
