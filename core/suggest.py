"""Suggested groupings of any image classifier, from coarse to fine, read from its module tree.

The tree is cut into *units* from input to output: blocks, such as residual or transformer blocks,
and single layers between them. Blocks with the layers before them are joined to stages. Modules
are in the order of registration, which is that of the forward pass in torchvision and timm.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, cast

from torch import nn

from core.schedule.paths import covers
from core.schedule.words import numbered

Paths = dict[str, tuple[str, ...]]
"""Paths of modules and parameters by the name of their group, from input to output."""

_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
_POOLS = (nn.MaxPool2d, nn.AvgPool2d)
_FEW_LAYERS = 4
"""A sequence of more layers is no block but a network of its own, as in AlexNet."""
_MAX_STAGES = 8
_THIRDS = 3
_SHARE = 0.5


@dataclass
class _Unit:
    """A module or parameter that is not cut further, and the names of its parameters.

    A parameter that several units share belongs to the first.
    """

    path: str
    module: nn.Module | None
    parameters: list[str]
    matrices: bool
    """Whether it has a weight of two or more dimensions, unlike norms and biases."""

    @property
    def is_block(self) -> bool:
        return self.module is not None and self.matrices and not _is_layer(self.module)

    @property
    def parent(self) -> str:
        return self.path.rpartition(".")[0]


@dataclass
class _Cut:
    """Units from input to output in four sections; a block includes the layers before it."""

    stem: list[_Unit] = field(default_factory=list)
    blocks: list[list[_Unit]] = field(default_factory=list)
    neck: list[_Unit] = field(default_factory=list)
    head: list[_Unit] = field(default_factory=list)


def suggest(model: nn.Module) -> dict[str, Paths]:
    """Return groupings by name, from coarse to fine: "backbone" (and head), "stages", "blocks".

    The groups of "stages" are `stem`, or `embed` for a transformer with bare parameters; `stage1` …
    or the stages' own names; `neck`, layers with weights after the last stage; and `head`. A chain
    of equal blocks is cut where the resolution halves, else into thirds, `blocks1` to `blocks3`. A
    network of a single part has one group, `all`.
    """
    cut = _cut(model)
    stages = _named_stages(model, cut)
    blocks = [(_block_name(block), [block]) for block in cut.blocks]
    groups = _assemble(model, cut, stages)
    return {"backbone": backbone(groups), "stages": groups, "blocks": _assemble(model, cut, blocks)}


def backbone(groups: Paths) -> Paths:
    """Return the groups joined to two: all but the last, and the last."""
    *body, (head, last) = groups.items()
    joined = tuple(path for _, paths in body for path in paths)
    return {"backbone": joined, head: last} if joined else {head: last}


def heads_of(model: nn.Module) -> tuple[str, ...]:
    """Return the paths of the modules that give an output per class, empty if there are none.

    They are those of timm's `get_classifier`, else the last linear layer, else the last convolution
    (SqueezeNet's).
    """
    names = {id(module): path for path, module in model.named_modules()}
    if hasattr(model, "get_classifier"):
        heads = cast(Any, model).get_classifier()
        heads = list(heads.values()) if isinstance(heads, dict) else heads
        heads = heads if isinstance(heads, (list, tuple, nn.ModuleList)) else [heads]
        inner = [leaf for each in heads if isinstance(each, nn.Module) for leaf in _outputs(each)]
        paths = [names[id(leaf)] for leaf in inner if names.get(id(leaf))]
        if paths:
            return tuple(paths)
    for kind in (nn.Linear, nn.Conv2d):
        paths = [path for path, module in model.named_modules() if isinstance(module, kind)]
        if paths:
            return (paths[-1],)
    return ()


def _outputs(head: nn.Module) -> Sequence[nn.Module]:
    """Return the last linear layer or convolution of a head, in a list."""
    layers = [each for each in head.modules() if isinstance(each, (nn.Linear, nn.Conv2d))]
    return layers[-1:]


def _cut(model: nn.Module) -> _Cut:
    heads = heads_of(model)
    units = _units(model, heads)
    last = max((at for at, unit in enumerate(units) if _is_body(unit, heads)), default=-1)
    chain = not any(unit.is_block for unit in units)  # as in VGG: each convolution is a block
    while chain and last + 1 < len(units) and not units[last + 1].matrices and last >= 0:
        last += 1  # its norm
    body, tail = units[: last + 1], units[last + 1 :]
    cut = _Cut()
    waiting: list[_Unit] = []
    for unit in body:
        first = chain and not cut.stem and not cut.blocks
        if unit.is_block or (chain and unit.matrices and not first):
            if cut.blocks or cut.stem or not waiting:
                cut.blocks.append([*waiting, unit])
            else:
                cut.stem, cut.blocks = waiting, [[unit]]
            waiting = []
        elif first and unit.matrices:
            cut.stem, waiting = [*waiting, unit], []
        elif chain and not unit.matrices and (cut.blocks or cut.stem):
            (cut.blocks[-1] if cut.blocks else cut.stem).append(unit)
        else:
            waiting.append(unit)
    cut.neck = waiting
    in_heads = [unit for unit in tail if _within(unit.path, heads)]
    other = [unit for unit in tail if not _within(unit.path, heads)]
    if cut.neck or any(unit.matrices for unit in other):
        cut.neck += other
        cut.head = in_heads
    else:
        cut.head = tail
    if not cut.head:  # no layer is known to be the head, so take the last part
        parts = cut.neck or (cut.blocks.pop() if len(cut.blocks) > 1 else [])
        cut.neck, cut.head = [], parts
    return cut


def _is_body(unit: _Unit, heads: tuple[str, ...]) -> bool:
    if _within(unit.path, heads):
        return False
    holder = unit.path.partition(".")[0]
    beside = any(head.partition(".")[0] == holder for head in heads)
    convolution = unit.module is not None and any(
        isinstance(each, nn.Conv2d) for each in unit.module.modules()
    )
    return unit.is_block or (convolution and not beside and "." in unit.path and unit.matrices)


def _within(path: str, heads: Sequence[str]) -> bool:
    return any(covers(head, path) for head in heads)


def _units(model: nn.Module, heads: tuple[str, ...]) -> list[_Unit]:
    owned = {id(parameter): name for name, parameter in model.named_parameters()}
    units: list[_Unit] = []
    for path, part in _parts("", model, heads):
        parameters = [part] if isinstance(part, nn.Parameter) else part.parameters()
        firsts = [owned.pop(id(each)) for each in parameters if id(each) in owned]
        if firsts:
            module = None if isinstance(part, nn.Parameter) else part
            matrices = module is not None and any(p.ndim > 1 for p in module.parameters())
            units.append(_Unit(path, module, firsts, matrices))
    return units


def _parts(
    path: str, module: nn.Module, heads: tuple[str, ...]
) -> Iterable[tuple[str, nn.Module | nn.Parameter]]:
    around_head = any(head.startswith(f"{path}.") for head in heads)
    if path and not around_head and not _holds_blocks(module):
        yield path, module
        return
    lead = f"{path}." if path else ""
    for name, parameter in module.named_parameters(recurse=False):
        yield lead + name, parameter
    for name, child in module.named_children():
        if any(True for _ in child.parameters()):
            yield from _parts(lead + name, child, heads)


def _holds_blocks(module: nn.Module) -> bool:
    """Return whether the module is a sequence of blocks or layers, and no block itself."""
    children = _children(module)
    if isinstance(module, _CONTAINERS):
        return len(children) > _FEW_LAYERS or not all(_children(each) == [] for each in children)
    alike = len({type(each) for each in children}) == 1
    if len(children) > 1 and alike and not isinstance(children[0], _CONTAINERS):
        return not any(_is_layer(each) for each in children)
    size = _size(module)
    return any(
        isinstance(each, _CONTAINERS)
        and _size(each) > _SHARE * size
        and not any(_is_layer(inner) for inner in _children(each))
        for each in children
    )


def _is_layer(module: nn.Module) -> bool:
    """Return whether it is one layer, perhaps with its norm: at most two leaves, or a sequence."""
    children = _children(module)
    if any(_children(each) for each in children):
        return False
    return len(children) <= 2 or isinstance(module, _CONTAINERS)


def _children(module: nn.Module) -> list[nn.Module]:
    return [each for each in module.children() if any(True for _ in each.parameters())]


def _size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _named_stages(model: nn.Module, cut: _Cut) -> list[tuple[str, list[list[_Unit]]]]:
    """Return blocks joined to stages: by their container, else by resolution, else in thirds."""
    blocks = cut.blocks
    if not blocks:
        return []
    rows = _by_container(blocks)
    if len(rows) < 3 or len(rows) > _MAX_STAGES:
        rows = _by_resolution(model, blocks)
    if len(rows) < 3 or len(rows) > _MAX_STAGES:
        if len(blocks) < 2 * _THIRDS:
            return [(_block_name(block), [block]) for block in blocks]
        third = -(-len(blocks) // _THIRDS)
        rows = [blocks[at : at + third] for at in range(0, len(blocks), third)]
        return [(f"blocks{at}", row) for at, row in enumerate(rows, start=1)]
    named = [row[-1][-1].parent.removesuffix(".blocks").rpartition(".")[2] for row in rows]
    usable = len(set(named)) == len(named) and not any(name.isdigit() or not name for name in named)
    return [
        (name if usable else f"stage{at}", row)
        for at, (name, row) in enumerate(zip(named, rows, strict=True), start=1)
    ]


def _by_container(blocks: list[list[_Unit]]) -> list[list[list[_Unit]]]:
    """Return rows of blocks in one container, or in a wider one if there are too many rows."""
    holders = [block[-1].parent for block in blocks]
    while True:
        pairs = zip(holders, blocks, strict=True)
        rows = [[block for _, block in row] for _, row in groupby(pairs, key=lambda pair: pair[0])]
        if len(rows) <= _MAX_STAGES or not any(holders):
            return rows
        holders = [holder.rpartition(".")[0] for holder in holders]


def _by_resolution(model: nn.Module, blocks: list[list[_Unit]]) -> list[list[list[_Unit]]]:
    """Return rows that begin after a pooling layer, or with a strided convolution."""
    after_pool = _behind_pools(model)
    rows: list[list[list[_Unit]]] = []
    for block in blocks:
        if not rows or any(unit.path in after_pool or _strided(unit) for unit in block):
            rows.append([])
        rows[-1].append(block)
    return rows


def _behind_pools(model: nn.Module) -> set[str]:
    """Return the paths of modules with parameters that directly follow a pooling layer."""
    paths = set()
    for path, module in model.named_modules():
        pooled = False
        for name, child in module.named_children():
            if isinstance(child, _POOLS):
                pooled = True
            elif any(True for _ in child.parameters()):
                if pooled:
                    paths.add(f"{path}.{name}" if path else name)
                pooled = False
    return paths


def _strided(unit: _Unit) -> bool:
    modules = unit.module.modules() if unit.module is not None else ()
    return any(isinstance(each, nn.Conv2d) and max(each.stride) > 1 for each in modules)


def _block_name(block: list[_Unit]) -> str:
    return block[-1].path


def _assemble(model: nn.Module, cut: _Cut, middle: list[tuple[str, list[list[_Unit]]]]) -> Paths:
    """Return the groups, with the fewest paths that hold exactly their parameters."""
    bare = any(unit.module is None for unit in cut.stem)
    sections: list[tuple[str, list[_Unit]]] = [("embed" if bare else "stem", cut.stem)]
    sections += [(name, [unit for block in blocks for unit in block]) for name, blocks in middle]
    sections += [("neck", cut.neck), ("head", cut.head)]
    sections = [(name, units) for name, units in sections if units]
    if len(sections) == 1:
        sections = [("all", sections[0][1])]
    owner = {
        parameter: at
        for at, (_, units) in enumerate(sections)
        for unit in units
        for parameter in unit.parameters
    }
    groups: Paths = {}
    for at, (name, _) in enumerate(sections):
        free = next(each for each in numbered(name, "_{}") if each not in groups)
        groups[free] = tuple(_shortest("", model, owner, at))
    return groups


def shortest_paths(model: nn.Module, parameters: Iterable[str]) -> tuple[str, ...]:
    """Return the fewest paths that hold exactly these parameters, in the model's order."""
    return tuple(_shortest("", model, dict.fromkeys(parameters, 0), 0))


def _shortest(path: str, module: nn.Module, owner: dict[str, int], group: int) -> Iterable[str]:
    """Yield the paths of a group within a module: the module itself if it belongs to the group."""
    lead = f"{path}." if path else ""
    names = [lead + name for name, _ in module.named_parameters(remove_duplicate=False)]
    if path and all(owner.get(name) == group for name in names):
        yield path
        return
    for name, _ in module.named_parameters(recurse=False):
        if owner.get(lead + name) == group:
            yield lead + name
    for name, child in module.named_children():
        if any(True for _ in child.parameters()):
            yield from _shortest(lead + name, child, owner, group)
