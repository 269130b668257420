"""Exactness of the frozen-part cache: real batches with and without it, compared bit for bit."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, fx, nn

from core.training.cache.forward_path import ForwardPath, untouched
from core.training.cache.precompute import Store
from core.training.device import random_state

_SAME_IN_BOTH_MODES = (
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
def rows_difference(part: ForwardPath, store: Store, batches: Iterable[Tensor]) -> str:
    """Return why stored rows differ from the frozen part's output for whole batches, or "".

    They may, since a pass works on fewer images at a time than training does, and kernels may round
    differently for another number of images.
    """
    for entries in batches:
        outputs = part.network(*part.source(entries))
        if not all(map(torch.equal, outputs, store.read(store.rows, entries))):
            return _OTHER_BITS
    return ""


def arithmetic(part: fx.GraphModule) -> tuple[object, ...]:
    """Return the operations and flags of a part; if they are equal, two parts compute the same.

    Train-mode flags are left out of modules that are known to do the same in both modes.
    """
    steps = [
        (node.op, node.name, node.target, str(node.args), str(node.kwargs))
        for node in part.graph.nodes
    ]
    flags = [
        (path, module.training)
        for path, module in part.named_modules(remove_duplicate=False)
        if path and type(module) not in _SAME_IN_BOTH_MODES
    ]
    return (*steps, *flags)


def path_difference(
    cached: ForwardPath, plain: ForwardPath, model: nn.Module, entries: Tensor
) -> str:
    """Return why the cached path differs from the plain one on a batch of entries, or "".

    If they differ, the plain path is compared with itself too, since it may be the device that does
    not reproduce its bits. The model and the random generators are afterwards as before.
    """
    if _same_bits(cached, plain, model, entries):
        return ""
    if _same_bits(plain, plain, model, entries):
        return _OTHER_BITS
    return "this device does not reproduce its own bits"


def _same_bits(one: ForwardPath, other: ForwardPath, model: nn.Module, entries: Tensor) -> bool:
    return all(map(torch.equal, _bits(one, model, entries), _bits(other, model, entries)))


@torch.no_grad()
def _bits(path: ForwardPath, model: nn.Module, entries: Tensor) -> list[Tensor]:
    """Return the logits, and then the buffers and generator states after the forward pass."""
    with untouched(model):
        logits = path.logits(entries)
        states = random_state(next(model.parameters()).device).values()
        return [logits, *(buffer.clone() for buffer in model.buffers()), *states]
