"""Costs before the run are those that torch counts and keeps when the phase really runs."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode, conv_flop_count

from core import presets
from core.cache_plan.planner import UNLIMITED
from core.cache_plan.savings import DataSize, savings
from core.freezing import apply_plan
from core.grouping import group_paths, resolve_groups
from core.models import layer_table
from core.models.costs import costs, state_bytes, without_rates
from core.models.layer_table import MEASURED_AT, Grouping, LayerGroup, LayerTable
from core.optimizer import build_optimizer
from core.schedule import edits, parse
from core.schedule.optimizers import OPTIMIZERS
from core.schedule.plan import phases
from core.schedule.spec import Schedule
from core.training import models
from core.training.tabulate import layers_of
from tests.schedule.strategies import real_schedules, windows

MODELS = ("torchvision/resnet18", "timm/tf_efficientnet_lite0", "timm/deit_tiny_patch16_224")
SMALL = ("first", "second", "head")


def windows_of(schedule: Schedule, **opened: list[list[int | None]]) -> Schedule:
    closed: dict[str, list[list[int | None]]] = {group.name: [] for group in schedule.groups}
    return edits.set_windows(schedule, closed | opened)


def products_only(table: LayerTable) -> LayerTable:
    """The table without what torch does not count: additions, activations, norms, pooling."""
    nodes = tuple(
        node if node.flops > node.elements else node._replace(flops=0) for node in table.nodes
    )
    return table.model_copy(update={"nodes": nodes})


def conv_backward(grad: Any, x: Any, w: Any, *args: Any, out_shape: Any, **_: Any) -> int:
    """As torch's own formula, which counts a grouped weight gradient once per group too many."""
    transposed, groups, mask = args[4], args[6], args[7]
    once: int = conv_flop_count(list(x), list(w), list(grad), transposed=transposed)
    assert not transposed
    assert x[1] == w[1] * groups
    return once * (int(mask[0]) + int(mask[1]))


def counted(schedule: Schedule, epoch: int) -> tuple[int, int]:
    """What torch counts of a real forward and backward pass in that epoch, for one image."""
    network = models.build(schedule.model.name, device="meta", image_size=MEASURED_AT).train()
    apply_plan(resolve_groups(network, group_paths(schedule)), schedule, epoch)
    mapping = {torch.ops.aten.convolution_backward: conv_backward}
    images = torch.empty(2, 3, MEASURED_AT, MEASURED_AT, device="meta")
    with FlopCounterMode(display=False) as forward:
        loss = network(images).sum()
    with FlopCounterMode(display=False, custom_mapping=mapping) as backward:
        loss.backward()
    return forward.get_total_flops() // 2, backward.get_total_flops() // 2


def patterns(schedule: Schedule) -> Schedule:
    """Six epochs: all, all but the first, the head, the first alone, one inside, first and head."""
    first, second, *_, inside, last = (group.name for group in schedule.groups)
    base: dict[str, list[list[int | None]]] = {group.name: [[0, 2]] for group in schedule.groups}
    base[first] = [[0, 1], [3, 4], [5, 6]]
    base[second] = [[0, 2]]
    base[inside] = [[0, 2], [4, 5]]
    base[last] = [[0, 3], [5, 6]]
    return windows_of(edits.set_field(schedule, "epochs", 6), **base)


@pytest.mark.parametrize("name", MODELS)
def test_flops_are_those_that_torch_counts_in_a_real_forward_and_backward_pass(name: str) -> None:
    table = layer_table.load(name)
    schedule = patterns(edits.use_model(presets.load("gradual"), table))
    found = costs(products_only(table), schedule, MEASURED_AT).phases
    assert len(found) == 6
    for part in found:
        assert (part.forward, part.backward) == counted(schedule, part.start)


