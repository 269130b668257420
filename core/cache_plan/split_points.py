"""Where a network can be cut, so that what lies before a cut is run once and stored.

Whatever depends on nothing that changes gives the same output in every epoch. Nothing here knows
of torch: a page takes its nodes from a layer table, a run from what it measures on a first batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

_BACKWARD = 2.0
"""Backward over forward: one product for the inputs' gradient, one for the weights'."""
_CANDIDATES = 3
"""Cuts that are tried in a phase: the deepest, and earlier ones with smaller tensors."""
_WORTH = 0.5
"""An earlier cut must save this share of what the deepest one saves."""
_UNLUCKY = 4
"""Standard deviations above the mean that a draw is taken to be."""


class Node(NamedTuple):
    """A step of the forward pass: the nodes it reads, what it costs and makes for one image.

    A node reads those, too, that have written into what it reads. `seconds` are those of the
    forward pass. `bytes` is 0 for what cannot be stored: what is no tensor with a row per image,
    such as a shape or a parameter, and what is written into later where other nodes see it.
    """

    inputs: tuple[int, ...]
    seconds: float
    bytes: int


@dataclass(frozen=True, slots=True)
class Work:
    """What is run on one split of the data in every epoch: a network, node by node, in order.

    `fixed` has, per phase, the nodes whose output no epoch of that phase changes. `entries` counts
    the distinct inputs, images in their views, that the epochs [start, end) see at most.
    """

    nodes: tuple[Node, ...]
    fixed: tuple[frozenset[int], ...]
    images: int
    entries: Callable[[int, int], int]
    trains: bool
    checked: int = 0
    """Images that a pass runs once more in whole batches, to prove its rows exact."""
    compared: int = 0
    """Images that run with and without the cache at the start of each phase that uses it."""

    @property
    def forward(self) -> float:
        """Seconds of the forward pass of one image."""
        return sum(node.seconds for node in self.nodes)


@dataclass(frozen=True, slots=True)
class Cut:
    """A part of the network that is run once: its nodes, and those whose tensors cross its end."""

    nodes: frozenset[int] = frozenset()
    boundary: tuple[int, ...] = ()
    seconds: float = 0.0
    bytes: int = 0


def cuts_of(work: Work, phase: int) -> tuple[Cut, ...]:
    """Return the cuts worth trying in a phase, the deepest first; none if nothing can be saved.

    A cut takes the fixed nodes up to some point of the order, more than the image itself. It is
    possible where all that crosses is a tensor with a row per image; what depends on no image is
    made again behind it for free.
    """
    return _cuts_of(work.nodes, work.fixed[phase])


def aged_cuts(work: Work) -> list[tuple[tuple[int, Cut], ...]]:
    """Per phase its cuts, each with the phase since which all of its nodes have been fixed."""
    since: dict[int, int] = {}
    aged = []
    for phase, fixed in enumerate(work.fixed):
        since = {node: since.get(node, phase) for node in fixed}
        cuts = cuts_of(work, phase)
        aged.append(tuple((max(map(since.__getitem__, cut.nodes)), cut) for cut in cuts))
    return aged


def epoch_seconds(work: Work, phase: int) -> float:
    """Seconds of one epoch of that phase on the whole network; training goes back as well."""
    if not work.trains:
        return work.images * work.forward
    moving = sum(n.seconds for at, n in enumerate(work.nodes) if at not in work.fixed[phase])
    return work.images * (work.forward + _BACKWARD * moving)


def distinct_entries(images: int, views: int | None, start: int, end: int) -> int:
    """Distinct inputs of the epochs [start, end), at most; without `views` each has its own."""
    epochs = end - start
    return images * epochs if views is None else distinct_views(images, views, epochs)


def distinct_views(images: int, views: int, epochs: int) -> int:
    """Entries that `epochs` epochs see, at most, when each draws one of `views` per image.

    The mean and four standard deviations: of 30,000 seeds, one may see more. All epochs miss one
    view of an image with probability (1 - 1/views)**epochs, and two with (1 - 2/views)**epochs.
    """
    one, two = ((1.0 - missed / views) ** epochs for missed in (1, min(2, views)))
    mean = views * (1.0 - one)
    variance = views * (one + (views - 1) * two - views * one**2)
    unlucky = images * mean + _UNLUCKY * math.sqrt(images * max(variance, 0.0))
    return min(round(unlucky), images * min(views, epochs))


@lru_cache(maxsize=512)
def _cuts_of(nodes: tuple[Node, ...], fixed: frozenset[int]) -> tuple[Cut, ...]:
    constant, readers = _constants(nodes), _readers(nodes)
    waiting = list(readers)
    crossing: dict[int, int] = {}
    seconds, taken = 0.0, list[int]()
    found: list[tuple[int, tuple[int, ...], float, int]] = []
    for at, node in enumerate(nodes):
        if at not in fixed:
            continue
        taken.append(at)
        seconds += node.seconds
        for source in set(node.inputs):
            waiting[source] -= 1
            if waiting[source] == 0:
                crossing.pop(source, None)
        if waiting[at] and at not in constant:
            crossing[at] = node.bytes
        if crossing.keys() != {0} and crossing and all(crossing.values()):
            found.append((len(taken), tuple(crossing), seconds, sum(crossing.values())))
    chosen: list[Cut] = []
    for count, boundary, before, size in reversed(found):
        smaller = not chosen or size < chosen[-1].bytes
        if smaller and before >= _WORTH * found[-1][2]:
            chosen.append(Cut(frozenset(taken[:count]), boundary, before, size))
        if len(chosen) == _CANDIDATES:
            break
    return tuple(chosen)


@lru_cache(maxsize=8)
def _constants(nodes: tuple[Node, ...]) -> frozenset[int]:
    """Nodes that depend on no image: parameters, buffers, and what is made of them alone.

    The first node that reads nothing is the image itself.
    """
    constant: set[int] = set()
    for at, node in enumerate(nodes):
        if at > 0 and all(source in constant for source in node.inputs):
            constant.add(at)
    return frozenset(constant)


@lru_cache(maxsize=8)
def _readers(nodes: tuple[Node, ...]) -> tuple[int, ...]:
    """Return how many nodes read each node."""
    readers = [0] * len(nodes)
    for node in nodes:
        for source in set(node.inputs):
            readers[source] += 1
    return tuple(readers)
