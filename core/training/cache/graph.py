"""The nodes of a network's graph that never change, and the parts before and behind a cut.

A node's index is its position in the order of the forward pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from timm.layers.drop import DropPath
from torch import fx, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd
from torchvision.ops import StochasticDepth

from core.cache_plan.split_points import constant_nodes
from core.schedule.paths import covers
from core.training.cache.tracing import effects, inputs, storage

_RANDOM_WORDS = ("dropout", "drop_path", "stochastic_depth", "rand", "bernoulli", "multinomial")
_ATTENTION = "scaled_dot_product_attention"


def forward_nodes(graph: fx.Graph) -> list[fx.Node]:
    """Return the nodes of a forward pass in order, without the last one, which is its output."""
    return list(graph.nodes)[:-1]


def input_indices(graph: fx.Graph) -> tuple[tuple[int, ...], ...]:
    """Return the indices of the nodes on which each node depends; the output is left out."""
    indices = {node: at for at, node in enumerate(graph.nodes)}
    return tuple(tuple(indices[source] for source in inputs(node)) for node in forward_nodes(graph))


def signature(graph: fx.Graph) -> tuple[tuple[str, str], ...]:
    """Return the names and targets of all nodes, which do not depend on the model's flags."""
    return tuple((node.name, str(node.target)) for node in graph.nodes)


@dataclass(frozen=True, slots=True)
class Moving:
    """The parts of a model that may change: paths of modules, and storages of tensors."""

    modules: frozenset[str]
    storages: frozenset[int]


def moving(model: nn.Module, graphs: Iterable[fx.Graph]) -> Moving:
    """Return what may change from epoch to epoch, with the model's present flags.

    These are trainable parameters, the buffers of modules in train mode (BatchNorm's statistics),
    whatever else a graph writes into, modules that drop something at random, and BatchNorm without
    running statistics.
    """
    modules, storages = set[str](), set[int]()
    for path, module in model.named_modules(remove_duplicate=False):
        if (module.training and _drops(module)) or (
            isinstance(module, _BatchNorm) and module.running_mean is None
        ):
            modules.add(path)
        if module.training:
            storages.update(map(storage, module.buffers(recurse=False)))
    storages.update(storage(p) for p in model.parameters() if p.requires_grad)
    storages.update(*(effects(node).changed for graph in graphs for node in graph.nodes))
    return Moving(frozenset(modules), frozenset(storages))


def fixed_nodes(graph: fx.Graph, model: nn.Module, moving: Moving) -> frozenset[int]:
    """Return the indices of nodes whose output for an image is the same in every epoch."""
    fixed: set[int] = set()
    for at, (node, sources) in enumerate(
        zip(forward_nodes(graph), input_indices(graph), strict=True)
    ):
        if fixed.issuperset(sources) and not moves(node, model, moving):
            fixed.add(at)
    return frozenset(fixed)


def unstorable(graph: fx.Graph) -> frozenset[int]:
    """Return the indices of nodes whose output no copy can replace, see `Effects.unstorable`."""
    return frozenset(at for at, node in enumerate(forward_nodes(graph)) if effects(node).unstorable)


def first_after(graph: fx.Graph, model: nn.Module, before: frozenset[int]) -> str:
    """Return the path of the first module with parameters behind a cut, or "the output"."""
    for at, node in enumerate(forward_nodes(graph)):
        if at in before:
            continue
        if node.op == "get_attr":
            return str(node.target).rpartition(".")[0] or str(node.target)
        if node.op == "call_module":
            module = model.get_submodule(str(node.target))
            if any(True for _ in module.parameters()):
                return str(node.target)
    return "the output"


def prefix(model: nn.Module, graph: fx.Graph, outputs: Iterable[int]) -> fx.GraphModule:
    """Return the part of the network that computes the outputs of these nodes from the images."""
    nodes = forward_nodes(graph)
    last = [nodes[at] for at in outputs]
    needed = {*last, *(node for node in nodes if node.op == "placeholder")}
    for node in reversed(nodes):
        if node in needed:
            needed.update(inputs(node))
    return _part(model, [node for node in nodes if node in needed], outputs=last)


def suffix(
    model: nn.Module, graph: fx.Graph, before: frozenset[int], boundary: Iterable[int]
) -> fx.GraphModule:
    """Return the rest of the network, from the outputs of the nodes `boundary` to the logits.

    `before` are the nodes before the cut; those that depend on no image are computed again.
    """
    nodes = list(graph.nodes)
    again = {nodes[at] for at in before & constant_nodes(input_indices(graph))}
    needed = {node for at, node in enumerate(nodes) if at not in before}
    for node in reversed(nodes):
        if node in needed:
            needed.update(again.intersection(inputs(node)))
    first = [nodes[at] for at in boundary]
    return _part(model, [node for node in nodes if node in needed], inputs=first)


def _part(
    model: nn.Module,
    nodes: Sequence[fx.Node],
    inputs: Sequence[fx.Node] = (),
    outputs: Sequence[fx.Node] = (),
) -> fx.GraphModule:
    """Return a module of these nodes that shares the model's own submodules and parameters."""
    graph = fx.Graph()
    copies = {node: graph.placeholder(node.name) for node in inputs}
    as_output: dict[fx.Node, fx.Node] = {}
    for node in nodes:
        copies[node] = graph.node_copy(node, copies.__getitem__)
        if node in outputs and effects(node).overwritten:
            as_output[node] = graph.call_method("clone", (copies[node],))
    if outputs:
        graph.output(tuple((copies | as_output)[node] for node in outputs))
    graph.lint()
    return fx.GraphModule(model, graph)


def moves(node: fx.Node, model: nn.Module, moving: Moving) -> bool:
    """Return whether the node may give another output in another epoch for the same inputs."""
    if not moving.storages.isdisjoint(effects(node).hidden_state):
        return True
    target = node.target
    if node.op == "call_module":
        return any(covers(str(target), inner) for inner in moving.modules)
    if node.op in ("call_function", "call_method"):
        name = target if isinstance(target, str) else getattr(target, "__name__", str(target))
        if name == _ATTENTION:
            return bool(node.kwargs.get("dropout_p", node.args[4] if len(node.args) > 4 else 0.0))
        flag = node.kwargs.get("training", True)
        return flag is not False and any(word in name for word in _RANDOM_WORDS)
    return False


def _drops(module: nn.Module) -> bool:
    """Return whether the module drops something at random in train mode, at a rate above 0."""
    if isinstance(module, DropPath):
        return bool(module.drop_prob)
    return isinstance(module, (_DropoutNd, StochasticDepth)) and module.p > 0