def test_backward_stops_at_the_first_part_that_trains() -> None:
    table = products_only(layer_table.load("torchvision/resnet18"))
    schedule = windows_of(presets.load("exercise"), head=[[0, None]])
    (part,) = costs(table, schedule, MEASURED_AT).phases
    assert part.backward == 2 * 512 * 1_000  # the weights of the head, and nothing before it


def test_all_but_the_first_layer_costs_two_forward_passes() -> None:
    table = products_only(layer_table.load("torchvision/resnet18"))
    whole = costs(table, presets.load("exercise"), MEASURED_AT).whole
    conv1 = next(node for node in table.nodes if node.module == "conv1")
    assert whole.backward == 2 * whole.forward - conv1.flops  # nobody asks for the image's gradient


def small_schedule(draw: st.DrawFn) -> Schedule:
    optimizer = draw(
        st.sampled_from(
            [
                {"name": "adam", "base_lr": 0.01},
                {"name": "adamw", "base_lr": 0.01},
                {"name": "sgd", "base_lr": 0.01},
                {"name": "sgd", "base_lr": 0.01, "momentum": 0.0},
            ]
        )
    )
    raw = {
        "format": "thaw.schedule",
        "version": 1,
        "name": "small",
        "model": {"name": "my/small"},
        "epochs": 6,
        "optimizer": optimizer,
        "groups": [
            {"name": name, "modules": [name], "trainable": draw(windows(6))} for name in SMALL
        ],
    }
    return parse.from_raw(raw)


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3)
        self.second = nn.Conv2d(4, 4, 3)
        self.head = nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.head(self.second(self.first(x)).mean((2, 3)))
        return out


@given(st.composite(small_schedule)())
def test_memory_is_what_a_real_optimizer_holds_after_a_step(schedule: Schedule) -> None:
    network = Small()
    parts = tuple(LayerGroup(name=name, modules=(name,), parameters=0) for name in SMALL)
    table = LayerTable(
        model="my/small",
        parameters=sum(p.numel() for p in network.parameters()),
        weights=(),
        groupings=(Grouping(name="parts", groups=parts),),
        default="parts",
        heads=(),
        layers=layers_of(network),
    )
    groups = resolve_groups(network, group_paths(schedule))
    optimizer = build_optimizer(schedule, groups)
    for part in costs(table, schedule, 32).phases:
        network.train()
        apply_plan(groups, schedule, part.start)
        if part.trainable:
            network(torch.rand(2, 3, 8, 8)).sum().backward()
            optimizer.step()
        parameters = list(network.parameters())
        grads = [p.grad for p in parameters if p.grad is not None]
        state = [
            tensor
            for kept in optimizer.state.values()
            for name, tensor in kept.items()
            if name != "step" and tensor is not None
        ]
        assert part.trainable == sum(p.numel() for p in parameters if p.requires_grad)
        assert part.gradients == sum(grad.nbytes for grad in grads)
        assert part.state == sum(tensor.nbytes for tensor in state)


@given(real_schedules())
def test_nothing_costs_more_than_the_whole_network_from_the_start(schedule: Schedule) -> None:
    found = costs(layer_table.load(schedule.model.name), schedule, 64)
    whole = found.whole
    assert [(p.start, p.end) for p in found.phases] == [(p.start, p.end) for p in phases(schedule)]
    for part in found.phases:
        assert 0 <= part.trainable <= whole.trainable
        assert 0 <= part.memory <= whole.memory
        assert 0 <= part.backward <= whole.backward
        assert part.forward == whole.forward
        assert (part.backward > 0) == (part.trainable > 0)
    states = [part.state for part in found.phases]
    assert states == sorted(states)  # what has trained is kept


