"""Which nodes of a network give the same output every epoch, judged by the schedule alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from core.models.layer_table import LayerTable, Node
from core.schedule.paths import prefixes
from core.schedule.spec import Group, Schedule


class Dependence:
    """What each node depends on, whichever groups are open: for many phases of one schedule.

    A node moves if what it reads moves, if parameters of its module train, or if BatchNorm inside
    takes in statistics while the network is trained. In train mode, what is random in it moves as
    well. A module follows its group: held in eval mode while frozen, unless the group says
    `when_frozen: "train"`. One that is in no group follows the network.

    The same nodes as `core.training.cache.graph` finds in the network itself.
    """

    def __init__(self, table: LayerTable, schedule: Schedule) -> None:
        groups = {path: group for group in schedule.groups for path in group.modules}
        inside: defaultdict[str, set[str]] = defaultdict(set)
        for path, group in groups.items():
            for outer in prefixes(path)[:-1]:
                inside[outer].add(group.name)
        owners: dict[str, Group | None] = {}
        for module in {node.module for node in table.nodes}:
            around = (groups.get(path) for path in prefixes(module))
            owners[module] = next((found for found in around if found is not None), None)
        self._rules = [
            _rule(node, owners[node.module], table, frozenset(inside[node.module]))
            for node in table.nodes
        ]

    def fixed(self, is_open: Collection[str], *, training: bool) -> frozenset[int]:
        """Places, in `table.nodes`, of the nodes that give an image the same output every epoch.

        In a phase in which the groups of these names are open; in train mode if `training`.
        """
        names = frozenset(is_open)
        fixed: set[int] = set()
        for place, rule in enumerate(self._rules):
            if fixed.issuperset(rule.inputs) and not rule.moves(names, training=training):
                fixed.add(place)
        return frozenset(fixed)


@dataclass(frozen=True, slots=True)
class _Rule:
    """When a node moves by itself: always, or while one of these groups is open.

    `at_random` says that it does so in train mode alone, unless a group `trains` it.
    """

    inputs: tuple[int, ...]
    trains: frozenset[str]
    moving: frozenset[str]
    always: bool
    at_random: bool

    def moves(self, is_open: frozenset[str], *, training: bool) -> bool:
        if not self.trains.isdisjoint(is_open):
            return True
        if self.at_random and not training:
            return False
        return self.always or not self.moving.isdisjoint(is_open)


def _rule(node: Node, group: Group | None, table: LayerTable, inside: frozenset[str]) -> _Rule:
    if group is None:  # its parts may be in groups of their own
        trains, own = inside, frozenset[str]()
    else:
        own = frozenset([group.name])
        trains = own if node.module in table.sizes else frozenset()
    held = group is not None and group.batchnorm == "eval" and node.moves == "batch"
    moves = bool(node.moves) and not held
    return _Rule(
        inputs=node.inputs,
        trains=trains,
        moving=own if moves else frozenset(),
        always=moves and (group is None or group.when_frozen == "train"),
        at_random=node.moves == "random",
    )
