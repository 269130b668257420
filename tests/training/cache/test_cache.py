from __future__ import annotations

import shutil
from functools import partial
from itertools import count

import pytest
import torch
from torch import nn

from core.cache_plan.split_points import ForwardCosts, Work, cuts_of
from core.grouping import group_paths, resolve_groups
from core.runs import events as ev
from core.schedule import parse
from core.training.cache import exactness, run_plan
from core.training.cache import graph as frozen
from core.training.cache.engine import FrozenCache
from core.training.cache.exactness import arithmetic, path_difference
from core.training.cache.forward_path import ForwardPath, prefetch
from core.training.cache.run_plan import free_budget
from core.training.cache.tracing import UntraceableError, trace
from core.training.data import Data, Split
from core.training.distributed import Ranks
from core.training.job import Job
from core.training.models import Network
from core.training.numerics import Arithmetic
from core.training.shards import Shards
from tests.training.nets import all_cost_in_the_first_layer
from tests.training.small import (
    of_kind,
    run,
    same_bits,
    small_schedule,
    small_settings,
    weights,
)


def both(folder, schedule, **settings):
    """The cache's decisions in a run whose bits are asserted to be those of a plain one."""
    on = run(folder / "on", schedule, small_settings(**settings))
    off = run(folder / "off", schedule, small_settings(cache="off", **settings))
    assert same_bits(weights(folder / "on"), weights(folder / "off"))
    assert of_kind(on, ev.Step) == of_kind(off, ev.Step)
    for one, other in zip(of_kind(on, ev.EpochDone), of_kind(off, ev.EpochDone), strict=True):
        assert one.validation_loss == other.validation_loss
        assert one.validation_accuracy == other.validation_accuracy
    (decision, *_) = of_kind(off, ev.CacheDecision)
    assert not decision.on
    assert decision.reason == "--cache is off"
    return of_kind(on, ev.CacheDecision)


@pytest.mark.thorough
def test_the_cache_changes_no_bit_of_gradual_unfreezing_on_the_bundled_model(tmp_path):
    decisions = both(tmp_path, small_schedule(6), samples=64)
    assert decisions[0].on
    assert decisions[0].reason.endswith(" ran once, for epochs 0 to 5")


