"""Where a network can be cut, so that what lies before a cut is run once and stored.

Whatever depends on nothing that changes gives the same output in every epoch. Nothing here needs
torch: a page takes the costs of nodes from a layer table, a run measures them on a first batch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from core.schedule.batches import images_to_compare, images_to_probe

_BACKWARD = 2.0
"""Backward over forward: one product for the inputs' gradient, one for the weights'."""
_CANDIDATES = 3
"""Cuts that are tried in a phase: the deepest, and earlier ones with smaller tensors."""
_WORTH = 0.5
"""An earlier cut must save this share of what the deepest one saves."""
_DEVIATIONS = 4
"""Standard deviations above the mean number of views that epochs are taken to draw."""


class ForwardCosts(NamedTuple):
    """What each node of a forward pass reads, takes and outputs for one image, in order.

    `inputs` are the places of the nodes that a node reads, and of those that have written into what
    it reads. `seconds` are those of the forward pass. `bytes` is 0 for what cannot be stored: what
    is no tensor with a row per image, such as a shape or a parameter, and what is written into
    later where other nodes see it.
    """

    inputs: tuple[tuple[int, ...], ...]
    seconds: tuple[float, ...]
    bytes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Work:
    """What is run on one split of the data in every epoch.

    `fixed` has, per phase, the nodes whose output no epoch of that phase changes. `views` is how
    many an image has; None: a new one in every epoch.
    """

    costs: ForwardCosts
    fixed: tuple[frozenset[int], ...]
    images: int
    trains: bool
    views: int | None = 1
    checked: int = 0
    """Images that a pass runs once more in whole batches, to prove its rows exact."""
    compared: int = 0
    """Images that run with and without the cache at the start of each phase that uses it."""

    @property
    def forward_seconds(self) -> float:
        """Seconds of the forward pass of one image."""
        return sum(self.costs.seconds)

    def entries(self, epochs: int) -> int:
        """Return how many distinct inputs, images in their views, so many epochs see at most."""
        if self.views is None:
            return self.images * epochs
        return distinct_views(self.images, self.views, epochs)


@dataclass(frozen=True, slots=True)
class Cut:
    """A part of the network that is run once: its nodes, and those whose tensors cross its end."""

    nodes: frozenset[int] = frozenset()
    boundary: tuple[int, ...] = ()
    seconds: float = 0.0
    bytes: int = 0


def works_of(
    costs: Sequence[ForwardCosts],
    fixed: Sequence[tuple[frozenset[int], ...]],
    images: Sequence[int],
    views: int | None,
    batch_size: int,
) -> tuple[Work, Work]:
    """Return the work of training and that of validation.

    `costs`, `fixed` (per phase) and `images` are those of either split, `views` those of training.
    """
    tried = images[0] if views is not None else 0  # batch sizes that the same pass has checked
    again = (
        images_to_probe(images[0], batch_size),
        images_to_probe(images[1], batch_size, before=tried),
    )
    few = images_to_compare(batch_size)
    return (
        Work(costs[0], fixed[0], images[0], True, views, again[0], few),
        Work(costs[1], fixed[1], images[1], False, 1, again[1], few),
    )


def cuts_of(work: Work, phase: int) -> tuple[Cut, ...]:
    """Return the cuts worth trying in a phase, the deepest first; none if nothing can be saved.

    A cut takes the fixed nodes up to some point of the order, more than the image itself. It is
    possible where all that crosses is a tensor with a row per image; what depends on no image is
    made again behind it for free.
    """
    return _cuts_of(work.costs, work.fixed[phase])


def aged_cuts(work: Work) -> list[tuple[tuple[int, Cut], ...]]:
    """Return each phase's cuts, each with the phase since which all of its nodes are fixed."""
    since: dict[int, int] = {}
    aged = []
    for phase, fixed in enumerate(work.fixed):
        since = {node: since.get(node, phase) for node in fixed}
        cuts = cuts_of(work, phase)
        aged.append(tuple((max(map(since.__getitem__, cut.nodes)), cut) for cut in cuts))
    return aged


def epoch_seconds(work: Work, fixed: frozenset[int]) -> float:
    """Return seconds of one epoch on the whole network; training goes back through what moves."""
    if not work.trains:
        return work.images * work.forward_seconds
    moving = sum(taken for at, taken in enumerate(work.costs.seconds) if at not in fixed)
    return work.images * (work.forward_seconds + _BACKWARD * moving)


def distinct_views(images: int, views: int, epochs: int) -> int:
    """Return how many entries `epochs` epochs see, at most, if each draws a view of every image.

    The mean and four standard deviations: of 30,000 seeds, one may see more. All epochs miss one
    view of an image with probability (1 - 1/views)**epochs, and two with (1 - 2/views)**epochs.
    """
    one, two = ((1.0 - missed / views) ** epochs for missed in (1, min(2, views)))
    mean = views * (1.0 - one)
    variance = views * (one + (views - 1) * two - views * one**2)
    most = images * mean + _DEVIATIONS * math.sqrt(images * max(variance, 0.0))
    return min(round(most), images * min(views, epochs))


@lru_cache(maxsize=8)
def constant_nodes(inputs: tuple[tuple[int, ...], ...]) -> frozenset[int]:
    """Return the nodes that depend on no image: parameters, buffers, what is made of them alone.

    The first node is the image itself.
    """
    constant: set[int] = set()
    for at, sources in enumerate(inputs):
        if at > 0 and constant.issuperset(sources):
            constant.add(at)
    return frozenset(constant)


@lru_cache(maxsize=512)
def _cuts_of(costs: ForwardCosts, fixed: frozenset[int]) -> tuple[Cut, ...]:
    constant = constant_nodes(costs.inputs)
    unread = list(_readers(costs.inputs))
    crossing: dict[int, int] = {}
    seconds, before = 0.0, list[int]()
    possible: list[tuple[int, tuple[int, ...], float, int]] = []
    for at in sorted(fixed):
        before.append(at)
        seconds += costs.seconds[at]
        for source in set(costs.inputs[at]):
            unread[source] -= 1
            if unread[source] == 0:
                crossing.pop(source, None)
        if unread[at] and at not in constant:
            crossing[at] = costs.bytes[at]
        if crossing.keys() != {0} and crossing and all(crossing.values()):
            possible.append((len(before), tuple(crossing), seconds, sum(crossing.values())))
    chosen: list[Cut] = []
    for count, boundary, taken, size in reversed(possible):
        smaller = not chosen or size < chosen[-1].bytes
        if smaller and taken >= _WORTH * possible[-1][2]:
            chosen.append(Cut(frozenset(before[:count]), boundary, taken, size))
        if len(chosen) == _CANDIDATES:
            break
    return tuple(chosen)


@lru_cache(maxsize=8)
def _readers(inputs: tuple[tuple[int, ...], ...]) -> tuple[int, ...]:
    """Return how many nodes read each node."""
    readers = [0] * len(inputs)
    for sources in inputs:
        for source in set(sources):
            readers[source] += 1
    return tuple(readers)
