"""Where a network's frozen part ends: a traced graph, and what in it never changes."""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter
from typing import Any, cast

import timm.layers
from timm.layers.drop import DropPath
from torch import Tensor, fx, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd
from torchvision.models.feature_extraction import NodePathTracer
from torchvision.ops import StochasticDepth

from core.design.paths import covers

_TIMM: Any = timm.layers  # it re-exports without saying so
_RANDOM_WORDS = ("dropout", "drop_path", "stochastic_depth", "rand", "bernoulli", "multinomial")
_IN_PLACE = ("iadd", "isub", "imul", "itruediv", "ifloordiv", "ipow", "imod", "iand", "ior")
_ATTENTION = "scaled_dot_product_attention"


_UNTRACEABLE = (
    fx.proxy.TraceError,
    AssertionError,
    AttributeError,
    LookupError,
    NameError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What a forward raises that looks into its tensors, which are not there while it is traced."""


class UntraceableError(Exception):
    """torch.fx cannot follow the model's forward; the message says why."""


def trace(model: nn.Module) -> fx.Graph:
    """The model's forward as a graph.

    Modules that act otherwise in train and in eval mode stay whole, and follow their own flag when
    the graph runs; functions have the flags baked in that the model has now.

    Raises UntraceableError for a forward that depends on its data.
    """
    tracer: Any = NodePathTracer(
        leaf_modules=[*_TIMM.get_notrace_modules(), _BatchNorm, StochasticDepth, DropPath],
        autowrap_functions=_TIMM.get_notrace_functions(),
    )
    tracer.proxy_buffer_attributes = True  # else what is computed of buffers becomes a constant
    try:
        return cast(fx.Graph, tracer.trace(model))
    except _UNTRACEABLE as error:
        raise UntraceableError(str(error).partition("\n")[0]) from error


def signature(graph: fx.Graph) -> tuple[tuple[str, str], ...]:
    """What two traces of one model have in common if they differ in baked flags alone."""
    return tuple((node.name, str(node.target)) for node in graph.nodes)


def moving_modules(model: nn.Module) -> frozenset[str]:
    """Paths of modules whose output may change from epoch to epoch, as the model's flags are now.

    Those that own a trainable parameter; in train mode, those that own buffers (BatchNorm's
    statistics) or drop something at random; and any BatchNorm without running statistics.
    """
    moving = set()
    for path, module in model.named_modules(remove_duplicate=False):
        trains = any(p.requires_grad for p in module.parameters(recurse=False))
        updates = module.training and any(True for _ in module.buffers(recurse=False))
        random = module.training and _drops(module)
        batchwise = isinstance(module, _BatchNorm) and module.running_mean is None
        if trains or updates or random or batchwise:
            moving.add(path)
    return frozenset(moving)


def fixed_nodes(graph: fx.Graph, model: nn.Module, moving: frozenset[str]) -> frozenset[str]:
    """Names of the nodes that give the same output for the same image in every epoch."""
    fixed: set[str] = set()
    for node in graph.nodes:
        if node.op == "output":
            continue
        known = all(source.name in fixed for source in node.all_input_nodes)
        if known and not moves(node, model, moving):
            fixed.add(node.name)
        elif (changed := _changed_in_place(node, model)) is not None:
            fixed.discard(changed.name)  # from here on it is something else
    return frozenset(fixed)


def constants(graph: fx.Graph) -> frozenset[str]:
    """Names of the nodes that depend on no image, the first input, such as parameters."""
    image = next(node.name for node in graph.nodes if node.op == "placeholder")
    constant: set[str] = set()
    for node in graph.nodes:
        if node.name != image and all(n.name in constant for n in node.all_input_nodes):
            constant.add(node.name)
    return frozenset(constant)


def overwritten(graph: fx.Graph, model: nn.Module) -> frozenset[str]:
    """Names of the nodes whose tensor another node changes in place, so that it cannot be kept."""
    changed = (_changed_in_place(node, model) for node in graph.nodes)
    return frozenset(node.name for node in changed if node is not None)


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
    """The part of the network that makes the tensors of these nodes from the images."""
    wanted = tuple(outputs)
    needed = set(wanted)
    nodes = []
    for node in reversed(list(graph.nodes)):
        if node.name in needed:
            needed.update(source.name for source in node.all_input_nodes)
            nodes.append(node)
        elif node.op == "placeholder":
            nodes.append(node)
    return _part(model, nodes[::-1], inputs=(), outputs=wanted)


def suffix(
    model: nn.Module, graph: fx.Graph, done: frozenset[str], boundary: tuple[str, ...]
) -> fx.GraphModule:
    """The rest of the network: tensors of the nodes `boundary` in, the model's output out.

    `done` are the nodes before the cut; those that depend on no image are made again.
    """
    again = constants(graph)
    nodes = [node for node in graph.nodes if node.name not in done or node.name in again]
    return _part(model, nodes, inputs=boundary, outputs=None)


def _part(
    model: nn.Module,
    nodes: list[fx.Node],
    *,
    inputs: tuple[str, ...],
    outputs: tuple[str, ...] | None,
) -> fx.GraphModule:
    """A module of these nodes that shares the model's own submodules and parameters."""
    graph = fx.Graph()
    made = {name: graph.placeholder(name) for name in inputs}
    for node in nodes:
        made[node.name] = graph.node_copy(node, lambda source: made[source.name])
    if outputs is not None:
        graph.output(tuple(made[name] for name in outputs))
    graph.lint()
    part = fx.GraphModule(model, graph)
    # constants that are made again, though nothing reads them
    part.graph.eliminate_dead_code(
        lambda node: node.is_impure() or _changed_in_place(node, model) is not None
    )
    part.recompile()
    return part


def moves(node: fx.Node, model: nn.Module, moving: frozenset[str]) -> bool:
    """Whether the node itself, given the same inputs, may change its output between epochs."""
    target = node.target
    if node.op == "call_module":
        path = str(target)
        return any(covers(path, inner) for inner in moving)
    if node.op == "get_attr":
        value = attrgetter(str(target))(model)
        owner = str(target).rpartition(".")[0]
        is_buffer = isinstance(value, Tensor) and not isinstance(value, nn.Parameter)
        return (is_buffer and owner in moving) or getattr(value, "requires_grad", False)
    if node.op in ("call_function", "call_method"):
        name = target if isinstance(target, str) else getattr(target, "__name__", str(target))
        if name == _ATTENTION:
            return bool(node.kwargs.get("dropout_p", node.args[4] if len(node.args) > 4 else 0.0))
        flag = node.kwargs.get("training", True)
        return flag is not False and any(word in name for word in _RANDOM_WORDS)
    return False


def _changed_in_place(node: fx.Node, model: nn.Module) -> fx.Node | None:
    """The node whose tensor this one writes to, if it does."""
    first = node.args[0] if node.args else None
    if not isinstance(first, fx.Node):
        return None
    if node.op == "call_module":
        in_place = bool(getattr(model.get_submodule(str(node.target)), "inplace", False))
    elif node.op in ("call_function", "call_method"):
        target = node.target
        name = target if isinstance(target, str) else getattr(target, "__name__", "")
        operator = getattr(target, "__module__", "") == "_operator" and name in _IN_PLACE
        method = name.endswith("_") and not name.startswith("_")
        in_place = operator or method or node.kwargs.get("inplace") is True
    else:
        in_place = False
    return first if in_place else None


def _drops(module: nn.Module) -> bool:
    """Whether it drops something at random in train mode; at a rate of 0 it does not."""
    if isinstance(module, DropPath):
        return bool(module.drop_prob)
    return isinstance(module, (_DropoutNd, StochasticDepth)) and module.p > 0