@pytest.fixture
def one_thread():
    """Kernels that a single thread uses for a few images round otherwise than those for many."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.thorough
def test_few_images_that_are_rounded_otherwise_do_not_turn_the_cache_off(tmp_path, one_thread):
    decisions = both(tmp_path, small_schedule(6), samples=64, validation_samples=32)
    assert [decision.on for decision in decisions] == [True] * 3


def test_the_cache_ends_before_a_frozen_batch_norm_whose_statistics_move(tmp_path):
    schedule = small_schedule(2, when_frozen="train", conv_head=[])
    (decision,) = of_kind(run(tmp_path, schedule), ev.CacheDecision)
    assert not decision.on  # a single convolution is not worth a pass
    assert decision.reason == "a pass would cost more than it saves in the epochs that it serves"


def test_nothing_is_cached_when_all_is_open(tmp_path):
    everything = {name: [[0, None]] for name in ("stem", "stage1", "stage2", "stage3", "stage4")}
    schedule = small_schedule(1, conv_head=[[0, None]], **everything)
    (decision,) = of_kind(run(tmp_path, schedule), ev.CacheDecision)
    assert not decision.on
    assert decision.reason == "no layer lies before the first one that changes"


def test_a_pass_for_a_single_epoch_is_not_made(tmp_path):
    (decision,) = of_kind(run(tmp_path, small_schedule(1)), ev.CacheDecision)
    assert not decision.on
    assert decision.reason == "a pass would cost more than it saves in the epochs that it serves"


@pytest.mark.thorough
def test_a_budget_of_nothing_is_named_as_the_cause(tmp_path):
    settings = small_settings(samples=64, cache_memory=0, cache_disk=0)
    (decision, *_) = of_kind(run(tmp_path, small_schedule(6), settings), ev.CacheDecision)
    assert not decision.on
    told = "the stored tensors would take over 0 MB of memory and 0 MB of disk"
    assert decision.reason == told


def test_a_disk_that_does_not_tell_what_is_free_counts_as_full(tmp_path, monkeypatch):
    def refuse(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(shutil, "disk_usage", refuse)
    assert free_budget(small_settings(), torch.device("cpu"), tmp_path, Ranks()).disk == 0
    assert of_kind(run(tmp_path, small_schedule(3), small_settings()), ev.Finished)


@pytest.mark.parametrize(("device", "memory"), [("cpu", 50_000_000), ("cuda", 100_000_000)])
def test_the_processes_of_a_machine_share_what_the_cache_may_take(
    device, memory, tmp_path, monkeypatch
):
    monkeypatch.setattr(run_plan, "free_memory", lambda _: 0)
    monkeypatch.setattr(Ranks, "all_gather", lambda _, value: [value])
    settings, ranks = small_settings(cache_memory=100, cache_disk=10), Ranks(0, 4, 0, 2)
    budget = free_budget(settings, torch.device(device), tmp_path, ranks)
    assert (budget.memory, budget.disk) == (memory, 5_000_000)


@pytest.mark.thorough
def test_the_forecast_counts_every_epoch_and_is_never_slower_than_without(tmp_path):
    events = run(tmp_path, small_schedule(6), small_settings(samples=64))
    (forecast,) = of_kind(events, ev.Forecast)
    assert len(forecast.epochs) == 6
    assert abs(sum(forecast.epochs) - forecast.seconds) < 1e-9
    assert forecast.seconds < forecast.plain_seconds
    assert forecast.memory == max(d.bytes for d in of_kind(events, ev.CacheDecision))


class Branching(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x) if x.sum() > 0 else x


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.second = nn.Linear(4, 4)
        self.drop = nn.Dropout(0.5)
        self.last = nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        once = torch.relu(self.first(x))
        return self.last(self.drop(self.second(once)) + once)


def test_a_model_that_branches_on_its_data_is_untraceable():
    with pytest.raises(UntraceableError):
        trace(Branching(), torch.randn(3, 2))


def boundary_of(model: nn.Module, width: int = 4) -> tuple[str, ...]:
    """Names of the nodes whose tensors cross the deepest cut."""
    graph = trace(model, torch.randn(3, width))
    fixed = frozen.fixed_nodes(graph, model, frozen.moving(model, [graph]))
    nodes = frozen.forward_nodes(graph)
    costs = ForwardCosts(frozen.input_indices(graph), (1.0,) * len(nodes), (4,) * len(nodes))
    (deepest, *_) = cuts_of(Work(costs, (fixed,), 1, trains=True), 0)
    return tuple(nodes[place].name for place in deepest.boundary)


def places(graph: torch.fx.Graph, *names: str) -> list[int]:
    """Places of the nodes of these names."""
    every = [node.name for node in graph.nodes]
    return [every.index(name) for name in names]


def test_several_tensors_may_cross_the_cut():
    model = Residual()
    model.first.requires_grad_(False)
    model.second.requires_grad_(False)
    assert boundary_of(model) == ("relu", "second")  # dropout is random, so it stays


def test_dropout_in_eval_mode_belongs_to_the_frozen_part():
    model = Residual()
    for part in (model.first, model.second):
        part.requires_grad_(False)
    model.drop.eval()
    assert boundary_of(model) == ("add",)


def test_dropout_that_drops_nothing_is_not_random():
    model = Residual()
    for part in (model.first, model.second):
        part.requires_grad_(False)
    model.drop.p = 0.0
    assert boundary_of(model) == ("add",)


def test_prefix_and_suffix_together_are_the_model():
    model = Residual().eval()
    x = torch.randn(3, 4)
    graph = trace(model, x)
    before = frozenset(places(graph, "x", "first", "relu", "second"))
    last = places(graph, "relu", "second")
    boundary = frozen.prefix(model, graph, last)(x)
    rest = frozen.suffix(model, graph, before, last)
    assert torch.equal(rest(*boundary), model(x))


def test_a_parameter_read_on_both_sides_of_a_cut_is_read_again():
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.randn(4), requires_grad=False)
            self.first = nn.Linear(4, 4).requires_grad_(False)
            self.last = nn.Linear(4, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.last(torch.relu(self.first(x * self.scale)) * self.scale)

    model = Shared()
    assert boundary_of(model) == ("mul_1",)
    x = torch.randn(3, 4)
    graph = trace(model, x)
    before = frozenset(places(graph, "x", "scale", "mul", "first", "relu"))
    (boundary,) = frozen.prefix(model, graph, places(graph, "relu"))(x)
    rest = frozen.suffix(model, graph, before, places(graph, "relu"))
    assert torch.equal(rest(boundary), model(x))


def test_functional_dropout_is_random_only_while_it_is_on():
    class Functional(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(2, 2).requires_grad_(False)
            self.last = nn.Linear(2, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = nn.functional.dropout(self.first(x), 0.5, training=self.training)
            return self.last(x)

    assert boundary_of(Functional(), 2) == ("first",)
    assert boundary_of(Functional().eval(), 2) == ("dropout",)


def test_attention_with_dropout_is_random():
    class Attention(nn.Module):
        def __init__(self, share: float) -> None:
            super().__init__()
            self.first = nn.Linear(2, 2).requires_grad_(False)
            self.last = nn.Linear(2, 2)
            self.share = share

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.first(x)
            x = nn.functional.scaled_dot_product_attention(x, x, x, dropout_p=self.share)
            return self.last(x)

    assert boundary_of(Attention(0.1), 2) == ("first",)
    assert boundary_of(Attention(0.0), 2) == ("scaled_dot_product_attention",)


class Crowd(nn.Module):
    """What an image becomes depends on the others in its batch, also in the frozen part."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.last = nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        once = self.first(x.mean((2, 3)))
        return self.last(once - once.mean(0))


