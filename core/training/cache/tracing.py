"""A network's forward pass as a graph, and what each of its nodes does to memory."""

from __future__ import annotations

import operator
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any, cast

import timm.layers
import torch
from timm.layers.drop import DropPath
from torch import Tensor, fx, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torchvision.ops import StochasticDepth

_TIMM: Any = timm.layers  # it re-exports without saying so
_IN_PLACE = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and", "or", "xor")
_CONSTANT = "_tensor_constant"
"""Prefix of the attributes of the model in which torch.fx stores a graph's constants."""


class UntraceableError(Exception):
    """No graph can replace the model's forward pass; the message says why."""


_UNTRACEABLE = (
    UntraceableError,
    fx.proxy.TraceError,
    AssertionError,
    AttributeError,
    LookupError,
    NameError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""Errors of a forward pass that reads the values of its tensors, which a trace does not have."""


@dataclass(frozen=True, slots=True)
class Effects:
    """The effects of a node on memory, observed while the network ran on images.

    `writers` are the nodes that had written into what it reads. `hidden_state` are the storages of
    tensors from before the images, such as parameters, that it used without having them as inputs.
    `changed` are those that it changed, except for buffers of modules in train mode.

    `overwritten` says that a later node writes into its output. It is `unstorable` if no copy can
    then replace the output, since other nodes read what was written through views of their own.
    """

    writers: tuple[fx.Node, ...]
    hidden_state: frozenset[int]
    changed: frozenset[int]
    overwritten: bool
    unstorable: bool


def trace(model: nn.Module, images: Tensor) -> fx.Graph:
    """Return the model's forward pass as a graph; its nodes have `effects`, observed on the images.

    Modules that differ between train and eval mode are single nodes, which follow their own flag
    when the graph runs; functions are traced with the model's present flags. Buffers and random
    generators may change, but nothing else of the model.

    Raises UntraceableError for a forward pass that depends on its data, stores something from one
    batch for another, or changes a parameter.
    """
    try:
        with _attributes_restored(model), _MemoryWatch(model, while_traced=True):
            graph = _Tracer().trace(model)
        _Observer(model, graph).observe(images)
    except _UNTRACEABLE as error:
        raise UntraceableError(str(error).partition("\n")[0]) from error
    return graph


def effects(node: fx.Node) -> Effects:
    """Return the effects on memory of a node in a graph made by `trace`."""
    return cast(Effects, node.meta["effects"])


def inputs(node: fx.Node) -> tuple[fx.Node, ...]:
    """Return the nodes that this one reads, and those that wrote into what it reads, each once."""
    return tuple(dict.fromkeys((*node.all_input_nodes, *effects(node).writers)))


def storage(tensor: Tensor) -> int:
    """Return the id of a tensor's memory, which all its views share, for as long as one lives."""
    return int(tensor.untyped_storage()._cdata)


class _Tracer(fx.Tracer):
    proxy_buffer_attributes = True  # else what is computed from buffers becomes a constant

    def __init__(self) -> None:
        super().__init__(autowrap_functions=tuple(_TIMM.get_notrace_functions()))
        self._whole = (*_TIMM.get_notrace_modules(), _BatchNorm, StochasticDepth, DropPath)
        self._gradients = torch.is_grad_enabled()

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, self._whole) or super().is_leaf_module(m, module_qualified_name)

    def proxy(self, node: fx.Node) -> fx.Proxy:
        return _Proxy(node, self)

    def create_node(self, *args: Any, **kwargs: Any) -> fx.Node:
        if torch.is_grad_enabled() != self._gradients:  # a graph would lose that
            raise UntraceableError("its forward pass switches gradients off or on")
        return super().create_node(*args, **kwargs)


class _Proxy(fx.Proxy):
    """A tensor of the forward pass that records writes into it, which torch.fx would lose."""

    def __getattr__(self, k: str) -> fx.proxy.Attribute:
        return _Attribute(self, k)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in ("node", "tracer", "root", "attr", "_node"):
            raise UntraceableError(f"its forward pass sets .{name} of a tensor")
        super().__setattr__(name, value)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.tracer.create_proxy("call_function", operator.setitem, (self, key, value), {})


