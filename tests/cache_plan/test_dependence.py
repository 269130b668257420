from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, fx, nn

from core import presets
from core.cache_plan.dependence import Dependence
from core.freezing import apply_plan
from core.grouping import group_paths, resolve_groups
from core.models import layer_table
from core.models.layer_table import LayerTable
from core.presets.apply import apply
from core.schedule import edits, parse
from core.schedule.plan import phases, training_groups
from core.schedule.spec import Schedule
from core.training.cache import graph
from core.training.cache.tracing import trace
from core.training.forward_costs import nodes_of
from core.training.models import build
from core.training.tabulate import layers_of
from tests.schedule.strategies import windows

MODELS = ("torchvision/resnet18", "timm/tf_efficientnet_lite0", "timm/deit_tiny_patch16_224")
MODES = (True, False)


class Crossroads(nn.Module):
    """A branch, a BatchNorm outside the blocks, dropout in a block and dropout between them.

    What the branches make is written into through a view.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 16, 16), nn.BatchNorm2d(4), nn.Dropout(0.1))
        self.between = nn.Dropout2d(0.2)
        self.off = nn.Dropout(0.0)
        self.left = nn.Conv2d(4, 4, 1)
        self.right = nn.Sequential(nn.ReLU(), nn.BatchNorm2d(4))
        self.scale = nn.Parameter(torch.ones(1))
        self.gain = nn.Parameter(torch.ones(1))
        self.head = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = self.left(self.off(x)) + self.right(self.between(x) * self.scale)
        x.flatten(1).mul_(self.gain)
        return self.head(x.mean((2, 3)))


@cache
def real(name: str) -> tuple[nn.Module, dict[bool, fx.Graph]]:
    with torch.device("meta"):
        model = Crossroads() if name == "crossroads" else build(name, device="meta")
        images = torch.empty(2, 3, 224, 224)
    return model, {mode: trace(model.train(mode), images) for mode in MODES}


@cache
def crossroads_table() -> LayerTable:
    def make(size: int) -> nn.Module:
        with torch.device("meta"):
            return Crossroads()

    found = layers_of(make(0))
    size = sum(sum(layer.parameters.values()) for layer in found)
    return LayerTable(
        model="my/crossroads",
        parameters=size,
        weights=(),
        groupings=(),
        default="",
        heads=(),
        layers=found,
        nodes=nodes_of(make),
    )


def truth(name: str, schedule: Schedule, epoch: int, *, training: bool) -> set[str]:
    """Names of the fixed nodes, by the flags of the network itself under the plan."""
    model, graphs = real(name)
    groups = resolve_groups(model, group_paths(schedule))
    model.train()
    apply_plan(groups, schedule, epoch)
    moving = graph.moving(model, graphs.values())
    if not training:
        drops = (nn.Dropout, nn.Dropout2d)
        random = {path for path, module in model.named_modules() if isinstance(module, drops)}
        moving = replace(moving, modules=moving.modules - random)
        model.eval()
        apply_plan(groups, schedule, epoch, training=False)
    nodes = graph.forward_nodes(graphs[training])
    return {nodes[place].name for place in graph.fixed_nodes(graphs[training], model, moving)}


def named(table: LayerTable, schedule: Schedule, epoch: int, *, training: bool) -> set[str]:
    names = training_groups(schedule, epoch)
    places = Dependence(table, schedule).fixed(names, training=training)
    return {table.nodes[place].name for place in places}


def changed(schedule: Schedule, **groups: dict[str, Any]) -> Schedule:
    """The schedule with other fields in the groups at these places: `g0`, `g1`, and so on."""
    raw = parse.to_raw(schedule)
    for place, fields in groups.items():
        raw["groups"][int(place[1:])].update(fields)
    return parse.from_raw(raw)


def variants(model: str) -> dict[str, Schedule]:
    table = layer_table.load(model)
    first = ("discriminative", "exercise", "exercise-mended", "gradual", "head-only")
    found = {name: edits.use_model(presets.load(name), table) for name in first}
    found |= {
        name: apply(presets.by_name(name), table) for name in ("chain-thaw", "surgical-middle")
    }
    start = found["gradual"]
    found["freezes again"] = changed(start, g1={"trainable": [[1, 2], [3, None]]})
    found["drifts"] = changed(
        start, g0={"trainable": [], "when_frozen": "train"}, g2={"when_frozen": "train"}
    )
    found["open from the image on"] = changed(start, g0={"trainable": [[0, 1]]})
    found["open in the middle alone"] = changed(start, g2={"trainable": [[0, None]]})
    still = {"batchnorm": "eval", "when_frozen": "train"}
    found["statistics held"] = changed(start, g0=still | {"trainable": []}, g1=still)
    return found


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("variant", variants(MODELS[0]))
def test_the_fixed_nodes_are_those_of_the_network_itself(model: str, variant: str):
    schedule = variants(model)[variant]
    table = layer_table.load(model)
    for phase in phases(schedule):
        for training in MODES:
            expected = truth(model, schedule, phase.start, training=training)
            assert named(table, schedule, phase.start, training=training) == expected


PATHS = ("stem", "left", "right", "scale", "gain", "head")


@st.composite
def plans(draw: st.DrawFn) -> Schedule:
    """Groups over the crossroads, split in various places, with any windows and modes."""
    paths = [path for path in PATHS if path != "stem"]
    paths += draw(
        st.sampled_from([["stem"], ["stem.0", "stem.1"], ["stem.0.weight", "stem.0.bias"]])
    )
    if "stem.0.weight" in paths:
        paths += draw(st.sampled_from([["stem.1"], ["stem.1.weight", "stem.1.bias"]]))
    number = draw(st.integers(1, len(paths)))
    owners = draw(st.lists(st.integers(0, number - 1), min_size=len(paths), max_size=len(paths)))
    groups = []
    for owner in sorted(set(owners)):
        group: dict[str, Any] = {
            "name": f"g{owner}",
            "modules": [path for path, of in zip(paths, owners, strict=True) if of == owner],
            "trainable": draw(windows(4)),
            "when_frozen": draw(st.sampled_from(["eval", "train"])),
        }
        if draw(st.booleans()):
            group["batchnorm"] = "eval"
        groups.append(group)
    raw = parse.to_raw(presets.load("gradual"))
    raw |= {"epochs": 4, "groups": groups, "model": {"name": "my/crossroads"}}
    return parse.from_raw(raw)


@given(plans(), st.integers(0, 3), st.booleans())
def test_whatever_groups_a_small_network_has_the_fixed_nodes_are_its_own(
    schedule: Schedule, epoch: int, training: bool
):
    expected = truth("crossroads", schedule, epoch, training=training)
    assert named(crossroads_table(), schedule, epoch, training=training) == expected


def test_dropout_outside_all_groups_moves_in_training_and_not_in_validation():
    raw = parse.to_raw(presets.load("gradual"))
    groups = [{"name": "body", "modules": list(PATHS[:-1])}, {"name": "head", "modules": ["head"]}]
    groups[1]["trainable"] = [[0, None]]
    schedule = parse.from_raw(raw | {"groups": groups, "model": {"name": "my/crossroads"}})
    table = crossroads_table()
    assert "between" not in named(table, schedule, 0, training=True)
    assert {"stem_2", "left", "off"} <= named(table, schedule, 0, training=True)
    everything_but_the_head = {node.name for node in table.nodes} - {"head"}
    assert named(table, schedule, 0, training=False) == everything_but_the_head


def test_a_table_without_nodes_has_no_fixed_ones():
    table = layer_table.load("torchvision/resnet18").model_copy(update={"nodes": ()})
    assert named(table, presets.load("exercise"), 0, training=True) == set()
