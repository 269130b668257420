"""What the planner of the frozen-part cache needs to know of a run, taken from the model itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, fx, nn

from core.cache_plan.planner import TRAIN, VALIDATION
from core.cache_plan.split_points import Node, Work, distinct_entries
from core.freezing import apply_plan
from core.grouping import LayerGroups
from core.schedule.batches import checked, compared
from core.schedule.plan import Span, phases
from core.schedule.spec import Schedule
from core.training.cache import graph as frozen
from core.training.cache.forward_path import Route, untouched
from core.training.cache.measure import measure
from core.training.cache.tracing import effects, inputs, trace
from core.training.data import Split

MEASURED = 8
"""Images of the batch that is timed on a CPU."""
TRACED = 2
"""Images on which nodes are seen to share memory, which does not depend on how many there are."""

Graphs = tuple[fx.Graph, fx.Graph]
"""The forward pass in train mode, for training, and in eval mode, for validation."""
Measure = Callable[[nn.Module, fx.Graph, Route, Tensor], tuple[Node, ...]]


@dataclass(frozen=True, slots=True)
class Model:
    """A network, its groups, and the schedule that says what they do in which epoch."""

    network: nn.Module
    layer_groups: LayerGroups
    schedule: Schedule

    def enter(self, epoch: int, *, training: bool = True) -> None:
        """Put the network into the state of that epoch, in train or in eval mode."""
        self.network.train(training)
        apply_plan(self.layer_groups, self.schedule, epoch, training=training)

    def trace(self, epoch: int, images: Tensor) -> Graphs:
        """Return both graphs as they are in that epoch for images such as these.

        Leaves the network in train mode. Raises UntraceableError.
        """
        with untouched(self.network):  # a forward may count, or draw, while it is traced
            self.enter(epoch, training=False)
            with torch.no_grad():
                judged = trace(self.network, images)
            self.enter(epoch)
            return trace(self.network, images), judged

    def fixed(self, graphs: Graphs, epoch: int) -> list[frozenset[int]]:
        """Places of the nodes that do not change in the phase of that epoch, per graph.

        What moves is told by the flags of train mode; evaluation leaves everything as it is.
        """
        self.enter(epoch)
        moving = frozen.moving(self.network, graphs)
        return [places(graph, frozen.fixed_nodes(graph, self.network, moving)) for graph in graphs]


def spans_from(schedule: Schedule, epoch: int) -> tuple[Span, ...]:
    """The epochs [start, end) of each phase that is left when a session begins with `epoch`."""
    left = [phase for phase in phases(schedule) if phase.end > epoch]
    return tuple((max(phase.start, epoch), phase.end) for phase in left)


def works(
    model: Model,
    graphs: Graphs,
    spans: Sequence[Span],
    splits: tuple[Split, Split],
    batch_size: int,
    timed: tuple[Route, Tensor],
    take: Measure = measure,
) -> tuple[Work, Work]:
    """Both splits' work for the planner, its costs measured on `timed`, a route and its entries.

    Leaves the network as in the first epoch of `spans`.
    """
    model.enter(spans[0][0])
    nodes = take(model.network, graphs[TRAIN], *timed)
    fixed = [model.fixed(graphs, start) for start, _ in spans]
    model.enter(spans[0][0])
    judged = _same_costs(graphs, nodes)
    tried = 0 if _views(splits[TRAIN]) is None else len(splits[TRAIN])
    made = [
        Work(
            nodes=judged if split == VALIDATION else nodes,
            fixed=tuple(phase[split] for phase in fixed),
            images=len(data),
            entries=partial(distinct_entries, len(data), _views(data)),
            trains=split == TRAIN,
            checked=checked(len(data), batch_size, before=tried if split == VALIDATION else 0),
            compared=compared(batch_size),
        )
        for split, data in enumerate(splits)
    ]
    return made[TRAIN], made[VALIDATION]


def timed(device: torch.device, batch_size: int) -> int:
    """Images of the batch that is timed: few are enough for a CPU, and would not fill another."""
    return MEASURED if device.type == "cpu" else batch_size


def names_of(graph: fx.Graph) -> list[str]:
    """Return the names of a graph's nodes but its output, in order."""
    return [node.name for node in graph.nodes if node.op != "output"]


def places(graph: fx.Graph, names: frozenset[str]) -> frozenset[int]:
    """Return the places of nodes by their names."""
    return frozenset(at for at, name in enumerate(names_of(graph)) if name in names)


def _same_costs(graphs: Graphs, nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    """Return the nodes of the eval graph, at the cost of their namesakes in train mode."""
    known = dict(zip(names_of(graphs[TRAIN]), nodes, strict=True))
    order = {name: at for at, name in enumerate(names_of(graphs[VALIDATION]))}
    judged = [node for node in graphs[VALIDATION].nodes if node.op != "output"]
    free = Node((), 0.0, 0)
    return tuple(
        Node(
            inputs=tuple(order[source.name] for source in inputs(node)),
            seconds=known.get(node.name, free).seconds,
            bytes=0 if effects(node).lost else known.get(node.name, free).bytes,
        )
        for node in judged
    )


def _views(split: Split) -> int | None:
    """Return how many views an image has; None if every epoch has its own."""
    return None if split.augment == "random" else split.views
