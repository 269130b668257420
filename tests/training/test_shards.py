from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from core.schedule.batches import batches, steps_per_epoch
from core.training.data import Split, epoch_entries
from core.training.shards import Shards


@given(st.integers(1, 8), st.integers(2, 9), st.integers(0, 200), st.integers(0, 5))
def test_an_epoch_has_each_image_once_in_its_shard_whatever_their_number(count, size, more, epoch):
    images = 2 * count + more
    split = Split(torch.empty(images, 3, 1, 1, dtype=torch.uint8), torch.zeros(images).long())
    every = Shards(count, range(count), size).training(split, 3, epoch, 6)
    assert len(every) == steps_per_epoch(images, count * size, count)
    assert torch.cat([batch.entries for batch in every]).sort().values.equal(torch.arange(images))
    for batch in every:
        assert torch.cat(batch.micro_batches).equal(batch.entries)
        for shard, entries in enumerate(batch.micro_batches):
            assert len(entries) > 1
            assert set((entries % count).tolist()) == {shard}
    one = Shards(count, range(1), size)
    assert [b.micro_batches[0].tolist() for b in one.training(split, 3, epoch, 6)] == [
        batch.micro_batches[0].tolist() for batch in every
    ]


def test_one_micro_batch_is_a_batch_of_the_whole_order():
    split = Split(torch.empty(41, 3, 1, 1, dtype=torch.uint8), torch.zeros(41).long())
    order = epoch_entries(split, 0, 2, 3)
    (*found,) = Shards(1, range(1), 16).training(split, 0, 2, 3)
    assert [batch.entries.tolist() for batch in found] == [
        order[start:end].tolist() for start, end in batches(41, 16)
    ]
