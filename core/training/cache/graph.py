"""Where a network's frozen part ends: what in its graph never changes, and the parts of a cut."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from timm.layers.drop import DropPath
from torch import fx, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd
from torchvision.ops import StochasticDepth

from core.schedule.paths import covers
from core.training.cache.tracing import effects, inputs, storage

_RANDOM_WORDS = ("dropout", "drop_path", "stochastic_depth", "rand", "bernoulli", "multinomial")
_ATTENTION = "scaled_dot_product_attention"


def signature(graph: fx.Graph) -> tuple[tuple[str, str], ...]:
    """Return what two traces of one model have in common if they differ in baked flags alone."""
    return tuple((node.name, str(node.target)) for node in graph.nodes)


@dataclass(frozen=True, slots=True)
class Moving:
    """What of a model does not stay as it is: paths of modules, and storages of tensors."""

    modules: frozenset[str]
    storages: frozenset[int]


def moving(model: nn.Module, graphs: Iterable[fx.Graph]) -> Moving:
    """Return what may change from epoch to epoch, as the model's flags are now.

    Trainable parameters; the buffers of modules in train mode (BatchNorm's statistics), and all
    that one of the graphs writes into besides; modules that drop something at random, and any
    BatchNorm without running statistics.
    """
    modules, storages = set[str](), set[int]()
    for path, module in model.named_modules(remove_duplicate=False):
        if (module.training and _drops(module)) or (
            isinstance(module, _BatchNorm) and module.running_mean is None
        ):
            modules.add(path)
        if module.training:
            storages.update(map(storage, module.buffers(recurse=False)))
    storages.update(storage(each) for each in model.parameters() if each.requires_grad)
    storages.update(*(effects(node).changed for graph in graphs for node in graph.nodes))
    return Moving(frozenset(modules), frozenset(storages))


def fixed_nodes(graph: fx.Graph, model: nn.Module, moving: Moving) -> frozenset[str]:
    """Return names of the nodes that give the same output for the same image in every epoch."""
    fixed: set[str] = set()
    for node in graph.nodes:
        known = node.op != "output" and all(source.name in fixed for source in inputs(node))
        if known and not moves(node, model, moving):
            fixed.add(node.name)
    return frozenset(fixed)


def constants(graph: fx.Graph) -> frozenset[str]:
    """Return names of the nodes that depend on no image, the first input, such as parameters."""
    image = next(node.name for node in graph.nodes if node.op == "placeholder")
    constant: set[str] = set()
    for node in graph.nodes:
        if node.name != image and all(source.name in constant for source in inputs(node)):
            constant.add(node.name)
    return frozenset(constant)


def lost(graph: fx.Graph) -> frozenset[str]:
    """Return names of the nodes whose output no copy can stand for, see `Effects`."""
    return frozenset(node.name for node in graph.nodes if effects(node).lost)


def first_after(graph: fx.Graph, model: nn.Module, done: frozenset[str]) -> str:
    """Path of the first module with parameters behind the part `done`, or "the output"."""
    for node in graph.nodes:
        if node.name in done:
            continue
        if node.op == "get_attr":
            return str(node.target).rpartition(".")[0] or str(node.target)
        if node.op == "call_module":
            module = model.get_submodule(str(node.target))
            if any(True for _ in module.parameters()):
                return str(node.target)
    return "the output"


def prefix(model: nn.Module, graph: fx.Graph, outputs: Iterable[str]) -> fx.GraphModule:
    """Return the part of the network that makes the tensors of these nodes from the images."""
    wanted = tuple(outputs)
    needed = set(wanted)
    nodes = []
    for node in reversed(list(graph.nodes)):
        if node.name in needed or node.op == "placeholder":
            needed.update(source.name for source in inputs(node))
            nodes.append(node)
    return _part(model, nodes[::-1], outputs=wanted)


def suffix(
    model: nn.Module, graph: fx.Graph, done: frozenset[str], boundary: tuple[str, ...]
) -> fx.GraphModule:
    """Return the rest of the network: tensors of the nodes `boundary` in, the model's output out.

    `done` are the nodes before the cut; those that depend on no image are made again.
    """
    again = constants(graph)
    needed: set[str] = set()
    nodes = []
    for node in reversed(list(graph.nodes)):
        if node.name not in done or node.name in needed & again:
            needed.update(source.name for source in inputs(node))
            nodes.append(node)
    return _part(model, nodes[::-1], inputs=boundary)


def _part(
    model: nn.Module,
    nodes: list[fx.Node],
    inputs: tuple[str, ...] = (),
    outputs: tuple[str, ...] = (),
) -> fx.GraphModule:
    """Return a module of these nodes that shares the model's own submodules and parameters."""
    graph = fx.Graph()
    made = {name: graph.placeholder(name) for name in inputs}
    copies: dict[str, fx.Node] = {}
    for node in nodes:
        made[node.name] = graph.node_copy(node, lambda source: made[source.name])
        if node.name in outputs and effects(node).overwritten:
            copies[node.name] = graph.call_method("clone", (made[node.name],))
    if outputs:
        graph.output(tuple((made | copies)[name] for name in outputs))
    graph.lint()
    return fx.GraphModule(model, graph)


def moves(node: fx.Node, model: nn.Module, moving: Moving) -> bool:
    """Whether the node itself, given the same inputs, may change its output between epochs."""
    if not moving.storages.isdisjoint(effects(node).state):
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
    """Return whether it drops something at random in train mode; at a rate of 0 it does not."""
    if isinstance(module, DropPath):
        return bool(module.drop_prob)
    return isinstance(module, (_DropoutNd, StochasticDepth)) and module.p > 0