def test_stored_tensors_are_tried_in_the_batches_that_will_be_trained(tmp_path):
    group = {"name": "first", "modules": ["first"]}
    head = {"name": "last", "modules": ["last"], "trainable": [[0, None]]}
    schedule = parse.from_raw(
        {
            "format": "thaw.schedule",
            "version": 1,
            "name": "Crowd",
            "model": {"name": "torchvision/resnet18"},
            "epochs": 2,
            "optimizer": {"name": "sgd", "base_lr": 0.1},
            "groups": [group, head],
        }
    )
    torch.manual_seed(0)
    model = Crowd()
    images = torch.randint(256, (16, 3, 4, 4), dtype=torch.uint8)
    split = Split(images, torch.arange(16) % 2)
    cache = FrozenCache(
        Network(model, (0.5,) * 3, (0.2,) * 3),
        resolve_groups(model, group_paths(schedule)),
        Job(schedule, small_settings(batch_size=4), tmp_path),
        Data(split, split, ("a", "b")),
        Shards(1, range(1), 4),
        Arithmetic(torch.device("cpu")),
    )
    with all_cost_in_the_first_layer():
        *_, decision, _ = cache.training_path(0)
    assert not decision.on
    assert decision.reason == "a batch gave different bits with the cache than without it"


def path_of(rows: torch.Tensor, model: nn.Module, change=lambda row: row) -> ForwardPath:
    return ForwardPath(lambda entries: (change(rows[entries]),), model)


def part_of(model: nn.Module) -> torch.fx.GraphModule:
    graph = trace(model, torch.randn(2, 3, 4, 4))
    return frozen.prefix(model, graph, [len(graph.nodes) - 2])


def test_parts_have_the_same_arithmetic_unless_a_module_heeds_the_mode_in_which_they_differ():
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4).eval(), nn.ReLU())
    training = arithmetic(part_of(model))
    assert arithmetic(part_of(model.eval())) == training
    assert arithmetic(part_of(model.train())) != training
    assert arithmetic(part_of(model[:2])) != training


def test_parts_do_not_have_the_same_arithmetic_where_a_mode_is_baked_into_one():
    class Baked(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return nn.functional.dropout(x, 0.5, training=self.training)

    assert arithmetic(part_of(Baked())) != arithmetic(part_of(Baked().eval()))


@pytest.mark.thorough
def test_a_size_of_batch_is_proved_once_in_a_pass_over_both_splits(tmp_path, monkeypatch):
    proved: list[list[int]] = []

    def noted(part, store, batches):
        proved.append([len(entries) for entries in batches])
        return rows_difference(part, store, batches)

    rows_difference = exactness.rows_difference
    monkeypatch.setattr(exactness, "rows_difference", noted)
    both(tmp_path, small_schedule(6), samples=64, batch_size=16, validation_samples=40)
    assert proved == [[16], [8]]  # 64 are four batches of 16; of 40, the last has 8


def test_a_device_that_does_not_repeat_its_own_bits_is_named_as_the_cause():
    model = nn.Linear(2, 2)
    rows, tried = torch.randn(4, 2), torch.tensor([2, 0])
    steady = path_of(rows, model)
    turns = count(1)
    restless = path_of(rows, model, lambda row: row + next(turns))
    assert path_difference(steady, steady, model, tried) == ""
    assert (
        path_difference(steady, restless, model, tried)
        == "this device does not reproduce its own bits"
    )


def test_a_stored_row_that_is_wrong_is_found_in_the_batch_that_has_it():
    model = nn.Linear(2, 2)
    rows = torch.randn(4, 2)
    wrong = rows.clone()
    wrong[2, 0] += 1.0
    plain, cached = path_of(rows, model), path_of(wrong, model)
    assert path_difference(cached, plain, model, torch.tensor([0, 1])) == ""
    why = path_difference(cached, plain, model, torch.tensor([3, 2]))
    assert why == "a batch gave different bits with the cache than without it"


def test_a_comparison_leaves_buffers_and_randomness_as_they_were():
    model = nn.Sequential(nn.BatchNorm1d(2), nn.Dropout(0.5)).train()
    rows = torch.randn(4, 2)
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    path = path_of(rows, nn.Sequential(model, nn.Linear(2, 2)))
    before = [buffer.clone() for buffer in model.buffers()]
    whole = nn.Sequential(model, nn.Linear(2, 2).requires_grad_(False))
    torch.manual_seed(3)
    assert path_difference(path, path, whole, torch.arange(4)) == ""
    assert all(map(torch.equal, before, model.buffers()))
    assert torch.equal(torch.rand(1), expected)


def test_inputs_that_are_made_ahead_come_in_the_same_order():
    rows = torch.randn(6, 2)
    batches = [torch.tensor([0, 3]), torch.tensor([5]), torch.tensor([1, 2])]
    now = path_of(rows, nn.Identity())
    ahead = ForwardPath(now.source, now.network, partial(prefetch, now.source))
    for (one,), (other,) in zip(now.stream(batches), ahead.stream(batches), strict=True):
        assert torch.equal(one, other)
