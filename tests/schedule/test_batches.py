from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from core.schedule.batches import (
    batches,
    images_to_compare,
    images_to_probe,
    probe_batches,
    steps_per_epoch,
)

images = st.integers(1, 400)
sizes = st.integers(1, 70)


def test_a_lone_last_image_joins_the_batch_before() -> None:
    assert batches(33, 16) == ((0, 16), (16, 33))
    assert batches(34, 16) == ((0, 16), (16, 32), (32, 34))
    assert batches(1, 16) == ((0, 1),)
    assert batches(2, 1) == ((0, 1), (1, 2))
    assert steps_per_epoch(1_000, 32) == 32


def test_the_last_batch_is_compared_only_if_it_has_another_size() -> None:
    assert probe_batches(64, 16) == ((0, 16),)
    assert set(probe_batches(50, 16)) == {(0, 16), (48, 50)}
    assert set(probe_batches(49, 16)) == {(0, 16), (32, 49)}  # with the lone image that it took in
    assert probe_batches(17, 16) == ((0, 17),)


@given(images, sizes)
def test_batches_cover_every_image_once_in_order(count: int, size: int) -> None:
    found = batches(count, size)
    assert (found[0][0], found[-1][1]) == (0, count)
    assert all(end == start for (_, end), (start, _) in pairwise(found))


@given(images, sizes)
def test_every_size_of_batch_is_compared_once(count: int, size: int) -> None:
    every = {end - start for start, end in batches(count, size)}
    assert sorted(end - start for start, end in probe_batches(count, size)) == sorted(every)
    assert set(probe_batches(count, size)) <= set(batches(count, size))


def test_a_size_of_batch_that_was_tried_on_other_images_is_not_tried_again() -> None:
    assert images_to_probe(64, 16) == 16
    assert images_to_probe(64, 16, before=256) == 0
    assert images_to_probe(50, 16, before=256) == 2
    assert images_to_probe(10, 16, before=256) == 10


def test_two_images_run_both_ways_unless_batches_have_one() -> None:
    assert images_to_compare(32) == 2
    assert images_to_compare(1) == 1
