"""The forward path from entries to logits: through the whole model, or from stored rows on."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from core.training import image_stream
from core.training.augment import is_open_ended
from core.training.data import Split
from core.training.device import random_state, set_random_state
from core.training.image_stream import ImageStream
from core.training.models import Network, normalize

Inputs = tuple[Tensor, ...]
InputSource = Callable[[Tensor], Inputs]
"""A function that returns the network's inputs for a batch of entries."""
InputLoader = Callable[[Iterable[Tensor]], Iterator[Inputs]]
"""A function that yields the inputs of each batch of entries, and makes later ones meanwhile."""


@dataclass(frozen=True, slots=True)
class ForwardPath:
    """A network, or the rest of one, and the source of its inputs, which have a row per entry.

    With a loader, the inputs of the next batches are made while the network works on this one. The
    inputs are copies, so the network may change them in place.
    """

    source: InputSource
    network: nn.Module
    loader: InputLoader | None = None

    def logits(self, entries: Tensor) -> Tensor:
        """Return the model's output for these entries: (entries, classes)."""
        logits: Tensor = self.network(*self.source(entries))
        return logits

    def stream(self, batches: Iterable[Tensor]) -> Generator[Inputs, None, None]:
        """Yield the inputs of each batch of entries, in order; close it to end its processes."""
        load = self.loader or partial(map, self.source)
        yield from load(batches)


def whole_model(
    network: Network, split: Split, device: torch.device, *, channels_last: bool = False
) -> ForwardPath:
    """Return the path through the whole model, from the images."""

    def inputs(pixels: Tensor) -> Inputs:
        images = normalize(pixels.to(device), network.mean, network.std)
        return (images.to(memory_format=torch.channels_last) if channels_last else images,)

    def source(entries: Tensor) -> Inputs:
        return inputs(split.pixels(entries))

    images = split.images
    if isinstance(images, ImageStream) and images.workers:
        workers = images.workers

        def load(batches: Iterable[Tensor]) -> Iterator[Inputs]:
            return map(inputs, image_stream.load(split.pixels, batches, workers))

        return ForwardPath(source, network.model, load)
    takes_long = isinstance(images, ImageStream) or is_open_ended(split.augment)
    return ForwardPath(source, network.model, partial(prefetch, source) if takes_long else None)


def prefetch(source: InputSource, batches: Iterable[Tensor]) -> Iterator[Inputs]:
    """Yield the inputs of each batch, of which a thread makes the next one."""
    with ThreadPoolExecutor(1) as pool:
        ready: Future[Inputs] | None = None
        for entries in batches:
            following = pool.submit(source, entries)
            if ready is not None:
                yield ready.result()
            ready = following
        if ready is not None:
            yield ready.result()


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
