"""Which nodes of a network give the same output every epoch, judged by the schedule alone."""

from __future__ import annotations

from core.design.layers import LayerTable, Node, prefixes
from core.design.plan import is_open
from core.design.spec import Group, Schedule


def fixed_nodes(
    table: LayerTable, schedule: Schedule, epoch: int, *, training: bool
) -> frozenset[int]:
    """Places, in `table.nodes`, of the nodes whose output for an image the epoch's phase keeps.

    A node moves if what it reads moves, if parameters of its module train, or if BatchNorm inside
    takes in statistics while the network is trained. When it is run in train mode (`training`),
    what is random in it moves as well. A module follows its group: held in eval mode while frozen,
    unless the group says `when_frozen: "train"`. One that is in no group follows the network.

    The same nodes as `core.training.frozen` finds in the network itself.
    """
    rule = _Rule(table, schedule, epoch, training)
    fixed: set[int] = set()
    for place, node in enumerate(table.nodes):
        if fixed.issuperset(node.inputs) and not rule.moves(node):
            fixed.add(place)
    return frozenset(fixed)


class _Rule:
    """Whether a node moves by itself, in one epoch."""

    def __init__(self, table: LayerTable, schedule: Schedule, epoch: int, training: bool) -> None:
        self._sizes = table.sizes
        self._training = training
        self._groups = {path: group for group in schedule.groups for path in group.modules}
        self._open = {group.name for group in schedule.groups if is_open(group, epoch)}
        self._around_open = {
            outer
            for path, group in self._groups.items()
            if group.name in self._open
            for outer in prefixes(path)[:-1]
        }

    def moves(self, node: Node) -> bool:
        around = (self._groups.get(path) for path in prefixes(node.module))
        group = next((found for found in around if found is not None), None)
        return (
            self._trains(node, group)
            or (node.moves == "batch" and self._takes_statistics(group))
            or (node.moves == "random" and self._training and self._in_train_mode(group))
        )

    def _trains(self, node: Node, group: Group | None) -> bool:
        if group is None:  # its parts may be in groups of their own
            return node.module in self._around_open
        return group.name in self._open and node.module in self._sizes

    def _takes_statistics(self, group: Group | None) -> bool:
        return self._in_train_mode(group) and (group is None or group.batchnorm != "eval")

    def _in_train_mode(self, group: Group | None) -> bool:
        return group is None or group.name in self._open or group.when_frozen == "train"