class _Attribute(_Proxy, fx.proxy.Attribute):
    pass


def _in_place(name: str) -> Callable[[_Proxy, Any], fx.Proxy]:
    operation = getattr(operator, f"i{name}")

    # a function of its own: torch.fx turns the bare operator into a statement, which would change
    # numbers instead of making new ones
    def change(one: Any, other: Any) -> Any:
        return operation(one, other)

    def write(proxy: _Proxy, other: Any) -> fx.Proxy:
        return proxy.tracer.create_proxy("call_function", change, (proxy, other), {}, name)

    return write


for _name in _IN_PLACE:
    setattr(_Proxy, f"__i{_name}__", _in_place(_name))


@contextmanager
def _attributes_restored(model: nn.Module) -> Iterator[None]:
    """Restore the attributes of the model's modules; raise UntraceableError if any has changed."""
    before = [
        (path, attributes, dict(attributes))
        for path, module in model.named_modules()
        for attributes in (vars(module), module._parameters, module._buffers, module._modules)
    ]
    changed = list[str]()
    try:
        yield
    finally:
        for path, now, old in before:
            others = [name for name in now.keys() | old if now.get(name) is not old.get(name)]
            if others := [name for name in others if not name.startswith(_CONSTANT)]:
                changed.append(f"{path}.{min(others)}".lstrip("."))
                now.clear()
                now.update(old)
    if changed:
        raise UntraceableError(f"its forward pass sets the attribute {changed[0]}")


class _MemoryWatch(TorchDispatchMode):
    """A recorder of the storages that operations touch and write to.

    Storages that no operation has made, and that outlive the images, are state. Raises
    UntraceableError before an operation changes state other than buffers. With `while_traced`, in
    which all uses of parameters and buffers become nodes, it also raises before another use.
    """

    def __init__(self, model: nn.Module, *, while_traced: bool = False) -> None:
        TorchDispatchMode.__init__(self)
        named = (*model.named_parameters(), *model.named_buffers())
        self._names = {storage(tensor): name for name, tensor in named}
        self._buffers = {storage(buffer) for buffer in model.buffers()}
        training = (module for module in model.modules() if module.training)
        updated = (buffer for module in training for buffer in module.buffers(recurse=False))
        self._fixed_buffers = self._buffers - set(map(storage, updated))
        self._while_traced = while_traced
        self._created: dict[int, int] = {}
        self._new_numbers = count(-1, -1)
        self.touched: set[int] = set()
        self.written: set[int] = set()

    def storages(self, tensors: Any) -> set[int]:
        """Return the storages of all tensors in a structure of them.

        Those that operations have made get negative numbers of their own, since a new storage may
        have the id of one that is gone.
        """
        return {self._created.get(each, each) for each in _storages(tensors)}

    def state(self, storages: set[int]) -> frozenset[int]:
        """Return those of the storages that no operation has made."""
        return frozenset(each for each in storages if each >= 0)

    @property
    def changed(self) -> frozenset[int]:
        """Buffers that were written to although their modules are not in train mode."""
        return frozenset(self.written & self._fixed_buffers)

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Any = None,
    ) -> Any:
        kwargs = kwargs or {}
        written = self.storages(_written(func, args, kwargs))
        touched = self.storages((args, kwargs))
        self._refuse(self.state(touched), written)
        # batch normalization does not declare that it writes into its statistics
        buffers = [
            (leaf, leaf.clone())
            for leaf in tree_leaves((args, kwargs))
            if isinstance(leaf, Tensor)
            and storage(leaf) in self._fixed_buffers
            and not leaf.is_meta
        ]
        output = func(*args, **kwargs)
        for each in _storages(output):
            if self._created.get(each, each) not in touched:
                self._created[each] = next(self._new_numbers)
        self.touched |= touched
        self.written |= written | {storage(t) for t, old in buffers if not torch.equal(t, old)}
        return output

    def _refuse(self, state: frozenset[int], written: set[int]) -> None:
        for each in state:
            name = self._names.get(each, "")
            if name and self._while_traced:
                raise UntraceableError(
                    f"its forward pass reads {name} where torch.fx does not see it"
                )
            if each in written and each not in self._buffers:
                raise UntraceableError(
                    f"its forward pass changes {name or 'a tensor that is no buffer'}"
                )


