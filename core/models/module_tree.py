"""The modules and bare parameters of a model as a tree of paths, and the groups that own them.

The tree is that of the model's layer table. A path that the table does not know is a part like any
other, without parameters and without children.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.models.layer_table import LayerTable, parameter_counts
from core.schedule.paths import prefixes
from core.schedule.spec import Schedule


@dataclass(frozen=True, slots=True)
class Part:
    """A module or a bare parameter by its path, the elements that it holds, whether it `opens`."""

    path: str
    parameters: int
    opens: bool


def owning_groups(
    table: LayerTable, schedule: Schedule, *, biases: bool = True
) -> dict[str, frozenset[str]]:
    """Return, for every path of the table, names of the groups that own parameters at or below it.

    Without `biases`, the groups that own something else there.
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
        every = (prefix for path in parameter_counts(table) for prefix in prefixes(path))
        for path in dict.fromkeys(every):
            parent = path.rpartition(".")[0]
            self._children.setdefault(parent, []).append(path)

    def parts(self, paths: Iterable[str]) -> tuple[Part, ...]:
        """Return those paths as parts."""
        return tuple(Part(path, self.size(path), bool(self.children(path))) for path in paths)

    def size(self, path: str) -> int:
        """Return the elements under the path; 0 for one that the table does not know."""
        return self._sizes.get(path, 0)

    def children(self, path: str) -> tuple[str, ...]:
        """Return what the module opens into: its modules and bare parameters, from input to output.

        A module with one child gives that one's children. A layer, which has parameters and no
        modules, does not open: its weight and its bias stay together.
        """
        children = self._children.get(path, [])
        while len(children) == 1:
            children = self._children.get(children[0], [])
        return tuple(children) if any(child in self._children for child in children) else ()

    def tidy(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Return the same parameters in the same order, by as few paths as possible.

        A path that another one holds is dropped, and all children of a module that stand together
        in their order become the module.
        """
        unique = dict.fromkeys(paths)
        tidied: list[str] = []
        for path in unique:
            if unique.keys().isdisjoint(prefixes(path)[:-1]):
                tidied.append(path)
                self._fold(tidied)
        return tuple(tidied)

    def around(self, paths: Iterable[str], part: str) -> tuple[list[str], list[str]] | None:
        """Return the paths before `part` and those after it; None if it is not inside any.

        Modules that hold `part` are opened as far as that takes.
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
