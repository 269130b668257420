"""The bound: the convolutions and linear layers that a schedule makes necessary, timed alone.

A layer whose output nothing trainable can change has to run once over every image. Any other runs
forward and backward in every training epoch, and forward in every evaluation. What lies between
(normalization, activations, attention, loss, optimizer, data) counts as nothing.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core.freezing import apply_plan
from core.grouping import group_paths, resolve_groups
from core.schedule.plan import phases
from core.training.device import keep_freed_memory
from core.training.models import pretrained
from tests.benchmarks.scenarios import Scenario
from tests.benchmarks.start import CLASSES

_REPEATS = 5


@dataclass(frozen=True, slots=True)
class Call:
    """One layer in one training step: what flows into it, and which gradients it has to give."""

    layer: nn.Module
    shape: tuple[int, ...]
    moves: bool
    input_gradient: bool
    weight_gradient: bool


def seconds(scenario: Scenario, *, quick: bool = False) -> float:
    """The sum over all phases; every layer is timed by itself on a batch of random numbers."""
    keep_freed_memory()
    schedule, size = scenario.schedule, scenario.image_size
    model = pretrained(schedule.model, CLASSES, size).model
    groups = resolve_groups(model, group_paths(schedule))
    clock = _Clock(1 if quick else _REPEATS)
    train = scenario.images / scenario.batch_size
    judge = scenario.validation_images / scenario.batch_size
    total, fixed_before = 0.0, set[int]()
    for phase in phases(schedule):
        model.train()
        apply_plan(groups, schedule, phase.start)
        calls = calls_of(model, torch.randn(scenario.batch_size, 3, size, size))
        for at, call in enumerate(calls):
            if call.moves:
                epoch = train * clock.step(call) + judge * clock.forward(call)
                total += (phase.end - phase.start) * epoch
            elif at not in fixed_before:
                total += (train + judge) * clock.forward(call)
        fixed_before = {at for at, call in enumerate(calls) if not call.moves}
    return total


def calls_of(model: nn.Module, images: Tensor) -> list[Call]:
    """Every convolution and linear layer in the order in which the images pass through them."""
    calls: list[Call] = []

    def note(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        given = inputs[0]
        trains = layer.get_parameter("weight").requires_grad
        call = Call(layer, tuple(given.shape), output.requires_grad, given.requires_grad, trains)
        calls.append(call)

    layers = [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(note) for layer in layers]
    model(images)
    for hook in hooks:
        hook.remove()
    return calls


class _Clock:
    """Times calls, each kind of them once; the first run of each is not counted."""

    def __init__(self, repeats: int) -> None:
        self._repeats = repeats
        self._known: dict[tuple[object, ...], float] = {}

    def forward(self, call: Call) -> float:
        """Median seconds of the layer's forward pass."""
        return self._time(call, ())

    def step(self, call: Call) -> float:
        """Median seconds of its forward and backward pass, with the gradients that it needs."""
        weights = tuple(call.layer.parameters()) if call.weight_gradient else ()
        return self._time(call, weights, backward=True)

    def _time(self, call: Call, weights: tuple[Tensor, ...], *, backward: bool = False) -> float:
        input_gradient = backward and call.input_gradient
        key = (repr(call.layer), call.shape, bool(weights), input_gradient)
        if key not in self._known:
            given = torch.randn(call.shape, requires_grad=input_gradient)
            wanted = (given, *weights) if input_gradient else weights
            taken = [_once(call.layer, given, wanted) for _ in range(self._repeats + 1)]
            self._known[key] = statistics.median(taken[1:])
        return self._known[key]


def _once(layer: nn.Module, given: Tensor, wanted: tuple[Tensor, ...]) -> float:
    with torch.set_grad_enabled(bool(wanted)):
        began = time.perf_counter()
        output = layer(given)
        ended = time.perf_counter()
        if wanted:
            gradient = torch.ones_like(output)
            resumed = time.perf_counter()
            torch.autograd.grad(output, wanted, gradient)
            return ended - began + time.perf_counter() - resumed
        return ended - began
