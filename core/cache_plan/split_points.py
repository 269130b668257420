"""The points where a network can be cut, so that the part before runs once and is stored.

A node that depends on nothing that changes gives the same output in every epoch. Nothing here needs
torch: a page takes the costs of nodes from a layer table, a run measures them on a first batch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from core.schedule.batches import images_to_compare, images_to_probe

BACKWARD = 2.0
"""Backward time over forward time: a product for the gradient of inputs, and one for weights."""
_MAX_CUTS = 3
"""Cuts that are tried in a phase: the deepest, and earlier ones with smaller tensors."""
_MIN_SHARE = 0.5
"""Share of what the deepest cut saves that an earlier one must save."""
_DEVIATIONS = 4
"""Standard deviations above the mean, for an upper bound of the number of distinct views."""


class ForwardCosts(NamedTuple):
    """The inputs, time and output size of each node of a forward pass for one image, in order.

    `inputs` are the indices of the nodes that a node reads, and of those that have written into
    what it reads. `bytes` is 0 for an output that cannot be stored: one that is no tensor with a
    row per image, such as a shape or a parameter, or one into which later nodes write while others
    read it.
    """

    inputs: tuple[tuple[int, ...], ...]
    seconds: tuple[float, ...]
    bytes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Work:
    """The work of an epoch on one split of the data.

    `fixed` has, per phase, the nodes whose output is the same in every epoch of the phase. `views`
    is how many an image has; None: a new one in every epoch.
    """

    costs: ForwardCosts
    fixed: tuple[frozenset[int], ...]
    images: int
    trains: bool
    views: int | None = 1
    checked: int = 0
    """Images that a pass runs once more in whole batches, to check that its rows are exact."""
    compared: int = 0
    """Images that run with and without the cache at the start of each phase that uses it."""

    @property
    def forward_seconds(self) -> float:
        """Seconds of the forward pass of one image."""
        return sum(self.costs.seconds)

    def entries(self, epochs: int) -> int:
        """Return the largest number of distinct entries that so many epochs can draw.

        An entry is an image in one view.
        """
        if self.views is None:
            return self.images * epochs
        return distinct_views(self.images, self.views, epochs)


@dataclass(frozen=True, slots=True)
class Cut:
    """A part of the network that runs once: its nodes, and those of them that later nodes read."""

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
    """Return the works of training and of validation.

    `costs`, `fixed` (per phase) and `images` have a value for each split; `views` is for training.
    """
    # validation does not repeat batch sizes that training has checked
    before = images[0] if views is not None else 0
    few = images_to_compare(batch_size)
    train_checked = images_to_probe(images[0], batch_size)
    validation_checked = images_to_probe(images[1], batch_size, before=before)
    return (
        Work(costs[0], fixed[0], images[0], True, views, train_checked, few),
        Work(costs[1], fixed[1], images[1], False, 1, validation_checked, few),
    )


def cuts_of(work: Work, phase: int) -> tuple[Cut, ...]:
    """Return the cuts worth trying in a phase, the deepest first; none if nothing can be saved.

    A cut takes the fixed nodes up to some point of the order, and more than the image itself. All
    that crosses it must be tensors with a row per image; what depends on no image is computed again
    behind it, at no cost.
    """
    return _cuts_of(work.costs, work.fixed[phase])


def aged_cuts(work: Work) -> list[tuple[tuple[int, Cut], ...]]:
    """Return each phase's cuts as pairs (since, cut).

    All nodes of the cut are fixed from phase `since` on.
    """
    since: dict[int, int] = {}
    aged = []
    for phase, fixed in enumerate(work.fixed):
        since = {node: since.get(node, phase) for node in fixed}
        cuts = cuts_of(work, phase)
        aged.append(tuple((max(map(since.__getitem__, cut.nodes)), cut) for cut in cuts))
    return aged


def epoch_seconds(work: Work, fixed: frozenset[int]) -> float:
    """Return the seconds of one epoch on the whole network, with backward through what moves."""
    if not work.trains:
        return work.images * work.forward_seconds
    moving = sum(seconds for at, seconds in enumerate(work.costs.seconds) if at not in fixed)
    return work.images * (work.forward_seconds + BACKWARD * moving)


def distinct_views(images: int, views: int, epochs: int) -> int:
    """Return an upper bound on the distinct entries that `epochs` epochs draw.

    Each draws one view of every image. The bound is the mean plus four standard deviations, which
    one seed in 30,000 exceeds. All epochs miss
    a given view of an image with probability (1 - 1/views)**epochs, and two given ones with
    (1 - 2/views)**epochs.
    """
    one, two = ((1.0 - missed / views) ** epochs for missed in (1, min(2, views)))
    mean = views * (1.0 - one)
    variance = views * (one + (views - 1) * two - views * one**2)
    most = images * mean + _DEVIATIONS * math.sqrt(images * max(variance, 0.0))
    return min(round(most), images * min(views, epochs))


@lru_cache(maxsize=8)
def constant_nodes(inputs: tuple[tuple[int, ...], ...]) -> frozenset[int]:
    """Return the nodes that depend on no image: parameters, buffers, what depends on them alone.

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
        if smaller and taken >= _MIN_SHARE * possible[-1][2]:
            chosen.append(Cut(frozenset(before[:count]), boundary, taken, size))
        if len(chosen) == _MAX_CUTS:
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
