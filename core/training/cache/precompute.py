"""A pass over the images: the frozen part runs once, and the tensors at its end are stored."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, fx, nn

from core.cache_plan.planner import PrecomputePass, StorageLocation
from core.runs.events import Progress
from core.training.cache.forward_path import ForwardPath, Inputs
from core.training.cache.tensor_store import FileRows, MemoryRows, Rows


@dataclass(slots=True)
class Store:
    """The rows that a pass has stored of a split, by node, and the position of each entry's row.

    They were computed for `chunk` images at a time. `probe` holds rows of a few entries that were
    computed together, since kernels may round differently for another number of images.
    """

    precompute: PrecomputePass
    positions: Tensor
    chunk: int
    rows: dict[int, Rows] = field(default_factory=dict)
    probe: Store | None = None

    @property
    def entries(self) -> Tensor:
        """The entries that have rows, in rising order."""
        return (self.positions >= 0).nonzero().squeeze(1)

    def read(self, nodes: Iterable[int], entries: Tensor) -> Inputs:
        """Return the rows of these nodes for these entries."""
        positions = self.positions[entries]
        return tuple(self.rows[node].read(positions) for node in nodes)

    def drop_all_but(self, needed: set[int]) -> None:
        """Drop the rows of all other nodes."""
        self.rows = {node: rows for node, rows in self.rows.items() if node in needed}
        if self.probe is not None:
            self.probe.drop_all_but(needed)


def fill(
    path: ForwardPath,
    precompute: PrecomputePass,
    locations: dict[int, StorageLocation],
    entries: Tensor,
    chunk: int,
    scratch: Path,
) -> Generator[Progress, None, Store]:
    """Yield progress while the entries are run through `path`, and return the store.

    `path` outputs the tensors of the nodes in `locations`, in their order. Every chunk has the same
    size.
    """
    store = Store(precompute, _positions(entries), min(chunk, len(entries)))
    starts = _starts(len(entries), chunk)
    with closing(path.stream(entries[start : start + chunk] for start in starts)) as inputs:
        for done, start in enumerate(starts):
            yield Progress("caching", done, len(starts))
            tensors = _run(path, next(inputs))
            for (node, location), tensor in zip(locations.items(), tensors, strict=True):
                if node not in store.rows:
                    store.rows[node] = _rows(location, len(entries), tensor, scratch)
                store.rows[node].write(start, tensor)
    return store


def probe(
    path: ForwardPath, precompute: PrecomputePass, nodes: Iterable[int], entries: Tensor
) -> Store:
    """Return a store of these few entries, which run through `path` in one batch."""
    store = Store(precompute, _positions(entries), len(entries))
    for node, tensor in zip(nodes, _run(path, path.source(entries)), strict=True):
        store.rows[node] = MemoryRows(len(entries), tensor)
        store.rows[node].write(0, tensor)
    return store


def with_fast_pooling(part: fx.GraphModule) -> fx.GraphModule:
    """Return the same part with max pooling that is faster on a CPU, for use without gradients.

    torch vectorises it only if the channels come last in memory; it then takes a quarter of the
    time. The bits are the same, since a maximum is not rounded and both ways take the first of
    equal values.
    """
    copy = fx.GraphModule(part, part.graph)
    for path, module in part.named_modules():
        if type(module) is nn.MaxPool2d and not module.return_indices:
            copy.set_submodule(path, _ChannelsLast(module))
    return copy


class _ChannelsLast(nn.Module):
    def __init__(self, pooling: nn.MaxPool2d) -> None:
        super().__init__()
        self._pooling = pooling

    def forward(self, images: Tensor) -> Tensor:
        is_plain = images.dim() == 4 and images.is_contiguous()
        if is_plain:
            images = images.contiguous(memory_format=torch.channels_last)
        pooled: Tensor = self._pooling(images)
        return pooled.clone(memory_format=torch.contiguous_format) if is_plain else pooled


def _positions(entries: Tensor) -> Tensor:
    """Return the position of each entry's row, -1 for entries that have none."""
    positions = torch.full((int(entries.max()) + 1,), -1)
    positions[entries] = torch.arange(len(entries))
    return positions


@torch.no_grad()
def _run(path: ForwardPath, inputs: Inputs) -> Inputs:
    outputs: Any = path.network(*inputs)  # a prefix makes a tuple of tensors
    return tuple(outputs)


def _rows(location: StorageLocation, count: int, like: Tensor, scratch: Path) -> Rows:
    return MemoryRows(count, like) if location == "memory" else FileRows(count, like, scratch)


def _starts(entries: int, chunk: int) -> list[int]:
    """Return where chunks of exactly that size start; the last may overlap the one before."""
    starts = list(range(0, entries - chunk + 1, chunk)) or [0]
    if starts[-1] + chunk < entries:
        starts.append(entries - chunk)
    return starts
