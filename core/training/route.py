"""How images become logits: through the whole model, or from stored tensors through its rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core.training.data import Split
from core.training.device import random_state, set_random_state
from core.training.models import Network, normalise


@dataclass(frozen=True, slots=True)
class Route:
    """A network, or what is left of it, and the tensors that it takes, one row per image."""

    stored: tuple[Tensor, ...]
    prepare: Callable[[Tensor], Tensor]
    network: Callable[..., Tensor]

    def logits(self, positions: Tensor) -> Tensor:
        """The model's output, (batch, classes), for the images at these positions.

        The rows are copied out, so that the network may work on them in place.
        """
        rows = (tensor[positions.to(tensor.device)] for tensor in self.stored)
        return self.network(*(self.prepare(row) for row in rows))


def whole(network: Network, split: Split, device: torch.device) -> Route:
    """The route through the whole model, from the images."""

    def prepare(images: Tensor) -> Tensor:
        return normalise(images.to(device), network.mean, network.std)

    return Route((split.images,), prepare, network.model)


def difference(
    cached: Route, plain: Route, model: nn.Module, batches: Iterable[Tensor], labels: Tensor
) -> str:
    """Why the cached route cannot stand for the plain one, judged by these batches of positions.

    Empty if each gives the same bits through both. Where they differ, the plain route is run
    against itself, since the device may be what does not repeat.
    """
    for positions in batches:
        truth = labels[positions]
        if not same_bits(cached, plain, model, positions, truth):
            if same_bits(plain, plain, model, positions, truth):
                return "a batch came out with other bits than without it"
            return "this device does not repeat its own bits"
    return ""


def same_bits(
    one: Route, other: Route, model: nn.Module, positions: Tensor, labels: Tensor
) -> bool:
    """Whether both routes give equal logits, gradients and buffers, bit for bit.

    The model is as before afterwards, without gradients, and so are the random generators.
    """
    return all(
        torch.equal(a, b)
        for a, b in zip(
            _bits(one, model, positions, labels),
            _bits(other, model, positions, labels),
            strict=True,
        )
    )


def _bits(route: Route, model: nn.Module, positions: Tensor, labels: Tensor) -> list[Tensor]:
    """Logits, then the gradients of one step's loss, then the buffers it leaves."""
    model.zero_grad(set_to_none=True)
    before = [buffer.clone() for buffer in model.buffers()]
    device = next(model.parameters()).device
    random = random_state(device)
    logits = route.logits(positions)
    if logits.requires_grad:
        loss = nn.functional.cross_entropy(logits, labels.to(logits.device))
        torch.autograd.backward(loss)
    set_random_state(random, device)
    bits = [logits.detach()]
    for parameter in model.parameters():
        if parameter.grad is not None:
            bits.append(parameter.grad)
            parameter.grad = None
    for buffer, old in zip(model.buffers(), before, strict=True):
        bits.append(buffer.clone())
        buffer.copy_(old)
    return bits
