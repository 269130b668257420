"""The nodes of a network that give the same output in every epoch, by the schedule alone."""

from __future__ import annotations

from collections.abc import Collection

from core.models.layer_table import LayerTable, TableNode
from core.models.module_tree import owning_groups
from core.schedule.paths import prefixes
from core.schedule.spec import Group, Schedule


class Dependence:
    """The groups that each node of a model depends on, for the phases of one schedule.

    A node moves if a node that it reads moves, if parameters of its module train, or if BatchNorm
    in it updates its statistics. In train mode it also moves if it is random. A module follows its
    group, which is in eval mode while frozen unless it has `when_frozen: "train"`. A module that is
    in no group follows the network.

    `core.training.cache.graph` finds the same nodes in the network itself.
    """

    def __init__(self, table: LayerTable, schedule: Schedule) -> None:
        group_of = {path: group for group in schedule.groups for path in group.modules}
        owners = owning_groups(table, schedule)
        self._nodes = [
            (
                node,
                next((group_of[path] for path in prefixes(node.module) if path in group_of), None),
                owners.get(node.module, frozenset()),
            )
            for node in table.nodes
        ]

    def fixed(self, training_groups: Collection[str], *, training: bool) -> frozenset[int]:
        """Return the indices, in `table.nodes`, of the nodes that do not move in a phase.

        `training_groups` names the groups that train in it. With `training` the network is in train
        mode, else in eval mode.
        """
        fixed: set[int] = set()
        for index, (node, group, owners) in enumerate(self._nodes):
            if (
                fixed.issuperset(node.inputs)
                and owners.isdisjoint(training_groups)
                and not _moves(node, group, training_groups, training=training)
            ):
                fixed.add(index)
        return frozenset(fixed)


def _moves(
    node: TableNode, group: Group | None, training_groups: Collection[str], *, training: bool
) -> bool:
    """Return whether the node moves although no parameter of its module trains."""
    if not node.moves or (node.moves == "random" and not training):
        return False
    if group is None:
        return True
    if node.moves == "batch" and group.batchnorm == "eval":
        return False
    return group.when_frozen == "train" or group.name in training_groups