def _storages(tensors: Any) -> set[int]:
    return {storage(leaf) for leaf in tree_leaves(tensors) if isinstance(leaf, Tensor)}


def _written(operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
    """Return the arguments into which one of torch's operations declares to write."""
    return [
        args[at] if at < len(args) else kwargs.get(argument.name)
        for at, argument in enumerate(operation._schema.arguments)
        if argument.alias_info is not None and argument.alias_info.is_write
    ]


class _Observer(fx.Interpreter):
    """An interpreter of a graph that sets the effects of its nodes."""

    def __init__(self, model: nn.Module, graph: fx.Graph) -> None:
        super().__init__(model, graph=graph)
        self._memory = _MemoryWatch(model)
        self._nodes = list(graph.nodes)
        self._indices = {node: index for index, node in enumerate(self._nodes)}
        self._outputs: list[set[int]] = []
        self._state: list[tuple[frozenset[int], frozenset[int]]] = []
        self._writers: list[set[int]] = []
        # by storage made since the images came: the nodes that output it, and that write into it
        self._views_of: defaultdict[int, list[int]] = defaultdict(list)
        self._writers_of: defaultdict[int, list[int]] = defaultdict(list)

    def observe(self, images: Tensor) -> None:
        """Run the graph on a copy of the images, and set the effects of its nodes."""
        with self._memory:
            self.run(images.clone())
        constant: set[int] = set()
        for index, node in enumerate(self._nodes):
            overwritten, unstorable = self._overwritten(index)
            writers = self._writers[index]
            if index > 0 and constant.issuperset({*self._sources(node), *writers}):
                if unstorable:  # it is no constant: computed again, it would lack the writes
                    writers.add(0)
                else:
                    constant.add(index)
            nodes = tuple(self._nodes[writer] for writer in sorted(writers))
            node.meta["effects"] = Effects(nodes, *self._state[index], overwritten, unstorable)

    def run_node(self, n: fx.Node) -> Any:
        memory = self._memory
        memory.touched, memory.written = set(), set()
        output = super().run_node(n)
        outputs = memory.storages(output)
        read = [(source, each) for source in self._sources(n) for each in self._outputs[source]]
        hidden = memory.touched.union(outputs).difference(each for _, each in read)
        if not hidden.isdisjoint(self._views_of):
            raise UntraceableError("a layer uses tensors that torch.fx does not see it get")
        writers = {w for source, each in read for w in self._writers_of[each] if w > source}
        self._writers.append(writers)
        self._outputs.append(outputs)
        self._state.append((memory.state(hidden), memory.changed))
        for each in memory.written & self._views_of.keys():
            self._writers_of[each].append(self._indices[n])
        for each in outputs - memory.state(outputs):
            self._views_of[each].append(self._indices[n])
        return output

    def _sources(self, node: fx.Node) -> list[int]:
        return [self._indices[source] for source in node.all_input_nodes]

    def _overwritten(self, index: int) -> tuple[bool, bool]:
        """Return whether a later node writes into the output, and whether that makes it unstorable.

        It is storable if every view of the memory has one reader: everything behind a cut is then
        read through the one view that crosses the cut.
        """
        writers = self._writers_of
        written = [v for v in self._outputs[index] if max(writers[v], default=0) > index]
        readers = (len(self._nodes[at].users) for each in written for at in self._views_of[each])
        return bool(written), any(count > 1 for count in readers)
