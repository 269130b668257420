from __future__ import annotations

from importlib.resources import files

import pytest
import timm
import torch
import torchvision
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from core.errors import ModelError
from core.models import catalogue
from core.models.layer_table import (
    LayerTable,
    TableLayer,
    dumps,
    for_classes,
    known_models,
    load,
    parameter_counts,
)
from core.training.models import build, torchvision_models
from core.training.tabulate import layers_of, tabulate
from tests.sample import SOME_MODELS
from tests.training import catalogue_lines


@pytest.mark.parametrize("name", SOME_MODELS)
def test_the_stored_table_is_what_the_model_says_to_the_letter(name: str):
    stored = files("core.models") / "tables" / f"{name.replace('/', '--', 1)}.json"
    assert stored.read_text(encoding="utf-8") == dumps(tabulate(name))


@pytest.mark.parametrize("name", SOME_MODELS)
def test_the_table_for_other_classes_is_that_of_the_model_with_such_heads(
    name: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("core.training.tabulate.CLASSES", 10)
    assert for_classes(load(name), 10) == tabulate(name)


@pytest.mark.parametrize("name", SOME_MODELS)
def test_products_cost_what_torch_counts_of_the_whole_model(name: str):
    model = build(name, device="meta").train()
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        model(torch.empty(1, 3, 224, 224, device="meta"))
    # what the table has beyond it is one for each element of what is no product
    whole, counted = load(name).flops_at(224), counter.get_total_flops()
    elements = sum(node.elements for node in load(name).nodes)
    assert counted <= whole <= counted + elements


def test_the_catalogue_has_the_libraries_models_but_for_those_that_newer_versions_add():
    installed = {f"torchvision/{name}" for name in torchvision_models()}
    installed |= {f"timm/{name}" for name in timm.list_models()}
    assert set(catalogue.names()) <= installed
    assert len(set(catalogue.names())) > 1_400


@pytest.mark.parametrize("name", SOME_MODELS)
def test_the_catalogue_says_of_a_model_what_its_library_says(name: str):
    entry = catalogue.entries()[name]
    assert catalogue.parse_line(catalogue_lines.line(name)) == entry
    assert tuple(weights.name for weights in entry.weights) == load(name).weights


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
    assert table.layers[0] == TableLayer(path="conv1", kind="Conv2d", parameters={"weight": 9_408})


@pytest.mark.parametrize("name", [m for m in known_models() if m.startswith("torchvision/")])
def test_torchvisions_weights_are_named_with_its_default_first(name: str):
    known = torchvision.models.get_model_weights(name.split("/")[1])
    weights = load(name).weights
    assert known[weights[0]] is known["DEFAULT"]
    assert sorted(weights) == sorted(w.name for w in known if w.name != "IMAGENET1K_FEATURES")


def test_the_bundled_weights_come_before_those_that_need_a_network():
    assert tabulate("timm/tf_efficientnet_lite0").weights == ("bundled", "in1k")


@pytest.mark.thorough
def test_weights_of_timm_are_named_by_their_tags_with_the_default_first():
    assert tabulate("timm/deit_tiny_patch16_224").weights == ("fb_in1k",)
    weights = tabulate("timm/resnet50").weights
    assert weights[0] == timm.get_pretrained_cfg("resnet50").tag
    assert {"a1_in1k", "tv_in1k"} < set(weights)


def test_a_tied_parameter_is_listed_where_it_comes_first():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[1].weight = model[0].weight
    assert layers_of(model) == (
        TableLayer(path="0", kind="Linear", parameters={"weight": 4, "bias": 2}),
        TableLayer(path="1", kind="Linear", parameters={"bias": 2}),
    )


@pytest.mark.parametrize("name", ["torchvision/resnet19", "resnet18", "torchvision/raft_small"])
def test_a_model_that_no_library_has_among_its_classifiers_is_refused(name: str):
    with pytest.raises(ModelError):
        tabulate(name)
