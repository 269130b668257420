"""The costs of a network's forward pass, node by node, measured on the meta device."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, fx, nn
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from core.models.layer_table import MEASURED_AT, Growth, Moves, TableNode
from core.training.cache.graph import Moving, forward_nodes, input_indices, moves, moving
from core.training.cache.tracing import UntraceableError, effects, storage, trace

_REFUSED = (AssertionError, IndexError, RuntimeError, TypeError, ValueError, UntraceableError)
"""Errors of networks that are built for, or run on, images of a size that they do not take."""


def nodes_of(build: Callable[[int], nn.Module], native: int = MEASURED_AT) -> tuple[TableNode, ...]:
    """Return the nodes of a network's forward pass in train mode; none if it cannot be traced.

    `build` makes the network on the meta device, for images of so many pixels a side. FLOPs and
    elements are those at `MEASURED_AT` pixels; their growth comes from a second measurement at
    twice as many. A network that does not take such images is measured at its `native` size.
    """
    for side in dict.fromkeys((MEASURED_AT, native)):
        with suppress(*_REFUSED):
            return _nodes_at(side, build)
    return ()


def _nodes_at(side: int, build: Callable[[int], nn.Module]) -> tuple[TableNode, ...]:
    model = build(side).train().requires_grad_(False)
    graph, costs = _measure(model, side)
    costs_of_larger: dict[str, _Cost] = {}
    with suppress(*_REFUSED):  # a network may take one size alone
        _, costs_of_larger = _measure(build(2 * side).train().requires_grad_(False), 2 * side)
    share = MEASURED_AT / side
    changing = moving(model, [graph])
    return tuple(
        TableNode(
            name=node.name,
            module=str(node.target) if node.op in ("call_module", "get_attr") else "",
            inputs=sources,
            flops=round(cost.flops * share**flops_growth),
            elements=round(cost.elements * share**elements_growth),
            moves=_moves(node, model, changing),
            flops_growth=flops_growth,
            elements_growth=elements_growth,
        )
        for node, sources in zip(forward_nodes(graph), input_indices(graph), strict=True)
        for cost in (costs[node.name],)
        for larger in (costs_of_larger.get(node.name),)
        for flops_growth in (_growth(cost.flops, larger.flops if larger else 0),)
        for elements_growth in (_growth(cost.elements, larger.elements if larger else 0),)
    )


@dataclass(frozen=True, slots=True)
class _Cost:
    flops: int
    elements: int


class _Meter(fx.Interpreter):
    """An interpreter of a graph that records what each node costs."""

    def __init__(self, model: nn.Module, graph: fx.Graph) -> None:
        super().__init__(fx.GraphModule(model, graph))
        self.costs: dict[str, _Cost] = {}
        self._of_images: set[str] = set()

    def run_node(self, n: fx.Node) -> Any:
        versions = _versions(self.fetch_args_kwargs_from_env(n))
        with FlopCounterMode(display=False) as counter:
            output = super().run_node(n)
        first = n.op == "placeholder" and not self.costs
        if first or any(source.name in self._of_images for source in n.all_input_nodes):
            self._of_images.add(n.name)
        elements = output.numel() if n.name in self._of_images and isinstance(output, Tensor) else 0
        # a view shares the memory of an input, and the node has written nothing into it
        is_view = _versions(output).items() <= versions.items()
        work = 0 if is_view or n.op == "placeholder" else elements
        self.costs[n.name] = _Cost(counter.get_total_flops() or work, elements)
        return output


def _versions(tensors: Any) -> dict[int, int]:
    """Return, by storage, how often each tensor in a structure has been written to."""
    leaves = (leaf for leaf in tree_leaves(tensors) if isinstance(leaf, Tensor))
    return {storage(leaf): leaf._version for leaf in leaves}


@torch.no_grad()
def _measure(model: nn.Module, size: int) -> tuple[fx.Graph, dict[str, _Cost]]:
    image = torch.empty(1, 3, size, size, device="meta")
    graph = trace(model, image)
    meter = _Meter(model, graph)
    meter.run(image)
    return graph, meter.costs


def _growth(once: int, twice: int) -> Growth:
    """Return the even power of the side with which a cost grows; 2 if that is not known.

    `once` and `twice` are the costs at a side and at twice that side.
    """
    if once == 0 or twice == 0:
        return 2
    return cast(Growth, min(4, max(0, 2 * round(math.log2(twice / once) / 2))))


def _moves(node: fx.Node, model: nn.Module, changing: Moving) -> Moves:
    """Return what train mode does to the node's output, where no parameter trains."""
    if not changing.storages.isdisjoint(effects(node).hidden_state):
        return "batch"
    return "random" if moves(node, model, changing) else ""
