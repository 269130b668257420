"""The forward path from entries to logits: through the whole model, or from stored rows on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core.training.data import Split
from core.training.device import random_state, set_random_state
from core.training.models import Network, normalize

Inputs = tuple[Tensor, ...]
InputSource = Callable[[Tensor], Inputs]
"""A function that returns the network's inputs for a batch of entries."""


@dataclass(frozen=True, slots=True)
class ForwardPath:
    """A network, or the rest of one, and the source of its inputs, which have a row per entry.

    With `prefetch` the inputs of the next batch are made while the network works on this one. The
    inputs are copies, so the network may change them in place.
    """

    source: InputSource
    network: nn.Module
    prefetch: bool = False

    def logits(self, entries: Tensor) -> Tensor:
        """Return the model's output for these entries: (entries, classes)."""
        logits: Tensor = self.network(*self.source(entries))
        return logits

    def stream(self, batches: Iterable[Tensor]) -> Iterator[Inputs]:
        """Yield the inputs of each batch of entries, in order."""
        if not self.prefetch:
            yield from map(self.source, batches)
            return
        with ThreadPoolExecutor(1) as pool:
            ready: Future[Inputs] | None = None
            for entries in batches:
                following = pool.submit(self.source, entries)
                if ready is not None:
                    yield ready.result()
                ready = following
            if ready is not None:
                yield ready.result()


def whole_model(
    network: Network, split: Split, device: torch.device, *, channels_last: bool = False
) -> ForwardPath:
    """Return the path through the whole model, from the images."""

    def source(entries: Tensor) -> Inputs:
        images = normalize(split.pixels(entries).to(device), network.mean, network.std)
        return (images.to(memory_format=torch.channels_last) if channels_last else images,)

    return ForwardPath(source, network.model, prefetch=split.augment == "random")


@contextmanager
def untouched(model: nn.Module) -> Iterator[None]:
    """Restore the model's buffers and the random generators afterwards."""
    before = [buffer.clone() for buffer in model.buffers()]
    device = next(model.parameters()).device
    random = random_state(device)
    try:
        yield
    finally:
        set_random_state(random, device)
        for buffer, old in zip(model.buffers(), before, strict=True):
            buffer.copy_(old)
