from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from core.training.cache.tensor_store import FileRows, MemoryRows, NoRoomError

ROOT = Path(__file__).parents[3]


@pytest.fixture(params=["memory", "file"])
def make(request, tmp_path):
    if request.param == "memory":
        return MemoryRows
    return lambda count, like: FileRows(count, like, tmp_path)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_rows_come_back_in_the_order_asked_for_bit_for_bit(make, dtype):
    tensor = torch.randn(7, 3, 5).to(dtype)
    rows = make(7, tensor[:2])
    for start, end in ((0, 4), (4, 7)):
        rows.write(start, tensor[start:end])
    wanted = torch.tensor([6, 0, 3, 3])
    assert torch.equal(rows.read(wanted), tensor[wanted])


def test_rows_come_back_with_the_strides_that_they_had(make):
    tensor = torch.randn(4, 3, 5, 2).contiguous(memory_format=torch.channels_last)
    rows = make(4, tensor)
    rows.write(0, tensor)
    read = rows.read(torch.arange(4))
    assert read.stride() == tensor.stride()
    assert torch.equal(read, tensor)


def test_what_is_read_is_a_copy(make):
    tensor = torch.randn(2, 3)
    rows = make(2, tensor)
    rows.write(0, tensor)
    rows.read(torch.tensor([0])).zero_()
    assert torch.equal(rows.read(torch.arange(2)), tensor)


def test_a_file_of_rows_has_no_name(tmp_path: Path):
    rows = FileRows(2, torch.randn(2, 3), tmp_path)
    rows.write(0, torch.randn(2, 3))
    assert list(tmp_path.iterdir()) == []


def test_memory_that_is_not_there_is_told_before_anything_is_stored():
    with pytest.raises(NoRoomError, match=r"no memory for another [\d,]+ MB"):
        MemoryRows(2**50, torch.zeros(1, 3))


GROWING = """
import psutil, torch
from core.training.device import keep_freed_memory
from core.training.cache.tensor_store import MemoryRows

def held():
    now = psutil.Process().memory_info()
    return (now.rss - now.shared) / 1e6  # without pages of libraries, read in as they are used

assert keep_freed_memory()
before, left, row = held(), [], torch.ones(1, 250_000)
for count in range(20, 70, 10):
    rows = MemoryRows(count, row)
    for at in range(count):
        rows.write(at, row)
    left.append(torch.ones(100))  # lies behind the rows, where they come from the heap
    most = held() - before
    del rows
print(most, held() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the allocator is told to keep memory there")
def test_passes_that_follow_each_other_hold_no_more_than_the_largest_of_them():
    told = subprocess.run(
        [sys.executable, "-c", GROWING], cwd=ROOT, capture_output=True, text=True, check=True
    )
    most, left = map(float, told.stdout.split())
    assert 60 <= most < 70
    assert left < 10


@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
def test_there_may_be_nothing_to_hold(make, shape):
    tensor = torch.randn(shape)
    rows = make(len(tensor), torch.randn(1, *shape[1:]))
    rows.write(0, tensor)
    assert rows.read(torch.arange(len(tensor))).shape == shape