@given(real_schedules(), st.data())
def test_opening_a_group_never_makes_an_epoch_cheaper(
    schedule: Schedule, data: st.DataObject
) -> None:
    table = layer_table.load(schedule.model.name)
    group = data.draw(st.sampled_from(schedule.groups))
    before = costs(table, schedule, 64).phases
    after = costs(table, edits.set_windows(schedule, {group.name: [[0, None]]}), 64).phases
    for epoch in range(schedule.epochs):
        old, new = (next(p for p in row if p.start <= epoch < p.end) for row in (before, after))
        assert old.trainable <= new.trainable
        assert old.gradients <= new.gradients
        assert old.state <= new.state
        assert old.backward <= new.backward


@given(real_schedules())
def test_names_and_rates_change_no_cost_and_no_saving(schedule: Schedule) -> None:
    table, bare = layer_table.load(schedule.model.name), without_rates(schedule)
    assert costs(table, bare, 64) == costs(table, schedule, 64)
    data = DataSize(64, 100, 100, 16)
    assert savings(table, bare, data, UNLIMITED) == savings(table, schedule, data, UNLIMITED)


def test_schedules_that_differ_in_names_and_rates_alone_are_one_key() -> None:
    one = presets.load("gradual")
    other = edits.set_field(one, "name", "Another")
    other = edits.set_field(other, "optimizer.base_lr", 0.5)
    other = edits.set_field(other, "lr.decay.floor", {"lr": 0.1})
    other = edits.set_group(other, "head", lr_scale=3.0, name="classifier")
    assert without_rates(one) == without_rates(other)
    assert hash(without_rates(one)) == hash(without_rates(other))


@pytest.mark.parametrize(
    "changed",
    [
        edits.set_window(presets.load("gradual"), "head", 0, 1, None),
        edits.set_optimizer(presets.load("gradual"), "sgd"),
        edits.set_field(presets.load("gradual"), "epochs", 9),
        edits.set_group(presets.load("gradual"), "stage4", when_frozen="train"),
        edits.set_group(presets.load("gradual"), "stage4", batchnorm=None),
    ],
)
def test_what_costs_depend_on_stays_in_the_key(changed: Schedule) -> None:
    assert without_rates(changed) != without_rates(presets.load("gradual"))


def test_a_group_that_freezes_again_keeps_its_state_and_loses_its_gradients() -> None:
    schedule = windows_of(presets.load("exercise"), head=[[0, None]], layer4=[[2, 4]])
    found = costs(layer_table.load(schedule.model.name), schedule, 64).phases
    assert [part.trainable for part in found] == [513_000, 8_906_728, 513_000]
    assert [part.gradients for part in found] == [4 * part.trainable for part in found]
    assert [part.state for part in found] == [8 * 513_000, 8 * 8_906_728, 8 * 8_906_728]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_state_is_what_torchs_optimizer_keeps_beside_single_numbers(name: str) -> None:
    spec = edits.set_optimizer(presets.load("gradual"), name).optimizer
    plain = spec.model_copy(update={"momentum": 0.0}) if "momentum" in spec.options() else spec
    for each in {spec, plain}:
        weight = torch.nn.Parameter(torch.ones(100))
        optimizer = getattr(torch.optim, each.title())([weight], **each.options())
        weight.sum().backward()
        optimizer.step()
        kept = [value for value in optimizer.state[weight].values() if value is not None]
        assert state_bytes(each) == sum(v.nbytes for v in kept if v.numel() > 1) / 100


def test_without_a_forward_pass_memory_is_known_and_flops_are_0() -> None:
    schedule = presets.load("exercise")
    table = layer_table.load(schedule.model.name).model_copy(update={"nodes": ()})
    whole = costs(table, schedule, 64).whole
    assert (whole.trainable, whole.memory) == (11_689_512, 12 * 11_689_512)
    assert (whole.forward, whole.backward) == (0, 0)


def test_flops_grow_with_the_area_of_the_image() -> None:
    table = layer_table.load("torchvision/resnet18")
    forwards = [costs(table, presets.load("exercise"), s).whole.forward for s in (64, 128, 256)]
    assert all(big == pytest.approx(4 * small, rel=0.01) for small, big in pairwise(forwards))
