"""A pass over the images: the frozen part is run once, and the tensors at its end are stored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core.cache_plan.planner import Pass, Place
from core.runs.events import Progress
from core.training.cache.forward_path import Inputs, Route
from core.training.cache.tensor_store import FileRows, MemoryRows, Rows


@dataclass(slots=True)
class Store:
    """What a pass has stored of a split: rows by node, and the row of each entry.

    They were made of `chunk` images at a time. `probe` holds a few entries' rows that were made of
    those few, since kernels may round otherwise for another number of images.
    """

    made: Pass
    places: Tensor
    chunk: int
    rows: dict[int, Rows] = field(default_factory=dict)
    probe: Store | None = None

    @property
    def entries(self) -> Tensor:
        """The entries that have rows, in rising order."""
        return (self.places >= 0).nonzero().squeeze(1)

    def read(self, nodes: tuple[int, ...], entries: Tensor) -> Inputs:
        """Return the rows of these nodes for these entries."""
        positions = self.places[entries]
        return tuple(self.rows[node].read(positions) for node in nodes)

    def forget(self, needed: set[int]) -> None:
        """Drop the rows of all other nodes."""
        self.rows = {node: rows for node, rows in self.rows.items() if node in needed}
        if self.probe is not None:
            self.probe.forget(needed)


def fill(
    route: Route, made: Pass, nodes: dict[int, Place], entries: Tensor, chunk: int, scratch: Path
) -> Iterator[Progress | Store]:
    """Progress while the entries are run through `route`, and the store as the last item.

    `route` gives the tensors of `nodes`, in their order. Every chunk has the same size.
    """
    store = Store(made, _places(entries), min(chunk, len(entries)))
    starts = _starts(len(entries), chunk)
    for done, start in enumerate(starts):
        yield Progress("caching", done, len(starts))
        tensors = _run(route, entries[start : start + chunk])
        for (node, place), tensor in zip(nodes.items(), tensors, strict=True):
            if node not in store.rows:
                store.rows[node] = _rows(place, len(entries), tensor, scratch)
            store.rows[node].write(start, tensor)
    yield store


def probe(route: Route, made: Pass, nodes: Iterable[int], entries: Tensor) -> Store:
    """Return a store of these few entries, which run through `route` at once."""
    store = Store(made, _places(entries), len(entries))
    for node, tensor in zip(nodes, _run(route, entries), strict=True):
        store.rows[node] = MemoryRows(len(entries), tensor)
        store.rows[node].write(0, tensor)
    return store


def _places(entries: Tensor) -> Tensor:
    """Return the row of each entry, -1 for those that have none."""
    places = torch.full((int(entries.max()) + 1,), -1)
    places[entries] = torch.arange(len(entries))
    return places


@torch.no_grad()
def _run(route: Route, entries: Tensor) -> Inputs:
    made: Any = route.network(*route.source(entries))  # a prefix makes a tuple of tensors
    return tuple(made)


def _rows(place: Place, count: int, like: Tensor, scratch: Path) -> Rows:
    return MemoryRows(count, like) if place == "memory" else FileRows(count, like, scratch)


def _starts(entries: int, chunk: int) -> list[int]:
    """Where chunks of exactly the chunk's size start; the last one may overlap the one before."""
    starts = list(range(0, entries - chunk + 1, chunk)) or [0]
    if starts[-1] + chunk < entries:
        starts.append(entries - chunk)
    return starts
