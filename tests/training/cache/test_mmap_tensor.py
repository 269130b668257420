from __future__ import annotations

import gc
import io

import psutil
import pytest
import torch

from core.training.cache import mmap_tensor


def test_what_is_written_comes_back_as_from_a_file():
    file, plain = mmap_tensor.MmapFile(), io.BytesIO()
    assert file.chunks() == []
    for size in (0, 1, 70, 2**24 - 1, 3, 2**25 + 5):
        content = torch.randint(256, (size,), dtype=torch.uint8).numpy().tobytes()
        assert file.write(content) == plain.write(content) == size
        assert b"".join(file.chunks()) == plain.getvalue()


def test_torch_saves_the_same_bytes_as_to_a_file():
    content = {"w": torch.randn(3_000_000), "b": torch.randn(7).bfloat16(), "step": torch.tensor(3)}
    file, plain = mmap_tensor.MmapFile(), io.BytesIO()
    for each in (file, plain):
        torch.save(content, each)
    assert b"".join(file.chunks()) == plain.getvalue()


def test_a_tensor_lives_as_long_as_a_view_of_it_and_its_memory_no_longer():
    def held() -> float:
        gc.collect()
        return psutil.Process().memory_info().rss / 1e6

    before = held()
    view = mmap_tensor.empty((2, 25, 1_000_000), torch.bfloat16).fill_(1.5)[1]
    assert held() - before > 90
    assert bool((view == 1.5).all())
    del view
    assert held() - before < 20


def test_memory_that_cannot_be_mapped_is_a_memory_error():
    for rows in (2**50, 2**70):
        with pytest.raises(MemoryError):
            mmap_tensor.empty((rows, 3), torch.float32)
