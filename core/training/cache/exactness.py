"""The proof that stored rows may stand for the frozen part: real batches, compared bit for bit."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, fx, nn

from core.training.cache.forward_path import Route, untouched
from core.training.cache.precompute import Store
from core.training.device import random_state

_HEEDLESS = (
    nn.Conv2d,
    nn.Linear,
    nn.LayerNorm,
    nn.Identity,
    nn.Flatten,
    nn.ReLU,
    nn.ReLU6,
    nn.SiLU,
    nn.GELU,
    nn.Hardswish,
    nn.Hardsigmoid,
    nn.Sigmoid,
    nn.MaxPool2d,
    nn.AvgPool2d,
    nn.AdaptiveAvgPool2d,
)
"""Modules that do the same in train and in eval mode."""
_OTHER_BITS = "a batch gave different bits with the cache than without it"


@torch.no_grad()
def rows_differ(part: Route, store: Store, batches: Iterable[Tensor]) -> str:
    """Why stored rows cannot stand for what the frozen part makes of whole batches of entries.

    Empty if they are the same bits: a pass works on fewer images at a time than training does, and
    kernels may round otherwise for another number of them.
    """
    nodes = tuple(store.rows)
    for entries in batches:
        made = part.network(*part.source(entries))
        if not all(map(torch.equal, made, store.read(nodes, entries))):
            return _OTHER_BITS
    return ""


def arithmetic(part: fx.GraphModule) -> tuple[object, ...]:
    """Return what two parts have in common that make the same of the same images: steps and flags.

    Flags of train mode are left out only of modules that are known to pay no heed to them.
    """
    steps = [
        (node.op, node.name, node.target, str(node.args), str(node.kwargs))
        for node in part.graph.nodes
    ]
    flags = [
        (path, module.training)
        for path, module in part.named_modules(remove_duplicate=False)
        if path and type(module) not in _HEEDLESS
    ]
    return (*steps, *flags)


def difference(cached: Route, plain: Route, model: nn.Module, batches: Iterable[Tensor]) -> str:
    """Why the cached route cannot stand for the plain one, judged by these batches of entries.

    Empty if each gives the same bits through both. Where they differ, the plain route is run
    against itself, since the device may be what does not repeat.
    """
    for entries in batches:
        if not same_bits(cached, plain, model, entries):
            if same_bits(plain, plain, model, entries):
                return _OTHER_BITS
            return "this device does not reproduce its own bits"
    return ""


def same_bits(one: Route, other: Route, model: nn.Module, entries: Tensor) -> bool:
    """Whether both routes give equal logits, and leave equal buffers and generators, bit for bit.

    The model is as before afterwards, and so are the random generators.
    """
    return all(
        torch.equal(a, b)
        for a, b in zip(_bits(one, model, entries), _bits(other, model, entries), strict=True)
    )


@torch.no_grad()
def _bits(route: Route, model: nn.Module, entries: Tensor) -> list[Tensor]:
    """Logits, then the buffers and the states of the generators that they leave behind."""
    with untouched(model):
        logits = route.logits(entries)
        states = random_state(next(model.parameters()).device).values()
        return [logits, *(buffer.clone() for buffer in model.buffers()), *states]
