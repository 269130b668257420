"""The batches into which the images of an epoch are cut: one rule for preview, runs and cache."""

from __future__ import annotations

from itertools import pairwise

from core.schedule.plan import Span

_CHUNK_PIXELS = 400_000
"""Pixels of a chunk: more than fits into the processor's caches is slower."""
_MIN_CHUNK, _MAX_CHUNK = 8, 64
"""Images of a chunk. A single image is rounded differently than many."""


def batches(images: int, batch_size: int) -> tuple[Span, ...]:
    """Return the batches of an epoch as positions [start, end) that cover all images in order.

    The last batch takes what is left. A lone last image joins the batch before it: BatchNorm cannot
    train on one image of one pixel, and a single image is rounded differently than many.
    """
    edges = [*range(0, images, batch_size), images]
    if batch_size > 1 and len(edges) > 2 and edges[-1] - edges[-2] == 1:
        del edges[-2]
    return tuple(pairwise(edges))


def steps_per_epoch(images: int, batch_size: int, micro_batches: int = 1) -> int:
    """Return the optimizer steps of one epoch: the number of its batches.

    Of several micro-batches, each takes its images from a shard of its own; the smallest shard
    decides, and all others can be cut into as many.
    """
    return len(batches(max(1, images // micro_batches), batch_size // micro_batches))


def probe_batches(images: int, batch_size: int) -> tuple[Span, ...]:
    """Return the batches that the cache is checked with: the first, and a last one of another size.

    All others are exact if these are, since rounding depends only on the size of a batch.
    """
    sizes = {end - start: (start, end) for start, end in reversed(batches(images, batch_size))}
    return tuple(sizes.values())


def images_to_probe(images: int, batch_size: int, before: int = 0) -> int:
    """Return how many images `probe_batches` holds, without batches of sizes checked before.

    Those are the sizes of the batches of `before` images: rounding depends only on the size.
    """
    known = {end - start for start, end in batches(before, batch_size)} if before else set()
    sizes = (end - start for start, end in probe_batches(images, batch_size))
    return sum(size for size in sizes if size not in known)


def images_to_compare(batch_size: int) -> int:
    """Return how many images run with and without the cache when a phase begins: at most 2.

    A single one would be rounded differently. Whole batches were compared before; what is left to
    check needs few images: that the network is cut correctly, and unchanged before the cut.
    """
    return min(2, batch_size)


def chunk_size(image_size: int, batch_size: int) -> int:
    """Return how many images are computed at a time: fewer large ones, at most a batch."""
    return min(max(_CHUNK_PIXELS // image_size**2, _MIN_CHUNK), _MAX_CHUNK, batch_size)
