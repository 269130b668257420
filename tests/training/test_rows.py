from __future__ import annotations

from pathlib import Path

import pytest
import torch

from core.training.rows import FileRows, MemoryRows, NoRoomError


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
    with pytest.raises(NoRoomError, match=r"no memory for [\d,]+ MB more"):
        MemoryRows(2**50, torch.zeros(1, 3))
