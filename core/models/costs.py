"""What a phase costs before it runs: parameters that train, their memory, and FLOPs per image."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial

from core.models.layer_table import LayerTable, TableNode, count_elements
from core.models.module_tree import owning_groups
from core.schedule.optimizers import OptimizerSpec
from core.schedule.plan import phases
from core.schedule.spec import LearningRate, Schedule

_FLOAT = 4
"""Bytes of a float32: of a gradient, and of each number that an optimizer keeps."""

Names = frozenset[str]
"""Names of groups."""


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

    FLOPs are 0 where the table has no nodes; at other sizes than `layer_table.MEASURED_AT` they
    hold to a few percent.
    """
    sizes = {group.name: count_elements(table, group.modules) for group in schedule.groups}
    owners = owning_groups(table, schedule)
    weight_owners = owning_groups(table, schedule, biases=False)
    steps = [
        _Step(
            node.inputs,
            node.flops_at(image_size),
            _factors(node),
            owners.get(node.module, frozenset()),
            weight_owners.get(node.module, frozenset()),
        )
        for node in table.nodes
    ]
    forward = sum(step.flops for step in steps)
    backward = cache(partial(_backward, steps))
    state = state_bytes(schedule.optimizer)

    def phase_costs(start: int, end: int, is_open: Names, trained: Names) -> PhaseCosts:
        trainable = sum(sizes[name] for name in is_open)
        return PhaseCosts(
            start=start,
            end=end,
            trainable=trainable,
            gradients=_FLOAT * trainable,
            state=state * sum(sizes[name] for name in trained),
            forward=forward,
            backward=backward(is_open),
        )

    trained: Names = frozenset()
    every_phase = []
    for phase in phases(schedule):
        is_open = frozenset(phase.open)
        trained |= is_open
        every_phase.append(phase_costs(phase.start, phase.end, is_open, trained))
    all_groups = frozenset(sizes)
    whole = phase_costs(0, schedule.epochs, all_groups, all_groups)
    return Costs(tuple(every_phase), whole)


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


@dataclass(frozen=True, slots=True)
class _Step:
    """A node, the groups that own parameters of its module, and those that own more than biases.

    `factors` is how many inputs a product has: two, even if more is read, or one beside a module's
    own weights. What is no product has none.
    """

    inputs: tuple[int, ...]
    flops: int
    factors: int
    owners: Names
    weight_owners: Names


def _factors(node: TableNode) -> int:
    if node.flops <= node.elements:
        return 0
    return 1 if node.module else 2


def _backward(steps: list[_Step], is_open: Names) -> int:
    """Return FLOPs of the backward pass that these groups need."""
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
        weights = not step.weight_owners.isdisjoint(is_open)
        flops += step.flops * (min(through, step.factors) + weights)
    return flops
