from __future__ import annotations

from itertools import count

import pytest
import torch
from torch import nn

from core.design import parse
from core.grouping import group_paths, resolve_groups
from core.runs import events as ev
from core.training import frozen
from core.training.cache import FrozenCache, Routes
from core.training.data import Data, Split
from core.training.models import Network
from core.training.route import Route, difference
from tests.training.small import (
    of_kind,
    run,
    same_bits,
    small_schedule,
    small_settings,
    weights,
)


def both(folder, schedule, **settings):
    """The events with and without the cache, whose bits are asserted to be the same."""
    on = run(folder / "on", schedule, small_settings(**settings))
    off = run(folder / "off", schedule, small_settings(cache="off", **settings))
    assert same_bits(weights(folder / "on"), weights(folder / "off"))
    assert of_kind(on, ev.Step) == of_kind(off, ev.Step)
    for one, other in zip(of_kind(on, ev.EpochDone), of_kind(off, ev.EpochDone), strict=True):
        assert one.validation_loss == other.validation_loss
        assert one.validation_accuracy == other.validation_accuracy
    return of_kind(on, ev.CacheDecision), of_kind(off, ev.CacheDecision)


def test_the_cache_changes_no_bit_of_gradual_unfreezing(tmp_path):
    on, off = both(tmp_path, small_schedule(4))
    assert [decision.on for decision in on] == [True, True, True]
    assert not any(decision.on for decision in off)
    assert off[0].reason == "switched off by --cache off"


def test_the_cache_changes_no_bit_when_a_group_freezes_again_after_it_has_moved(tmp_path):
    on, _ = both(tmp_path, small_schedule(6, conv_head=[[2, 4]], stage4=[]))
    assert [(decision.epoch, decision.on) for decision in on] == [(0, True), (2, True), (4, True)]


def test_the_cache_changes_no_bit_with_a_small_last_batch(tmp_path):
    on, _ = both(tmp_path, small_schedule(2), samples=35, validation_samples=33)
    assert on[0].on


def test_one_pass_serves_all_phases_of_one_epoch_each(tmp_path):
    events = run(tmp_path, small_schedule(3))
    stages = [e.stage for e in of_kind(events, ev.Progress) if e.stage == "caching"]
    assert len(stages) == 6  # three chunks of 16 for the 40 images of each split
    decisions = of_kind(events, ev.CacheDecision)
    assert decisions[0].reason == "the layers before classifier ran once, for epochs 0 to 2"
    assert decisions[2].reason == "the layers before blocks.5.0.conv_pw ran in epoch 0"
    assert decisions[0].bytes > decisions[1].bytes > decisions[2].bytes > 0


def test_the_cache_ends_before_a_frozen_batch_norm_whose_statistics_move(tmp_path):
    on, _ = both(tmp_path, small_schedule(2, when_frozen="train", conv_head=[]))
    assert on[0].reason == "the layers before bn1 ran once, for epochs 0 to 1"


def test_nothing_is_cached_when_all_is_open(tmp_path):
    everything = {name: [[0, None]] for name in ("stem", "stage1", "stage2", "stage3", "stage4")}
    schedule = small_schedule(1, conv_head=[[0, None]], **everything)
    (decision,) = of_kind(run(tmp_path, schedule), ev.CacheDecision)
    assert not decision.on


def test_a_pass_for_a_single_epoch_is_not_made(tmp_path):
    (decision,) = of_kind(run(tmp_path, small_schedule(1)), ev.CacheDecision)
    assert not decision.on
    assert decision.reason == "the pass would serve one epoch only and cost what it saves"


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
    with pytest.raises(frozen.UntraceableError):
        frozen.trace(Branching())


def cut_of(model: nn.Module) -> frozen.Cut:
    graph = frozen.trace(model)
    return frozen.cut(graph, frozen.fixed_nodes(graph, model, frozen.moving_modules(model)))


def test_several_tensors_may_cross_the_cut():
    model = Residual()
    model.first.requires_grad_(False)
    model.second.requires_grad_(False)
    assert cut_of(model).boundary == ("relu", "second")  # dropout is random, so it stays


def test_dropout_in_eval_mode_belongs_to_the_frozen_part():
    model = Residual()
    for part in (model.first, model.second):
        part.requires_grad_(False)
    model.drop.eval()
    assert cut_of(model).boundary == ("add",)


def test_prefix_and_suffix_together_are_the_model():
    model = Residual().eval()
    model.first.requires_grad_(False)
    made = cut_of(model)
    x = torch.randn(3, 4)
    boundary = frozen.prefix(model, made.graph, made.boundary)(x)
    assert torch.equal(made.suffix(model)(*boundary), model(x))


def test_functional_dropout_is_random_only_while_it_is_on():
    class Functional(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(2, 2).requires_grad_(False)
            self.last = nn.Linear(2, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = nn.functional.dropout(self.first(x), 0.5, training=self.training)
            return self.last(x)

    assert cut_of(Functional()).boundary == ("first",)
    assert cut_of(Functional().eval()).boundary == ("dropout",)


class Crowd(nn.Module):
    """What an image becomes depends on the others in its batch, also in the frozen part."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.last = nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        once = self.first(x.mean((2, 3)))
        return self.last(once - once.mean(0))


def test_stored_tensors_are_tried_in_the_batches_that_will_be_trained():
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
        schedule,
        Data(split, split, ("a", "b")),
        small_settings(batch_size=4),
        torch.device("cpu"),
    )
    *_, routes = cache.routes(0)
    assert isinstance(routes, Routes)
    assert not routes.decision.on
    assert routes.decision.reason == "a batch came out with other bits than without it"


def test_a_device_that_does_not_repeat_its_own_bits_is_named_as_the_cause():
    model = nn.Linear(2, 2)
    rows, labels, tried = torch.randn(4, 2), torch.tensor([0, 1, 0, 1]), [torch.tensor([2, 0])]
    steady = Route((rows,), lambda row: row, model)
    turns = count(1)
    restless = Route((rows,), lambda row: row + next(turns), model)
    assert difference(steady, steady, model, tried, labels) == ""
    told = difference(steady, restless, model, tried, labels)
    assert told == "this device does not repeat its own bits"


def test_a_stored_row_that_is_wrong_is_found_in_the_batch_that_has_it():
    model = nn.Linear(2, 2)
    rows, labels = torch.randn(4, 2), torch.tensor([0, 1, 0, 1])
    wrong = rows.clone()
    wrong[2, 0] += 1.0
    plain, cached = (Route((stored,), lambda row: row, model) for stored in (rows, wrong))
    assert difference(cached, plain, model, [torch.tensor([0, 1])], labels) == ""
    told = difference(cached, plain, model, [torch.tensor([0, 1]), torch.tensor([3, 2])], labels)
    assert told == "a batch came out with other bits than without it"
