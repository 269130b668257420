"""What each node of a traced network costs here: timed on a batch of real images."""

from __future__ import annotations

import math
import time
from typing import Any

import torch
from torch import Tensor, fx, nn

from core.cache_plan.split_points import Node
from core.training.cache.forward_path import Route, untouched
from core.training.cache.tracing import effects, inputs
from core.training.device import synchronise

_TIMES = 3
"""The first time through, kernels are chosen and memory is taken; the least of the others counts,
since whatever else the machine does only adds."""


@torch.no_grad()
def measure(model: nn.Module, graph: fx.Graph, route: Route, entries: Tensor) -> tuple[Node, ...]:
    """Return the graph's nodes but its output, with seconds and bytes for one image.

    The model runs as its flags are now; its buffers and the random generators stay untouched.
    """
    (images,) = route.source(entries)
    device = next(model.parameters()).device
    timer = _Timer(model, graph, device)
    with untouched(model):
        for _ in range(_TIMES):
            timer.run(images.clone())
        share = _share(timer, images) if _only_queues(device) else 1.0
    nodes = [node for node in graph.nodes if node.op != "output"]
    places = {node: place for place, node in enumerate(nodes)}
    count = len(entries)
    return tuple(
        Node(
            inputs=tuple(places[source] for source in inputs(node)),
            seconds=timer.seconds[node.name] * share / count,
            bytes=0 if effects(node).lost else timer.bytes[node.name] // count,
        )
        for node in nodes
    )


def _only_queues(device: torch.device) -> bool:
    """Whether a step is not done when it returns, so that it must be waited for to be timed."""
    return device.type != "cpu"


def _share(timer: _Timer, images: Tensor) -> float:
    """Seconds of all nodes one behind the other, over the sum of those that were waited for."""
    least = math.inf
    for _ in range(_TIMES):
        each = images.clone()
        synchronise(images.device)
        began = time.perf_counter()
        timer.module(each)
        synchronise(images.device)
        least = min(least, time.perf_counter() - began)
    return least / sum(timer.seconds.values())


class _Timer(fx.Interpreter):
    """Runs a graph node by node and notes the least seconds that each node has taken.

    Of a tensor that has a row per image it notes the bytes.
    """

    def __init__(self, model: nn.Module, graph: fx.Graph, device: torch.device) -> None:
        super().__init__(fx.GraphModule(model, graph))
        self.seconds: dict[str, float] = {}
        self.bytes: dict[str, int] = {}
        self._device = device
        self._images = 0

    def run_node(self, n: fx.Node) -> Any:
        began = time.perf_counter()
        made = super().run_node(n)
        synchronise(self._device)
        taken = time.perf_counter() - began
        self.seconds[n.name] = min(taken, self.seconds.get(n.name, math.inf))
        is_tensor = isinstance(made, Tensor) and made.dim() > 0
        if not self._images and is_tensor:
            self._images = len(made)
        rowwise = is_tensor and len(made) == self._images
        self.bytes[n.name] = made.nbytes if rowwise else 0
        return made
