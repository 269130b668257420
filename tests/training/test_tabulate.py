from __future__ import annotations

from importlib.resources import files

import pytest
import torchvision
from torch import nn

from core.design.layers import Layer, LayerTable, dumps, known_models, parameter_counts
from core.errors import ModelError
from core.training.models import build
from core.training.tabulate import layers_of, tabulate


@pytest.mark.parametrize("name", known_models())
def test_the_stored_table_is_what_the_model_says_to_the_letter(name: str):
    stored = files("core.design") / "tables" / f"{name.replace('/', '--', 1)}.json"
    assert stored.read_text(encoding="utf-8") == dumps(tabulate(name))


def test_a_printed_table_reads_back_as_itself():
    table = tabulate("torchvision/resnet18")
    assert LayerTable.model_validate_json(dumps(table)) == table


@pytest.mark.parametrize("name", ["torchvision/resnext50_32x4d", "timm/tf_efficientnet_lite0"])
def test_a_table_lists_every_parameter_in_the_models_order(name: str):
    named = [(path, p.numel()) for path, p in build(name, device="meta").named_parameters()]
    assert list(parameter_counts(tabulate(name)).items()) == named


def test_resnet18_is_tabulated_with_the_numbers_of_the_exercise():
    table = tabulate("torchvision/resnet18")
    assert table.parameters == 11_689_512
    assert {group.name: group.parameters for group in table.groups} == {
        "stem": 9_536,
        "layer1": 147_968,
        "layer2": 525_568,
        "layer3": 2_099_712,
        "layer4": 8_393_728,
        "head": 513_000,
    }
    assert table.layers[0] == Layer(path="conv1", kind="Conv2d", parameters={"weight": 9_408})


@pytest.mark.parametrize("name", [m for m in known_models() if m.startswith("torchvision/")])
def test_torchvisions_weights_are_named_with_its_default_first(name: str):
    known = torchvision.models.get_model_weights(name.split("/")[1])
    weights = tabulate(name).weights
    assert known[weights[0]] is known["DEFAULT"]
    assert sorted(weights) == sorted(member.name for member in known)


def test_efficientnet_lite0_has_the_bundled_weights():
    assert tabulate("timm/tf_efficientnet_lite0").weights == ("bundled",)


def test_a_vision_transformer_has_no_weights_that_work_offline():
    assert tabulate("timm/deit_tiny_patch16_224").weights == ()


def test_a_tied_parameter_is_listed_where_it_comes_first():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[1].weight = model[0].weight
    assert layers_of(model) == (
        Layer(path="0", kind="Linear", parameters={"weight": 4, "bias": 2}),
        Layer(path="1", kind="Linear", parameters={"bias": 2}),
    )


@pytest.mark.parametrize("name", ["torchvision/resnet19", "resnet18", "torchvision/vgg11"])
def test_a_model_that_is_unknown_or_cannot_be_grouped_is_refused(name: str):
    with pytest.raises(ModelError):
        tabulate(name)
