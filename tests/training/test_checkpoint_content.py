"""Checkpoints of strangers: what would grow, or is of another kind, is damaged and passed over."""

from __future__ import annotations

import hashlib
import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from core.training import checkpoint
from core.training.checkpoint import is_plain
from tests.reliability.doors import saved, stored


def put(folder: Path, content: bytes, epoch: int = 1) -> str:
    name = f"epoch-{epoch:05}-{hashlib.sha256(content).hexdigest()[:16]}.pt"
    (folder / name).write_bytes(content)
    return name


def packed(content: bytes) -> bytes:
    """The same zip, with its entries compressed."""
    made = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            new.writestr(name, old.read(name))
    return made.getvalue()


def test_a_checkpoint_that_unpacks_to_more_than_its_file_is_passed_over(tmp_path: Path) -> None:
    bomb = packed(saved({**stored(1), "model": {"w": torch.zeros(4_000_000)}}))
    assert len(bomb) < 100_000
    name = put(tmp_path, bomb)
    assert checkpoint.newest(tmp_path).damaged == (name,)


def test_what_torch_writes_is_plain_and_its_older_format_is_not() -> None:
    assert is_plain(saved(stored(1)))
    older = io.BytesIO()
    torch.save(stored(1), older, _use_new_zipfile_serialization=False)
    assert not is_plain(older.getvalue())
    assert not is_plain(pickle.dumps(stored(1)))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("epoch", "1"),
        ("epoch", 2),
        ("epoch", -1),
        ("model", []),
        ("optimizer", None),
        ("random", torch.zeros(1)),
        ("seconds", float("nan")),
        ("origin", None),
        ("origin", {**stored(1)["origin"], "schedule": 7}),
        ("format", torch.zeros(2)),
    ],
)
def test_a_checkpoint_with_a_value_of_another_kind_is_passed_over(
    tmp_path: Path, field: str, value: Any
) -> None:
    name = put(tmp_path, saved({**stored(1), field: value}))
    assert checkpoint.newest(tmp_path).damaged == (name,)
