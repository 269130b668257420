"""Where a network's frozen part ends: a traced graph cut into a fixed prefix and the rest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

import timm.layers
from timm.layers.drop import DropPath
from torch import Tensor, fx, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd
from torchvision.models.feature_extraction import NodePathTracer
from torchvision.ops import StochasticDepth

_TIMM: Any = timm.layers  # it re-exports without saying so
_RANDOM_MODULES = (_DropoutNd, StochasticDepth, DropPath)
_RANDOM_WORDS = ("dropout", "drop_path", "stochastic_depth", "rand", "bernoulli", "multinomial")


class UntraceableError(Exception):
    """torch.fx cannot follow the model's forward; the message says why."""


def trace(model: nn.Module) -> fx.Graph:
    """The model's forward as a graph, with the flags (train or eval) that it has now baked in.

    Raises UntraceableError for a forward that depends on its data.
    """
    tracer = NodePathTracer(
        leaf_modules=_TIMM.get_notrace_modules(),
        autowrap_functions=_TIMM.get_notrace_functions(),
    )
    try:
        return cast(fx.Graph, tracer.trace(model))
    except (fx.proxy.TraceError, TypeError, ValueError, RuntimeError, NameError) as error:
        raise UntraceableError(str(error).partition("\n")[0]) from error


def moving_modules(model: nn.Module) -> frozenset[str]:
    """Paths of modules whose output may change from epoch to epoch, as the model's flags are now.

    Those that own a trainable parameter; in train mode, those that own buffers (BatchNorm's
    statistics) or drop something at random; and any BatchNorm without running statistics.
    """
    moving = set()
    for path, module in model.named_modules(remove_duplicate=False):
        trains = any(p.requires_grad for p in module.parameters(recurse=False))
        updates = module.training and any(True for _ in module.buffers(recurse=False))
        random = module.training and isinstance(module, _RANDOM_MODULES)
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
        if known and not _moves(node, model, moving):
            fixed.add(node.name)
    return frozenset(fixed)


@dataclass(frozen=True, slots=True)
class Cut:
    """A graph cut behind its fixed nodes: `boundary` names the tensors that cross the cut."""

    graph: fx.Graph
    fixed: frozenset[str]
    boundary: tuple[str, ...]

    @property
    def first_moving(self) -> str:
        """Path of the first module behind the cut; the model's output if there is none."""
        modules = (n for n in self.graph.nodes if n.op == "call_module")
        return next((str(n.target) for n in modules if n.name not in self.fixed), "the output")

    def suffix(self, model: nn.Module) -> fx.GraphModule:
        """The rest of the network: boundary tensors in, the model's output out."""
        nodes = [node for node in self.graph.nodes if node.name not in self.fixed]
        return _part(model, nodes, inputs=self.boundary, outputs=None)


def cut(graph: fx.Graph, fixed: frozenset[str]) -> Cut:
    """Cut the graph behind `fixed`, in the order in which its tensors are made."""
    crossing = {
        source.name
        for node in graph.nodes
        if node.name not in fixed
        for source in node.all_input_nodes
        if source.name in fixed
    }
    ordered = tuple(node.name for node in graph.nodes if node.name in crossing)
    return Cut(graph, fixed, ordered)


def has_parameters(made: Cut, model: nn.Module) -> bool:
    """Whether any layer with parameters lies before the cut; without one, nothing is saved."""
    return any(
        node.op == "call_module"
        and any(True for _ in model.get_submodule(node.target).parameters())
        for node in made.graph.nodes
        if node.name in made.fixed
    )


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
    return fx.GraphModule(model, graph)


def _moves(node: fx.Node, model: nn.Module, moving: frozenset[str]) -> bool:
    target = node.target
    if node.op == "call_module":
        path = str(target)
        return any(inner == path or inner.startswith(f"{path}.") for inner in moving)
    if node.op == "get_attr":
        value = _attribute(model, str(target))
        owner = str(target).rpartition(".")[0]
        is_buffer = isinstance(value, Tensor) and not isinstance(value, nn.Parameter)
        return (is_buffer and owner in moving) or getattr(value, "requires_grad", False)
    if node.op in ("call_function", "call_method"):
        name = target if isinstance(target, str) else getattr(target, "__name__", str(target))
        flag = node.kwargs.get("training", True)
        return flag is not False and any(word in name for word in _RANDOM_WORDS)
    return False


def _attribute(model: nn.Module, path: str) -> Any:
    value: Any = model
    for part in path.split("."):
        value = getattr(value, part)
    return value
