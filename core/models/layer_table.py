"""Layer tables: all that the torch-free parts of Thaw know of a network.

A table lists every module that owns parameters, groupings from coarse to fine, the heads, and the
steps of the forward pass with their costs. Tables of common models are JSON files in `tables/`,
made by `python -m core groups NAME --json`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from functools import cache, cached_property, lru_cache
from importlib.resources import files
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from core.errors import ModelError, nearest
from core.schedule.paths import covers, prefixes


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class TableLayer(_Row):
    """A module that owns parameters: its path, its class, and each parameter's element count."""

    path: str
    kind: str
    parameters: dict[str, int]


class LayerGroup(_Row):
    """A suggested group: paths of modules or bare parameters, and their number of elements."""

    name: str
    modules: Annotated[tuple[str, ...], Field(min_length=1)]
    parameters: int


class Grouping(_Row):
    """A way to group the network, from input to output; each parameter is in exactly one group.

    `name` says how fine it is: "backbone" (and head), "stages", "blocks".
    """

    name: str
    groups: tuple[LayerGroup, ...]


class Head(_Row):
    """A module with one output per class; `weight` has `features` elements for each class."""

    path: str
    features: int
    bias: bool


Growth = Literal[0, 2, 4]
"""The power of the image's side by which a cost grows: 0 after pooling, 2 area, 4 attention."""

Moves = Literal["", "batch", "random"]
"""What train mode changes in a node, see `TableNode`."""

MEASURED_AT = 224
"""Side, in pixels, of the image for which a table gives FLOPs and elements."""


class TableNode(NamedTuple):
    """A step of the forward pass in train mode, for one image of `MEASURED_AT` pixels a side.

    `name` is its name in torch.fx, and `module` the path of the module that it calls, or of the
    parameter or buffer that it reads ("" for functions and inputs). `inputs` are the indices of the
    nodes that it reads, or that have written into what it reads. `flops` counts 2 for a
    multiply-add, as `torch.utils.flop_counter` does, and 1 per output element for every operation
    that is not a matrix product; a view is free. `elements` is the size of the output, or 0 if that
    is no tensor or does not depend on an image, such as a parameter.

    `moves` is "batch" for a BatchNorm, which train mode changes, and "random" for what is random in
    train mode (dropout, drop path); both hold still in eval mode.
    """

    name: str
    module: str
    inputs: tuple[int, ...]
    flops: int
    elements: int
    moves: Moves = ""
    flops_growth: Growth = 2
    elements_growth: Growth = 2

    def flops_at(self, image_size: int) -> int:
        """Return the FLOPs for one image of so many pixels a side, to a few percent."""
        return round(self.flops * (image_size / MEASURED_AT) ** self.flops_growth)

    def elements_at(self, image_size: int) -> int:
        """Return the output's elements for one image of so many pixels a side, to a few percent."""
        return round(self.elements * (image_size / MEASURED_AT) ** self.elements_growth)


class LayerTable(_Row):
    """A network from input to output. `weights` names its pretrained weights, best first.

    `groupings` go from coarse to fine: each group of a finer one lies within a group of the coarser
    one, in the same order. `default` names the one that a new schedule takes. `nodes` are in the
    order in which they run, so a node reads only earlier ones; the first is the image. They are
    empty where torch.fx cannot follow the forward pass.
    """

    model: str
    parameters: int
    weights: tuple[str, ...]
    groupings: tuple[Grouping, ...]
    default: str
    heads: tuple[Head, ...]
    layers: tuple[TableLayer, ...]
    nodes: tuple[TableNode, ...] = ()

    def __hash__(self) -> int:
        return hash((self.model, self.parameters))

    @property
    def groups(self) -> tuple[LayerGroup, ...]:
        """The groups of the default grouping."""
        return next(each.groups for each in self.groupings if each.name == self.default)

    @cached_property
    def sizes(self) -> dict[str, int]:
        """Elements of each path that holds parameters, and of each parameter."""
        sizes: Counter[str] = Counter()
        for parameter, size in parameter_counts(self).items():
            sizes.update(dict.fromkeys(prefixes(parameter), size))
        return dict(sizes)

    @cached_property
    def called(self) -> frozenset[str]:
        """The paths of all modules that the forward pass calls, and of all that contain one."""
        return frozenset(p for node in self.nodes if node.module for p in prefixes(node.module))

    def flops_at(self, image_size: int) -> int:
        """Return the FLOPs of the forward pass for one image of so many pixels a side."""
        return sum(node.flops_at(image_size) for node in self.nodes)


_TABLES = files("core.models") / "tables"


@cache
def known_models() -> tuple[str, ...]:
    """Return the sorted names of all models with a stored table: `timm/…`, `torchvision/…`."""
    names = (entry.name.removesuffix(".json") for entry in _TABLES.iterdir())
    return tuple(sorted(name.replace("--", "/", 1) for name in names))


