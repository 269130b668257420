"""Networks that write into tensors in every way that the cache must see, drawn step by step."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.training.models import Network

SHAPE = (4, 4, 4)
GROUPS = {
    "stem": ["stem"],
    "one": ["one"],
    "two": ["two", "state", "twin"],
    "three": ["three", "norm"],
    "head": ["head"],
}


class Step(NamedTuple):
    """What is done to value `a`, with value `b` where it takes two; values count from 0."""

    kind: str
    a: int
    b: int


class State(nn.Module):
    """Multiplies by a buffer that moves, in eval mode too if it `always` does.

    To that it adds what is another's parameter.
    """

    def __init__(self, other: nn.Parameter, *, always: bool) -> None:
        super().__init__()
        self.always = always
        self.scale = nn.Parameter(torch.ones(1))
        self.register_buffer("mean", torch.ones(1))
        self.register_buffer("other", other.detach(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        if self.always or self.training:
            self.mean.mul_(0.9)
        return x * self.mean * self.scale + self.other.view(-1, 1, 1)


class Shift(nn.Module):
    """Writes into its input."""

    def __init__(self) -> None:
        super().__init__()
        self.by = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        return x.add_(self.by)


class Writing(nn.Module):
    """Takes drawn steps, each of which makes a value or writes into one, and reads some at the end.

    The first values are the images and what the stem makes of them. A layer of groups `two` and
    `three` gives nothing but zeros until it trains, so that what it writes is not seen at first.
    """

    def __init__(self, steps: list[Step], reads: list[int], classes: int, *, always: bool) -> None:
        super().__init__()
        self.steps, self.reads = steps, reads
        self.stem = nn.Conv2d(3, 4, 4, 4)
        self.one = nn.Sequential(nn.Conv2d(4, 4, 1), nn.ReLU(inplace=True))
        self.two = nn.ModuleList([nn.Conv2d(4, 4, 1), Shift()])
        self.three = nn.ModuleList([nn.Conv2d(4, 4, 1), nn.Dropout(0.3, inplace=True)])
        self.state = State(self.three[0].bias, always=always)
        self.norm = nn.BatchNorm2d(4)
        self.twin = nn.BatchNorm2d(4)  # with the statistics of the other
        self.twin.running_mean = self.norm.running_mean
        self.relu = nn.ReLU(inplace=True)
        self.head = nn.Linear(4, classes)
        for layer in (self.two[0], self.three[0]):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        values = [(x, (3, 16, 16)), (self.stem(x), SHAPE)]
        for step in self.steps:
            (one, shape), (other, its) = (values[at % len(values)] for at in step[1:])
            if step.kind in VIEWS:
                view = VIEWS[step.kind](one)
                values.append((view, tuple(VIEWS[step.kind](torch.empty(1, *shape)).shape[1:])))
            elif step.kind in WRITES:
                WRITES[step.kind](one, fitted(other, its, shape))
            elif step.kind in IN_PLACE:
                values.append((IN_PLACE[step.kind](self)(one), shape))
            else:
                values.append((MADE[step.kind](self)(fitted(one, shape, SHAPE).clone()), SHAPE))
        read = [fitted(*values[at % len(values)], SHAPE) for at in self.reads]
        return self.head(sum(read).mean((2, 3)))


def fitted(x: Tensor, shape: tuple[int, ...], wanted: tuple[int, ...]) -> Tensor:
    """The tensor in another shape, as a view where it can be one; its mean if it is too large."""
    if shape == wanted:
        return x
    if prod(shape) == prod(wanted):
        return x.reshape(-1, *wanted)
    return x.flatten(1).mean(1).reshape(-1, *[1] * len(wanted)).expand(-1, *wanted)


def _add(x: Tensor, y: Tensor) -> None:
    x += y


def _set(x: Tensor, y: Tensor) -> None:
    x[:, :1] = y[:, :1]


VIEWS: dict[str, Callable[[Tensor], Tensor]] = {
    "flatten": lambda x: x.flatten(1),
    "unsqueeze": lambda x: x.unsqueeze(1),
    "transpose": lambda x: x.transpose(1, -1),
    "slice": lambda x: x[:, -2:],
    "chunk": lambda x: x.chunk(2, 1)[0],
    "data": lambda x: x.data,
}
WRITES: dict[str, Callable[[Tensor, Tensor], object]] = {
    "add_": lambda x, y: x.add_(y),
    "+=": _add,
    "[]=": _set,
    "index_put_": lambda x, y: x.transpose(0, 1).index_put_(
        (torch.tensor([0]),), y.transpose(0, 1)[:1], accumulate=True
    ),
    "out=": lambda x, y: torch.add(x, y, out=x),
}
IN_PLACE: dict[str, Callable[[Writing], Callable[[Tensor], Tensor]]] = {
    "relu": lambda net: net.relu,
    "shift": lambda net: net.two[1],
    "drop": lambda net: net.three[1],
    "dropout": lambda net: lambda x: functional.dropout(x, 0.3, net.training, inplace=True),
}
MADE: dict[str, Callable[[Writing], Callable[[Tensor], Tensor]]] = {
    "one": lambda net: net.one,
    "two": lambda net: net.two[0],
    "three": lambda net: net.three[0],
    "norm": lambda net: net.norm,
    "twin": lambda net: net.twin,
    "state": lambda net: net.state,
}
KINDS = (*VIEWS, *WRITES, *IN_PLACE, *MADE)


def network(steps: list[Step], reads: list[int], classes: int, *, always: bool) -> Network:
    """The network of these steps, with random weights."""
    return Network(Writing(steps, reads, classes, always=always), (0.5,) * 3, (0.5,) * 3)
