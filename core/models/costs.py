"""What a phase costs before it runs: parameters that train, their memory, and FLOPs per image."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from core.models.layer_table import LayerTable, Node, count
from core.schedule.optimizers import OptimizerSpec
from core.schedule.paths import prefixes
from core.schedule.plan import phases
from core.schedule.spec import LearningRate, Schedule

_FLOAT = 4
"""Bytes of a float32: of a gradient, and of each number that an optimizer keeps."""

Indices = frozenset[int]
"""Groups by their place in the schedule, from 0 at the input."""


@dataclass(frozen=True, slots=True)
class PhaseCosts:
    """The epochs [start, end), in which the same groups train.

    `trainable` counts parameters. `gradients` and `state` are bytes in float32: a gradient for
    each trainable parameter, and what the optimizer keeps of each that has trained so far. A group
    that is frozen again loses its gradients and keeps its state.

    `forward` and `backward` are FLOPs for one training image, without the frozen-part cache. As in
    `torch.utils.flop_counter`, a multiply-add is 2; what is no product counts 1 an element.
    Backward goes from the output to the first part that trains, and no further: a product costs
    once what it did forward for each input through which it goes on, and once for weights that
    train.
    """

    start: int
    end: int
    trainable: int
    gradients: int
    state: int
    forward: int
    backward: int

    @property
    def memory(self) -> int:
        """Bytes of gradients and optimizer state."""
        return self.gradients + self.state


@dataclass(frozen=True, slots=True)
class Costs:
    """Every phase in order, and `whole`: the same run with all groups open from start to end."""

    phases: tuple[PhaseCosts, ...]
    whole: PhaseCosts


def costs(table: LayerTable, schedule: Schedule, image_size: int) -> Costs:
    """Return the costs of each phase, for images of that many pixels a side.

    FLOPs are 0 where the table has no nodes; at other sizes than `layers.MEASURED_AT` they hold to
    a few percent.
    """
    network = _Network(table, schedule, image_size)
    places = {group.name: at for at, group in enumerate(schedule.groups)}
    trained: Indices = frozenset()
    found = []
    for phase in phases(schedule):
        is_open = frozenset(places[name] for name in phase.open)
        trained |= is_open
        found.append(network.phase(phase.start, phase.end, is_open, trained))
    everyone = frozenset(places.values())
    return Costs(tuple(found), network.phase(0, schedule.epochs, everyone, everyone))


def state_bytes(optimizer: OptimizerSpec) -> int:
    """Return bytes that the optimizer keeps for each parameter that has trained, in float32.

    The count of its steps, one number for each tensor, is left out.
    """
    return _FLOAT * optimizer.state_per_parameter()


def without_rates(schedule: Schedule) -> Schedule:
    """Return the schedule but for names and rates, on which neither costs nor savings depend.

    Equal ones cost the same, so it is the key to keep costs by. Groups are named by their place.
    """
    lr = LearningRate()
    optimizer = schedule.optimizer.model_copy(update={"base_lr": 1.0, "weight_decay": 0.0})
    groups = tuple(
        group.model_copy(update={"name": str(at), "lr_scale": None})
        for at, group in enumerate(schedule.groups)
    )
    update = {"name": "-", "lr": lr, "optimizer": optimizer, "groups": groups}
    return schedule.model_copy(update=update)


class _Network:
    """The nodes of a table with the groups that own their parameters."""

    def __init__(self, table: LayerTable, schedule: Schedule, image_size: int) -> None:
        self._sizes = [count(table, group.modules) for group in schedule.groups]
        self._state_bytes = state_bytes(schedule.optimizer)
        owners, of_weights = _owners(table, schedule)
        self._steps = [
            _Step(
                node.inputs,
                node.flops_at(image_size),
                _factors(node),
                owners.get(node.module, frozenset()),
                of_weights.get(node.module, frozenset()),
            )
            for node in table.nodes
        ]
        self._forward = sum(step.flops for step in self._steps)
        self._backward: dict[Indices, int] = {}

    def phase(self, start: int, end: int, is_open: Indices, trained: Indices) -> PhaseCosts:
        trainable = self._parameters(is_open)
        if is_open not in self._backward:
            self._backward[is_open] = _backward(self._steps, is_open)
        return PhaseCosts(
            start=start,
            end=end,
            trainable=trainable,
            gradients=_FLOAT * trainable,
            state=self._state_bytes * self._parameters(trained),
            forward=self._forward,
            backward=self._backward[is_open],
        )

    def _parameters(self, groups: Iterable[int]) -> int:
        return sum(self._sizes[at] for at in groups)


@dataclass(frozen=True, slots=True)
class _Step:
    """A node, and the groups that own parameters of its module, and its weights among them.

    `factors` is how many inputs a product has: two, even if more is read, or one beside a module's
    own weights. What is no product has none.
    """

    inputs: tuple[int, ...]
    flops: int
    factors: int
    owners: Indices
    of_weights: Indices


def _factors(node: Node) -> int:
    if node.flops <= node.elements:
        return 0
    return 1 if node.module else 2


def _backward(steps: list[_Step], is_open: Indices) -> int:
    """FLOPs of the backward pass that these groups need."""
    wants: list[bool] = []  # whether a gradient for the node's output is asked for
    flops = 0
    for step in steps:
        through = 0
        for source in step.inputs:
            through += wants[source]
        wanted = through > 0 or not step.owners.isdisjoint(is_open)
        wants.append(wanted)
        if not wanted:
            continue
        if not step.factors:
            flops += step.flops
            continue
        weights = not step.of_weights.isdisjoint(is_open)
        flops += step.flops * (min(through, step.factors) + weights)
    return flops


def _owners(
    table: LayerTable, schedule: Schedule
) -> tuple[Mapping[str, Indices], Mapping[str, Indices]]:
    """For every path of the table, the groups that own parameters below it, and such but biases."""
    group_at = {path: at for at, group in enumerate(schedule.groups) for path in group.modules}
    every: defaultdict[str, set[int]] = defaultdict(set)
    weights: defaultdict[str, set[int]] = defaultdict(set)
    for layer in table.layers:
        for name in layer.parameters:
            paths = prefixes(f"{layer.path}.{name}" if layer.path else name)
            owners = {group_at[path] for path in paths if path in group_at}
            for path in paths:
                every[path] |= owners
                weights[path] |= owners if name != "bias" else set()
    return (
        {path: frozenset(found) for path, found in every.items()},
        {path: frozenset(found) for path, found in weights.items()},
    )