@cache
def load(model: str) -> LayerTable:
    """Return the stored table of a model; ModelError names the nearest model that has one."""
    if model not in known_models():
        raise ModelError(
            "model.name", f"is {model!r}, which has no layer table", nearest(model, known_models())
        )
    path = _TABLES / f"{model.replace('/', '--', 1)}.json"
    return LayerTable.model_validate_json(path.read_text(encoding="utf-8"))


def find_stored(model: str) -> LayerTable | None:
    """Return the stored table of a model; None if it has none."""
    return load(model) if model in known_models() else None


def dumps(table: LayerTable) -> str:
    """Return a table as JSON text, as in `tables/`: a line for each group, head, layer and node.

    A node is a list without the defaults at its end.
    """
    head = {"model": table.model, "parameters": table.parameters, "weights": table.weights}
    groupings = [_grouping(each) for each in table.groupings]
    rows: dict[str, list[object]] = {
        "heads": [each.model_dump(mode="json") for each in table.heads],
        "layers": [layer.model_dump(mode="json") for layer in table.layers],
        "nodes": [_without_defaults(node) for node in table.nodes],
    }
    parts = [f'"{key}":{_compact(value)}' for key, value in head.items()]
    parts += ['"groupings":[\n' + ",\n".join(groupings) + "\n]", f'"default":"{table.default}"']
    for key, values in rows.items():
        lines = ",\n".join(map(_compact, values))
        parts.append(f'"{key}":[\n{lines}\n]')
    return "{" + ",\n".join(parts) + "}\n"


@lru_cache(maxsize=64)
def for_classes(table: LayerTable, classes: int) -> LayerTable:
    """Return the table of the same network with heads for `classes` classes, at least 1.

    The heads' parameters and costs, and all that is computed from their outputs, are scaled by the
    classes. A table without heads is returned as it is.
    """
    sizes = parameter_counts(table)
    before = {
        head.path: sizes[f"{head.path}.weight"] // head.features
        for head in table.heads
        if f"{head.path}.weight" in sizes
    }
    if set(before.values()) <= {classes}:
        return table
    layers = tuple(
        layer.model_copy(
            update={
                "parameters": {
                    name: elements // before[layer.path] * classes
                    for name, elements in layer.parameters.items()
                }
            }
        )
        if layer.path in before
        else layer
        for layer in table.layers
    )
    changed = table.model_copy(
        update={
            "parameters": sum(sum(layer.parameters.values()) for layer in layers),
            "layers": layers,
            "nodes": _nodes_for(table, before, classes),
        }
    )
    changed.__dict__.pop("sizes", None)  # the copy still has those of the original
    groupings = tuple(
        grouping.model_copy(
            update={
                "groups": tuple(
                    group.model_copy(update={"parameters": count_elements(changed, group.modules)})
                    for group in grouping.groups
                )
            }
        )
        for grouping in table.groupings
    )
    return changed.model_copy(update={"groupings": groupings})


def parameter_counts(table: LayerTable) -> dict[str, int]:
    """Return the elements of each parameter by its path, `layer4.0.conv1.weight`, in order."""
    return {
        f"{layer.path}.{name}" if layer.path else name: elements
        for layer in table.layers
        for name, elements in layer.parameters.items()
    }


def count_elements(table: LayerTable, modules: tuple[str, ...]) -> int:
    """Return the elements of all parameters under these paths, each counted once."""
    paths = set(modules)
    outermost = (path for path in paths if paths.isdisjoint(prefixes(path)[:-1]))
    return sum(table.sizes.get(path, 0) for path in outermost)


def _nodes_for(table: LayerTable, before: Mapping[str, int], classes: int) -> tuple[TableNode, ...]:
    """Return the nodes, with those of the heads and all that read them scaled to the classes."""
    features = {head.path: head.features for head in table.heads}
    grown: dict[int, int] = {}  # index -> classes before
    nodes = []
    for index, node in enumerate(table.nodes):
        inside = [path for path in before if node.module and covers(node.module, path)]
        if inside:
            old = before[inside[0]]
            positions = node.elements // old
            more = sum(2 * features[path] * positions * (classes - old) for path in inside)
            grown[index] = old
            node = node._replace(flops=node.flops + more, elements=positions * classes)
        elif heads := [path for path in before if covers(path, node.module)]:
            grown[index] = before[heads[0]]  # the weight itself, for a function to read
        elif read := [grown[source] for source in node.inputs if source in grown]:
            old = grown[index] = read[0]
            flops, elements = node.flops // old * classes, node.elements // old * classes
            node = node._replace(flops=flops, elements=elements)
        nodes.append(node)
    return tuple(nodes)


def _grouping(grouping: Grouping) -> str:
    groups = ",\n".join(_compact(group.model_dump(mode="json")) for group in grouping.groups)
    return f'{{"name":"{grouping.name}","groups":[\n{groups}\n]}}'


def _without_defaults(node: TableNode) -> list[object]:
    values: list[object] = list(node)
    defaults = node._field_defaults
    for field in reversed(node._fields):
        if field not in defaults or values[-1] != defaults[field]:
            break
        values.pop()
    return values


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
