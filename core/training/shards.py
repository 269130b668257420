"""The batches of an epoch, their micro-batches, and the shard of the images that each is cut from.

A micro-batch is what passes through the network at once. Where a batch has several, image i belongs
to shard i % count for the whole run, and each batch takes as many images from every shard. So the
batches do not depend on how the shards are dealt out to processes, and a process always sees the
same images, which it can cache.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from core.schedule.batches import batches
from core.training.data import Split, epoch_entries


@dataclass(frozen=True, slots=True)
class Batch:
    """The entries of an optimizer step, and those micro-batches that this process computes."""

    entries: Tensor
    micro_batches: tuple[Tensor, ...]


@dataclass(frozen=True, slots=True)
class Shards:
    """How many shards there are, those of this process, and the images of a micro-batch."""

    count: int
    own: range
    micro_batch_size: int

    def images(self, images: int) -> int:
        """Return how many of so many images are this process's own, at most."""
        return -(-images // self.count) * len(self.own)

    def training(self, split: Split, seed: int, epoch: int, epochs: int) -> list[Batch]:
        """Return the batches of a training epoch; the split has two images for each shard."""
        entries = epoch_entries(split, seed, epoch, epochs)
        homes = entries // split.views % self.count
        # the smallest shard decides; what another has more joins its last micro-batch
        starts = [start for start, _ in batches(len(split) // self.count, self.micro_batch_size)]
        shards = [entries[homes == shard].tensor_split(starts[1:]) for shard in range(self.count)]
        return [
            Batch(torch.cat(micro_batches), micro_batches[self.own.start : self.own.stop])
            for micro_batches in zip(*shards, strict=True)
        ]

    def in_order(self, images: int) -> list[Tensor]:
        """Return the positions of this process's images in rising order by shard, in batches."""
        positions = torch.arange(images)
        return [
            shard[start:end]
            for shard in (positions[number :: self.count] for number in self.own)
            for start, end in batches(len(shard), self.micro_batch_size)
        ]
