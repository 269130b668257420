from __future__ import annotations

from importlib.resources import files
from math import prod

import pytest
from pydantic import ValidationError

from core.errors import ModelError
from core.models.layer_table import (
    Grouping,
    Head,
    LayerGroup,
    LayerTable,
    TableLayer,
    TableNode,
    count_elements,
    dumps,
    find_stored,
    for_classes,
    known_models,
    load,
    parameter_counts,
)
from core.schedule.paths import covers

ALL = LayerGroup(name="all", modules=("layer1", "layer10", "scale"), parameters=17)
TABLE = LayerTable(
    model="test/tiny",
    parameters=17,
    weights=(),
    groupings=(Grouping(name="one", groups=(ALL,)),),
    default="one",
    heads=(Head(path="layer10", features=2, bias=False),),
    layers=(
        TableLayer(path="", kind="Tiny", parameters={"scale": 1}),
        TableLayer(path="layer1", kind="Linear", parameters={"weight": 4, "bias": 2}),
        TableLayer(path="layer10", kind="Linear", parameters={"weight": prod((2, 5))}),
    ),
)


def test_tables_ship_for_more_than_forty_models_of_both_libraries_in_2500_kilobytes():
    names = known_models()
    assert len(names) >= 40
    assert {name.split("/")[0] for name in names} == {"torchvision", "timm"}
    assert names == tuple(sorted(names))
    stored = (files("core.models") / "tables").iterdir()
    assert sum(len(entry.read_bytes()) for entry in stored) < 2_500_000


@pytest.mark.parametrize("name", known_models())
def test_a_stored_table_is_of_the_model_that_its_file_names(name: str):
    assert load(name).model == name
    assert find_stored(name) == load(name)


@pytest.mark.parametrize("name", known_models())
def test_the_default_groups_of_a_table_hold_every_parameter_exactly_once(name: str):
    table = load(name)
    paths = [path for group in table.groups for path in group.modules]
    for parameter in parameter_counts(table):
        assert sum(covers(path, parameter) for path in paths) == 1
    for group in table.groups:
        assert count_elements(table, group.modules) == group.parameters
    assert sum(group.parameters for group in table.groups) == table.parameters


@pytest.mark.parametrize("name", known_models())
def test_every_grouping_holds_every_parameter_once_and_a_finer_one_cuts_within_the_coarser(name):
    table = load(name)
    sizes = parameter_counts(table)
    coarser = dict.fromkeys(sizes, 0)
    for grouping in table.groupings:
        assert len({group.name for group in grouping.groups}) == len(grouping.groups)
        owners = {
            parameter: [
                place
                for place, group in enumerate(grouping.groups)
                if any(covers(path, parameter) for path in group.modules)
            ]
            for parameter in sizes
        }
        assert all(len(places) == 1 for places in owners.values())
        pairs = sorted({(owners[p][0], coarser[p]) for p in sizes})
        assert [place for place, _ in pairs] == list(range(len(grouping.groups)))
        assert [outer for _, outer in pairs] == sorted(outer for _, outer in pairs)
        assert [count_elements(table, g.modules) for g in grouping.groups] == [
            group.parameters for group in grouping.groups
        ]
        coarser = {parameter: places[0] for parameter, places in owners.items()}


def test_a_model_without_a_table_is_not_found():
    assert find_stored("torchvision/resnet19") is None


def test_loading_a_model_without_a_table_names_the_nearest():
    with pytest.raises(ModelError) as caught:
        load("torchvision/resnet19")
    assert str(caught.value) == (
        "model.name is 'torchvision/resnet19', which has no layer table: "
        "did you mean 'torchvision/resnet18'?"
    )


def test_parameters_are_listed_by_path_also_those_of_the_model_itself():
    assert parameter_counts(TABLE) == {
        "scale": 1,
        "layer1.weight": 4,
        "layer1.bias": 2,
        "layer10.weight": 10,
    }


def test_a_path_counts_its_parts_and_not_what_only_begins_alike():
    assert count_elements(TABLE, ("layer1",)) == 6
    assert count_elements(TABLE, ("layer1.bias", "scale")) == 3


def test_what_a_group_names_twice_or_from_within_is_counted_once():
    assert count_elements(TABLE, ("layer1.bias", "layer1", "layer1", "nowhere")) == 6


