"""The costs of a phase before it runs: trainable parameters, their memory, FLOPs per image."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from core.models.layer_table import LayerTable, TableNode, count_elements
from core.models.module_tree import owning_groups
from core.schedule.optimizers import OptimizerSpec
from core.schedule.plan import phases
from core.schedule.spec import LearningRate, Schedule

_FLOAT = 4
"""Bytes of a float32: of a gradient, and of each number that an optimizer keeps."""

_Names = frozenset[str]
"""Names of groups."""


@dataclass(frozen=True, slots=True)
class PhaseCosts:
    """The costs of the epochs [start, end), in which the same groups train.

    `trainable` counts parameters. `gradients` and `state` are bytes in float32: a gradient for each
    trainable parameter, and the optimizer's numbers for each that has trained so far. A group that
    is frozen again loses its gradients and keeps its state.

    `forward` and `backward` are FLOPs for one training image, without the frozen-part cache. As in
    `torch.utils.flop_counter`, a multiply-add counts 2; other operations count 1 per element.
    Backward ends at the first node that trains. A product costs its forward FLOPs once for each
    input through which backward goes on, and once more if its weights train.
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
    """The costs of every phase, and of the `whole` run if all groups train from start to end."""

    phases: tuple[PhaseCosts, ...]
    whole: PhaseCosts


@dataclass(frozen=True, slots=True)
class BackwardCost:
    """FLOPs of the backward pass for one image, which depend on the groups that train.

    `flops` are spent once for each of `sources` of which a group trains, and at most `most` times.
    A source is the groups whose training makes a tensor of the forward pass need its gradient.
    """

    flops: int
    most: int
    sources: tuple[_Names, ...]

    def of(self, training: _Names) -> int:
        """Return the FLOPs while these groups train."""
        needed = sum(not source.isdisjoint(training) for source in self.sources)
        return self.flops * min(self.most, needed)


def costs(table: LayerTable, schedule: Schedule, image_size: int) -> Costs:
    """Return the costs of each phase, for images of that many pixels a side.

    FLOPs are 0 where the table has no nodes; at other sizes than `layer_table.MEASURED_AT` they
    hold to a few percent.
    """
    sizes = {group.name: count_elements(table, group.modules) for group in schedule.groups}
    forward = table.flops_at(image_size)
    backward = backward_costs(table, schedule, image_size)
    state = state_bytes(schedule.optimizer)

    def phase_costs(start: int, end: int, training: _Names, trained: _Names) -> PhaseCosts:
        trainable = sum(sizes[name] for name in training)
        return PhaseCosts(
            start=start,
            end=end,
            trainable=trainable,
            gradients=_FLOAT * trainable,
            state=state * sum(sizes[name] for name in trained),
            forward=forward,
            backward=sum(cost.of(training) for cost in backward),
        )

    trained: _Names = frozenset()
    every_phase = []
    for phase in phases(schedule):
        training = frozenset(phase.training)
        trained |= training
        every_phase.append(phase_costs(phase.start, phase.end, training, trained))
    all_groups = frozenset(sizes)
    whole = phase_costs(0, schedule.epochs, all_groups, all_groups)
    return Costs(tuple(every_phase), whole)


def backward_costs(
    table: LayerTable, schedule: Schedule, image_size: int
) -> tuple[BackwardCost, ...]:
    """Return what the backward pass costs, whichever groups of the schedule train."""
    owners = owning_groups(table, schedule)
    weight_owners = owning_groups(table, schedule, biases=False)
    sources: list[_Names] = []  # of each node's output
    flops: Counter[tuple[int, tuple[_Names, ...]]] = Counter()
    for node in table.nodes:
        inputs = tuple(sources[source] for source in node.inputs)
        sources.append(owners.get(node.module, frozenset()).union(*inputs))
        count = node.flops_at(image_size)
        if not (factors := _factors(node)):
            flops[1, (sources[-1],)] += count
            continue
        flops[factors, inputs] += count
        flops[1, (weight_owners.get(node.module, frozenset()),)] += count
    return tuple(
        BackwardCost(count, most, names) for (most, names), count in flops.items() if any(names)
    )


def state_bytes(optimizer: OptimizerSpec) -> int:
    """Return the bytes of optimizer state for each parameter that has trained, in float32.

    The count of steps, one number for each tensor, is left out.
    """
    return _FLOAT * optimizer.state_per_parameter()


def without_rates(schedule: Schedule) -> Schedule:
    """Return the schedule without its names and rates, on which no costs and savings depend.

    Schedules that are equal then cost the same, so it is a key for caching costs. Groups are named
    by their places.
    """
    lr = LearningRate()
    optimizer = schedule.optimizer.model_copy(update={"base_lr": 1.0, "weight_decay": 0.0})
    groups = tuple(
        group.model_copy(update={"name": str(at), "lr_scale": None})
        for at, group in enumerate(schedule.groups)
    )
    update = {"name": "-", "lr": lr, "optimizer": optimizer, "groups": groups}
    return schedule.model_copy(update=update)


def _factors(node: TableNode) -> int:
    """Return how many operands of a product are activations; 0 for a node that is no product.

    That is 1 if the other one is the module's weight, else 2.
    """
    if node.flops <= node.elements:
        return 0
    return 1 if node.module else 2
