"""The costs of each node of a traced network, timed on a batch of real images."""

from __future__ import annotations

import math
import time
from typing import Any

import torch
from torch import Tensor, fx, nn

from core.cache_plan.split_points import ForwardCosts
from core.training.cache.forward_path import ForwardPath, untouched
from core.training.cache.graph import forward_nodes, input_indices, unstorable
from core.training.device import synchronize

_CPU_IMAGES = 8
"""Images of the batch that is timed on a CPU."""
_REPEATS = 3
"""The least time counts: other work of the machine only adds to it, and so do the choice of kernels
and the allocation of memory in the first repeat."""


def timed_images(device: torch.device, batch_size: int) -> int:
    """Return how many images are timed: a few on a CPU, a batch on other devices, to fill them."""
    return _CPU_IMAGES if device.type == "cpu" else batch_size


@torch.no_grad()
def profile_nodes(
    model: nn.Module, graph: fx.Graph, path: ForwardPath, entries: Tensor
) -> ForwardCosts:
    """Return the seconds and bytes of the graph's nodes for one image.

    The model runs with its present flags; its buffers and the random generators are restored.
    """
    (images,) = path.source(entries)
    device = next(model.parameters()).device
    timer = _Timer(model, graph, device)
    with untouched(model):
        for _ in range(_REPEATS):
            timer.run(images.clone())
        share = _share(timer, images) if _only_queues(device) else 1.0
    names = [node.name for node in forward_nodes(graph)]
    count = len(entries)
    return ForwardCosts(
        inputs=input_indices(graph),
        seconds=tuple(timer.seconds[name] * share / count for name in names),
        bytes=_storable(graph, [timer.bytes[name] // count for name in names]),
    )


def same_costs(costs: ForwardCosts, graph: fx.Graph, other: fx.Graph) -> ForwardCosts:
    """Return the costs of another graph of the same model, with those of nodes of equal names."""
    names = (node.name for node in forward_nodes(graph))
    by_name = dict(zip(names, zip(costs.seconds, costs.bytes, strict=True), strict=True))
    rows = [by_name.get(node.name, (0.0, 0)) for node in forward_nodes(other)]
    return ForwardCosts(
        inputs=input_indices(other),
        seconds=tuple(seconds for seconds, _ in rows),
        bytes=_storable(other, [size for _, size in rows]),
    )


def _storable(graph: fx.Graph, sizes: list[int]) -> tuple[int, ...]:
    """Return the bytes by node, 0 for nodes whose output no copy can replace."""
    never = unstorable(graph)
    return tuple(0 if at in never else size for at, size in enumerate(sizes))


def _only_queues(device: torch.device) -> bool:
    """Return whether operations return before they are done, so that a timer has to wait."""
    return device.type != "cpu"


def _share(timer: _Timer, images: Tensor) -> float:
    """Return the time of the whole graph over the sum of its nodes' times, each waited for."""
    least = math.inf
    for _ in range(_REPEATS):
        batch = images.clone()
        synchronize(images.device)
        began = time.perf_counter()
        timer.module(batch)
        synchronize(images.device)
        least = min(least, time.perf_counter() - began)
    return least / sum(timer.seconds.values())


class _Timer(fx.Interpreter):
    """An interpreter of a graph that records the least seconds of each node.

    For a node that outputs a tensor with a row per image it records the bytes too, else 0.
    """

    def __init__(self, model: nn.Module, graph: fx.Graph, device: torch.device) -> None:
        super().__init__(fx.GraphModule(model, graph))
        self.seconds: dict[str, float] = {}
        self.bytes: dict[str, int] = {}
        self._device = device
        self._images = 0

    def run_node(self, n: fx.Node) -> Any:
        began = time.perf_counter()
        output = super().run_node(n)
        synchronize(self._device)
        seconds = time.perf_counter() - began
        self.seconds[n.name] = min(seconds, self.seconds.get(n.name, math.inf))
        is_tensor = isinstance(output, Tensor) and output.dim() > 0
        if not self._images and is_tensor:
            self._images = len(output)
        rowwise = is_tensor and len(output) == self._images
        self.bytes[n.name] = output.nbytes if rowwise else 0
        return output