@pytest.mark.parametrize("name", known_models())
def test_a_count_is_the_sum_over_the_parameters_that_the_paths_cover(name: str):
    table = load(name)
    paths = tuple(layer.path for layer in table.layers[::3]) + table.groups[-1].modules
    sizes = parameter_counts(table)
    covered = [p for p in sizes if any(covers(path, p) for path in paths)]
    assert count_elements(table, paths) == sum(sizes[p] for p in covered)


@pytest.mark.parametrize("name", known_models())
def test_the_nodes_of_a_table_begin_with_the_image_and_read_only_earlier_ones(name: str):
    nodes = load(name).nodes
    assert nodes[0].elements == 3 * 224 * 224
    assert all(source < place for place, node in enumerate(nodes) for source in node.inputs)
    assert len({node.name for node in nodes}) == len(nodes)


@pytest.mark.parametrize("name", known_models())
def test_every_parameter_of_a_table_is_read_by_a_node(name: str):
    table = load(name)
    modules = {node.module for node in table.nodes}
    for parameter in parameter_counts(table):
        assert any(module and covers(module, parameter) for module in modules)


def test_resnet18_takes_the_known_1_81_billion_multiply_adds():
    assert load("torchvision/resnet18").flops_at(224) / 2 == pytest.approx(1.814e9, rel=0.005)


def test_cost_grows_with_the_area_with_attention_twice_so_and_behind_pooling_not_at_all():
    convolution = TableNode("conv", "conv", (), 1_000, 10)
    attention = TableNode("attention", "", (), 1_000, 10, "", 4, 2)
    head = TableNode("fc", "fc", (), 1_000, 10, "", 0, 0)
    nodes = (convolution, attention, head)
    assert [node.flops_at(448) for node in nodes] == [4_000, 16_000, 1_000]
    assert [node.elements_at(448) for node in nodes] == [40, 40, 10]
    assert [node.flops_at(112) for node in nodes] == [250, 62, 1_000]
    assert TABLE.model_copy(update={"nodes": nodes}).flops_at(448) == 21_000


def test_a_table_as_text_reads_back_as_itself_with_defaults_left_out():
    nodes = (TableNode("x", "", (), 0, 12), TableNode("fc", "layer1", (0,), 8, 2, "", 0, 0))
    table = TABLE.model_copy(update={"nodes": nodes})
    text = dumps(table)
    assert text.splitlines()[-4:] == [
        '"nodes":[',
        '["x","",[],0,12],',
        '["fc","layer1",[0],8,2,"",0,0]',
        "]}",
    ]
    assert LayerTable.model_validate_json(text) == table


def test_a_node_of_another_kind_is_refused():
    raw = (
        '{"model":"m","parameters":0,"weights":[],"groupings":[],"default":"","heads":[],'
        '"layers":[],"nodes":[%s]}'
    )
    assert len(LayerTable.model_validate_json(raw % '["x","",[],0,12]').nodes) == 1
    for wrong in (
        '["x","",[],0]',
        '["x","",[],0,12,"soon"]',
        '["x","",[],0.5,12]',
        '["x","",[],0,1,"",3]',
    ):
        with pytest.raises(ValidationError):
            LayerTable.model_validate_json(raw % wrong)


def test_a_table_for_other_classes_has_their_heads_and_what_is_computed_from_them():
    nodes = (
        TableNode("x", "", (), 0, 12),
        TableNode("body", "layer1", (0,), 8, 2),
        TableNode("head", "layer10", (1,), 20, 5, "", 0, 0),
        TableNode("flat", "", (2,), 0, 5, "", 0, 0),
        TableNode("soft", "", (3,), 5, 5, "", 0, 0),
    )
    table = TABLE.model_copy(update={"nodes": nodes})
    assert table.sizes["layer10"] == 10
    three = for_classes(table, 3)
    assert parameter_counts(three)["layer10.weight"] == 6
    assert three.parameters == sum(three.sizes[path] for path in ALL.modules) == 13
    assert three.groups[0].parameters == 13
    assert [(node.flops, node.elements) for node in three.nodes] == [
        (0, 12),
        (8, 2),
        (12, 3),
        (0, 3),
        (3, 3),
    ]
    assert for_classes(three, 5) == table


def test_a_table_for_its_own_classes_is_itself():
    table = load("torchvision/resnet18")
    assert for_classes(table, 1_000) is table
    assert for_classes(table, 10) is for_classes(table, 10)
    assert for_classes(table, 10).parameters == 11_181_642
    assert for_classes(TABLE.model_copy(update={"heads": ()}), 7) == TABLE.model_copy(
        update={"heads": ()}
    )
