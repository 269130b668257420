"""How an epoch is cut into batches, and a pass: one rule for the preview, runs and the cache."""

from __future__ import annotations

from itertools import pairwise

from core.schedule.plan import Span

_PIXELS = 400_000
"""Pixels that a pass works on at a time: more than fits the processor's caches is slower."""
_FEWEST, _MOST = 8, 64
"""Images of a pass at a time. A single one is rounded otherwise than many."""


def batches(images: int, batch_size: int) -> tuple[Span, ...]:
    """How an epoch is cut into batches: positions [start, end) that cover all images in order.

    The last batch takes what is left. A lone last image joins the batch before it, since
    BatchNorm cannot train on one image of one pixel, and one image alone takes another code path
    with other rounding.
    """
    edges = [*range(0, images, batch_size), images]
    if batch_size > 1 and len(edges) > 2 and edges[-1] - edges[-2] == 1:
        del edges[-2]
    return tuple(pairwise(edges))


def steps_per_epoch(images: int, batch_size: int) -> int:
    """Optimizer steps of one epoch: the number of its batches."""
    return len(batches(images, batch_size))


def tried(images: int, batch_size: int) -> tuple[Span, ...]:
    """The batches that prove stored rows exact: the first, and the last if it has another size."""
    sizes = {end - start: (start, end) for start, end in reversed(batches(images, batch_size))}
    return tuple(sizes.values())


def checked(images: int, batch_size: int, before: int = 0) -> int:
    """How many images the batches to be tried hold, leaving out the batch sizes of `before` images.

    The same pass has tried those, and rounding depends only on the size of a batch.
    """
    known = {end - start for start, end in batches(before, batch_size)} if before else ()
    sizes = (end - start for start, end in tried(images, batch_size))
    return sum(size for size in sizes if size not in known)


def compared(batch_size: int) -> int:
    """Images that run both ways as a phase begins: two, since a single one is rounded differently.

    Rows have been compared with whole batches by then. What is left to check does not depend on how
    many there are: that the network is cut correctly, and that nothing before the cut has changed.
    """
    return min(2, batch_size)


def chunk_size(image_size: int, batch_size: int) -> int:
    """Images of a pass at a time: fewer of large ones, and never more than a training batch."""
    return min(max(_PIXELS // image_size**2, _FEWEST), _MOST, batch_size)
