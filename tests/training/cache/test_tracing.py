"""A graph does what the forward pass does, writes included, or there is none."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, fx, nn

from core.training.cache.tracing import UntraceableError, effects, trace

Forward = Callable[["Net", Tensor], object]


class Net(nn.Module):
    """Does what it is told to its input and itself, and returns the input."""

    def __init__(self, does: Forward) -> None:
        super().__init__()
        self.does = does
        self.weight = nn.Parameter(torch.full((3,), 2.0))
        self.register_buffer("mean", torch.ones(3))
        self.norm = nn.BatchNorm1d(3)
        self.embedding = nn.Embedding(5, 3, max_norm=0.5)
        self.kept = [torch.ones(3)]
        self.constant = torch.ones(3)
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        made = self.does(self, x)
        return x if made is None else made + x


def add_to(x: Tensor, value: object) -> None:
    x += value


def set_first(x: Tensor) -> None:
    x[:, 0] = 5.0


def add_to_first(x: Tensor) -> None:
    x[:, 0] += 5.0


def grow(x: Tensor) -> Tensor:
    width = once = x.size(1)
    once += 1
    return x.reshape(-1, width) * once


WRITES: dict[str, Forward] = {
    "x += 1": lambda net, x: add_to(x, 1.0),
    "a transposed view += 1": lambda net, x: add_to(x.T, 1.0),
    "x[:, 0] = 5": lambda net, x: set_first(x),
    "x[:, 0] += 5": lambda net, x: add_to_first(x),
    "out=x": lambda net, x: torch.add(x, 1.0, out=x),
    "a slice": lambda net, x: x[:, 1:].mul_(2.0).mean(),
    "a number += 1": lambda net, x: grow(x),
    "a new tensor": lambda net, x: x.new_zeros(3).add_(x.mean(0)),
    "a buffer": lambda net, x: net.mean.mul_(0.9),
    "statistics": lambda net, x: net.norm(x),
}


@pytest.mark.parametrize("does", WRITES.values(), ids=WRITES)
def test_a_graph_writes_what_the_network_writes_every_time(does):
    net = Net(does)
    graph = trace(copy.deepcopy(net), torch.randn(4, 3))
    part = fx.GraphModule(copy.deepcopy(net), graph)
    for _ in range(2):
        one = torch.randn(4, 3)
        other = one.clone()
        with torch.no_grad():
            assert torch.equal(part(one), net(other))
        assert torch.equal(one, other)
        theirs = dict(net.named_buffers())
        assert all(torch.equal(buffer, theirs[name]) for name, buffer in part.named_buffers())


def count(net: Net, x: Tensor) -> None:
    net.calls += 1


def keep(net: Net, x: Tensor) -> None:
    net.last = x * 2.0


def average(net: Net, x: Tensor) -> None:
    net.mean = net.mean * 0.9


def halve(net: Net, x: Tensor) -> None:
    net.weight.data = net.weight / 2.0


def without_gradients(net: Net, x: Tensor) -> Tensor:
    with torch.no_grad():
        return x * net.weight


REFUSED: list[tuple[Forward, str]] = [
    (count, "sets the attribute calls"),
    (keep, "sets the attribute last"),
    (average, "sets the attribute mean"),
    (halve, "sets .data of a tensor"),
    (without_gradients, "switches gradients off or on"),
    (lambda net, x: net.weight.data.clamp_(-1.0, 1.0), "changes weight"),
    (lambda net, x: net.embedding(x.argmax(1)), "changes embedding.weight"),
    (lambda net, x: net.constant.mul_(0.9), "changes a tensor that is no buffer"),
    (lambda net, x: net.kept[0].add_(x.mean(0)), "changes a tensor that is no buffer"),
    (lambda net, x: sum(p.sum() for p in net.parameters()), "reads weight where"),
    (lambda net, x: net._buffers["mean"].mul_(0.9), "reads mean where"),
]


@pytest.mark.parametrize(("does", "told"), REFUSED)
def test_what_no_graph_can_stand_for_is_refused_and_leaves_the_model_as_it_was(does, told):
    net = Net(does)
    before = copy.deepcopy(net)
    with pytest.raises(UntraceableError, match=f"its forward pass {told}"):
        trace(net, torch.randn(4, 3))
    assert not hasattr(net, "last")
    assert net.calls == 0
    assert torch.equal(net.constant, before.constant)
    assert torch.equal(net.kept[0], before.kept[0])
    assert all(map(torch.equal, net.state_dict().values(), before.state_dict().values()))


def overwritten(does: Forward) -> dict[str, bool]:
    """Which of the tensors that are written into after they are made no copy can stand for."""
    nodes = trace(Net(does), torch.randn(4, 3)).nodes
    return {node.name: effects(node).unstorable for node in nodes if effects(node).overwritten}


def test_a_copy_stands_for_what_is_written_into_if_all_that_follows_reads_it_through_that():
    assert overwritten(lambda net, x: x.mul(2.0).flatten(1).relu_()) == {
        "mul": False,
        "flatten": False,
    }


def test_no_copy_stands_for_what_is_written_into_if_another_view_shows_it():
    def through_a_view(net: Net, x: Tensor) -> Tensor:
        once = x.mul(2.0)
        once.flatten(1).relu_()
        return once

    assert overwritten(through_a_view) == {"mul": True, "flatten": True}
