"""What a layer group is made of: paths of modules and bare parameters, opened and put together.

The tree of a model's paths is its layer table's. A path that the table does not know is a part
like any other, without parameters and without children.
"""

from __future__ import annotations

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


def parts(schedule: Schedule, table: LayerTable) -> tuple[tuple[Part, ...], ...]:
    """The parts of every group, both from input to output: the group's paths in their order."""
    tree = Tree(table)
    return tuple(tree.parts(tree.tidy(group.modules)) for group in schedule.groups)


class Tree:
    """The paths of a model that hold parameters, as a tree."""

    def __init__(self, table: LayerTable) -> None:
        self._sizes = table.sizes
        self._children: dict[str, list[str]] = {}
        for path in _with_parents(table):
            parent = path.rpartition(".")[0]
            self._children.setdefault(parent, []).append(path)

    def parts(self, paths: Iterable[str]) -> tuple[Part, ...]:
        """Return those paths as parts."""
        return tuple(Part(path, self.size(path), bool(self.children(path))) for path in paths)

    def size(self, path: str) -> int:
        """Elements under the path; 0 for one that the table does not know."""
        return self._sizes.get(path, 0)

    def children(self, path: str) -> tuple[str, ...]:
        """Return what the module opens into: its modules and bare parameters, from input to output.

        A module with one child gives that one's children. A layer, which has parameters and no
        modules, does not open: its weight and its bias stay together.
        """
        found = self._children.get(path, [])
        while len(found) == 1:
            found = self._children.get(found[0], [])
        return tuple(found) if any(child in self._children for child in found) else ()

    def tidy(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Return the same parameters in the same order, by as few paths as possible.

        A path that another one holds is dropped, and all children of a module that stand together
        in their order become the module.
        """
        given = dict.fromkeys(paths)
        tidied: list[str] = []
        for path in given:
            if given.keys().isdisjoint(prefixes(path)[:-1]):
                tidied.append(path)
                self._fold(tidied)
        return tuple(tidied)

    def around(self, paths: Iterable[str], part: str) -> tuple[list[str], list[str]] | None:
        """The paths before `part` and those after it; None if it is not among or inside them.

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


def _with_parents(table: LayerTable) -> dict[str, None]:
    return dict.fromkeys(path for each in parameter_counts(table) for path in prefixes(each))
