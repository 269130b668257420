"""The modules and bare parameters of a model as a tree of paths, and the groups that own them.

The tree is that of the model's layer table. A path that the table does not know has no parameters
and no children.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.models.layer_table import LayerTable, parameter_counts
from core.schedule.paths import prefixes
from core.schedule.spec import Schedule


@dataclass(frozen=True, slots=True)
class TreePart:
    """A module or a bare parameter by its path.

    `parameters` counts elements; `opens` says whether it has parts of its own, see `Tree.children`.
    """

    path: str
    parameters: int
    opens: bool


def owning_groups(
    table: LayerTable, schedule: Schedule, *, biases: bool = True
) -> dict[str, frozenset[str]]:
    """Return the names of the groups that own parameters at or below each path of the table.

    Without `biases` a group counts only if it owns other parameters than biases there.
    """
    group_of = {path: group.name for group in schedule.groups for path in group.modules}
    owners: defaultdict[str, set[str]] = defaultdict(set)
    for parameter in parameter_counts(table):
        if biases or parameter.rpartition(".")[2] != "bias":
            paths = prefixes(parameter)
            names = {group_of[path] for path in paths if path in group_of}
            for path in paths:
                owners[path] |= names
    return {path: frozenset(names) for path, names in owners.items()}


class Tree:
    """The paths of a model that hold parameters, as a tree."""

    def __init__(self, table: LayerTable) -> None:
        self._sizes = table.sizes
        self._children: dict[str, list[str]] = {}
        paths = (prefix for path in parameter_counts(table) for prefix in prefixes(path))
        for path in dict.fromkeys(paths):
            parent = path.rpartition(".")[0]
            self._children.setdefault(parent, []).append(path)

    def parts(self, paths: Iterable[str]) -> tuple[TreePart, ...]:
        """Return these paths as parts of the tree."""
        return tuple(TreePart(path, self.size(path), bool(self.children(path))) for path in paths)

    def size(self, path: str) -> int:
        """Return the number of elements under the path; 0 if the table does not know it."""
        return self._sizes.get(path, 0)

    def children(self, path: str) -> tuple[str, ...]:
        """Return the paths of a module's modules and bare parameters, from input to output.

        If there is only one, its own children are returned instead. A layer, which has parameters
        and no modules, has no children: its weight and its bias stay together.
        """
        children = self._children.get(path, [])
        while len(children) == 1:
            children = self._children.get(children[0], [])
        return tuple(children) if any(child in self._children for child in children) else ()

    def tidy(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Return as few paths as possible for the same parameters in the same order.

        A path inside another one is dropped, and the children of a module become the module if all
        of them follow each other in order.
        """
        unique = dict.fromkeys(paths)
        tidied: list[str] = []
        for path in unique:
            if unique.keys().isdisjoint(prefixes(path)[:-1]):
                tidied.append(path)
                self._fold(tidied)
        return tuple(tidied)

    def around(self, paths: Iterable[str], part: str) -> tuple[list[str], list[str]] | None:
        """Return the paths before `part` and those after it; None if no path contains it.

        Modules around `part` are replaced by their children.
        """
        opened = self._opened(self.tidy(paths), part)
        if part not in opened:
            return None
        place = opened.index(part)
        return opened[:place], opened[place + 1 :]

    def _opened(self, paths: Sequence[str], at: str) -> list[str]:
        opened: list[str] = []
        for path in paths:
            if at.startswith(f"{path}.") and path in self._children:
                opened += self._opened(self._children[path], at)
            else:
                opened.append(path)
        return opened

    def _fold(self, paths: list[str]) -> None:
        while paths:
            parent = paths[-1].rpartition(".")[0]
            children = self._children.get(parent, []) if parent else []
            if not children or paths[-len(children) :] != children:
                return
            paths[-len(children) :] = [parent]
