from __future__ import annotations

import hashlib
import io
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, load_model

from core.errors import InputError, RunError
from core.files import atomic
from core.runs import checkpoint_files
from core.training import checkpoint
from core.training.checkpoint import Checkpoint
from core.training.provenance import Provenance

ROOT = Path(__file__).parents[2]


def made(epoch: int) -> Checkpoint:
    return Checkpoint(
        epoch=epoch,
        model={"w": torch.arange(4.0) + epoch},
        optimizer={"state": {0: {"step": torch.tensor(3.0)}}, "param_groups": [{"lr": 0.1}]},
        scheduler={"last_epoch": 3},
        random={"cpu": torch.get_rng_state()},
        audit={"steps": 3, "spans": [("head", 0, 1, True)]},
        seconds=1.5,
        provenance=Provenance("a", "b", {"classes": "c"}, {"torch": "2.0"}, "a CPU"),
    )


def save(folder: Path, written: Checkpoint) -> Path:
    """Write one checkpoint, as a run does after each epoch, and return its path."""
    with checkpoint.CheckpointWriter(folder) as writer:
        writer.save(written)
    return checkpoint_files.stored(folder)[0]


def put(folder: Path, content: object) -> Path:
    """A file that is called, and hashed, as the checkpoint of epoch 9."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()[:16]
    path = folder / f"epoch-00009-{digest}.pt"
    path.write_bytes(buffer.getvalue())
    return path


def test_a_checkpoint_comes_back_as_it_was(tmp_path):
    save(tmp_path, made(1))
    found = checkpoint.newest(tmp_path)
    assert found.damaged == ()
    assert found.checkpoint.epoch == 1
    assert found.checkpoint.model["w"].equal(made(1).model["w"])
    assert found.checkpoint.audit == made(1).audit
    assert found.checkpoint.provenance == made(1).provenance
    assert found.checkpoint.optimizer["param_groups"] == [{"lr": 0.1}]


def test_only_the_two_newest_are_kept(tmp_path):
    for epoch in (1, 2, 3, 12):
        save(tmp_path, made(epoch))
    assert [path.name[:11] for path in sorted(tmp_path.iterdir())] == ["epoch-00003", "epoch-00012"]


def test_what_was_passed_over_as_damaged_does_not_take_the_place_of_a_good_one(tmp_path):
    save(tmp_path, made(1))
    damaged = save(tmp_path, made(2))
    # of two files for one epoch, the later name need not be that of the good one
    damaged = damaged.rename(tmp_path / f"epoch-00002-{'f' * 16}.pt")
    assert checkpoint.newest(tmp_path).damaged == (damaged.name,)
    for epoch in (2, 3):
        again = save(tmp_path, made(epoch))
        assert checkpoint.newest(tmp_path).damaged == ()
        assert not damaged.exists()
    again.write_bytes(b"")
    assert checkpoint.newest(tmp_path).checkpoint.epoch == 2


def test_a_checkpoint_of_another_format_is_refused_and_not_taken_for_a_damaged_one(tmp_path):
    save(tmp_path, made(1))
    for content in ({"epoch": 9}, {"epoch": 9, "format": 1}, {"epoch": 9, "format": 3}):
        path = put(tmp_path, content)
        wrong = "is not in format 2, the one that this Thaw reads: resume the run"
        told = rf"^checkpoints/{path.name} {wrong}"
        with pytest.raises(InputError, match=told):
            checkpoint.newest(tmp_path)
        path.unlink()


@pytest.mark.parametrize("content", [[1], {"format": 2}, {"format": 2, "origin": {"a": 1}}])
def test_a_file_that_holds_something_else_counts_as_damaged(tmp_path, content):
    save(tmp_path, made(1))
    path = put(tmp_path, content)
    found = checkpoint.newest(tmp_path)
    assert (found.checkpoint.epoch, found.damaged) == (1, (path.name,))


KEEPING = """
import sys
from pathlib import Path
import psutil, torch
from core.training.device import keep_freed_memory
from core.training.checkpoint import CheckpointWriter
from dataclasses import replace
from tests.training.test_checkpoint import made

def held():
    return psutil.Process().memory_info().rss / 1e6

assert keep_freed_memory()
model = {str(at): torch.randn(1_000_000) for at in range(15)}
before, left = held(), []
with CheckpointWriter(Path(sys.argv[1])) as writer:
    for epoch in range(1, 4):
        writer.save(replace(made(epoch), model=model))
        left.append(torch.ones(100))
print(held() - before)
"""


@pytest.mark.thorough
@pytest.mark.skipif(sys.platform != "linux", reason="the allocator is told to keep memory there")
def test_a_checkpoint_that_is_written_leaves_nothing_in_memory(tmp_path):
    told = subprocess.run(
        [sys.executable, "-c", KEEPING, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert float(told.stdout) < 30  # of 60 MB


def test_an_empty_or_missing_folder_has_none(tmp_path):
    assert checkpoint.newest(tmp_path / "none") == checkpoint.NewestCheckpoint(None, ())


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "text"])
def test_a_damaged_newest_one_is_named_and_passed_over(tmp_path, damage):
    save(tmp_path, made(1))
    path = save(tmp_path, made(2))
    content = bytearray(path.read_bytes())
    content[-40] ^= 1
    spoilt = {"cut": content[:500], "flip": content, "empty": b"", "text": b"hello"}[damage]
    path.write_bytes(spoilt)
    found = checkpoint.newest(tmp_path)
    assert found.checkpoint.epoch == 1
    assert found.damaged == (path.name,)


def test_a_file_that_would_run_code_when_unpickled_is_not_loaded(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "hacked"),)

    put(tmp_path, {"epoch": Evil()})
    assert checkpoint.newest(tmp_path).checkpoint is None
    assert not (tmp_path / "hacked").exists()


def test_leftovers_of_a_killed_write_are_not_taken_for_checkpoints(tmp_path):
    (tmp_path / ".epoch-00002-0123456789abcdef.pt.77").write_bytes(b"half")
    (tmp_path / "notes.txt").write_text("x")
    assert checkpoint.newest(tmp_path) == checkpoint.NewestCheckpoint(None, ())


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_a_run_error_with_a_way_out(tmp_path):
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(
        RunError, match="free some space or grant write permission there, then resume the run"
    ):
        save(tmp_path, made(1))


def test_a_checkpoint_that_has_no_room_is_a_run_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(
        RunError, match="free some space or grant write permission there, then resume the run"
    ):
        save(tmp_path / "file", made(1))


def test_a_checkpoint_does_not_make_the_folder_of_a_run_that_is_gone(tmp_path):
    folder = tmp_path / "run" / "checkpoints"
    folder.mkdir(parents=True)
    with checkpoint.CheckpointWriter(folder) as writer:
        writer.save(made(1))
        writer.wait()
        (tmp_path / "run").rename(tmp_path / "moved")
        with pytest.raises(RunError, match="checkpoints cannot be written"):
            writer.save(made(2))
    assert [path.name for path in tmp_path.iterdir()] == ["moved"]


def test_what_waits_for_a_checkpoint_sees_it_from_before_it_is_made_until_it_is_stored(
    tmp_path, monkeypatch
):
    seen = []

    def watched(act):
        def watch(*args):
            seen.append([path.suffix for path in checkpoint_files.unfinished(tmp_path)])
            return act(*args)

        return watch

    for owner, name in (
        (torch, "save"),
        (atomic, "write_durably"),
        (checkpoint_files, "outdated"),
    ):
        monkeypatch.setattr(owner, name, watched(getattr(owner, name)))
    path = save(tmp_path, made(1))
    assert seen == 3 * [[f".{os.getpid()}"]]
    assert list(tmp_path.iterdir()) == [path]

    def refuse(*_):
        raise RuntimeError("no memory")

    monkeypatch.setattr(torch, "save", refuse)
    with pytest.raises(RuntimeError):
        save(tmp_path, made(2))
    assert list(tmp_path.iterdir()) == [path]


class Tied(torch.nn.Module):
    """A head that is the embedding, as in GPT-2, a layer by two names, and a view of a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.wte = torch.nn.Embedding(5, 2)
        self.alias = self.layer = torch.nn.Linear(2, 2)
        self.head = torch.nn.Linear(2, 5, bias=False)
        self.head.weight = self.wte.weight
        self.register_buffer("table", torch.rand(3, 4))
        self.register_buffer("rows", self.table[1:])


def test_weights_are_written_as_safetensors_and_tied_ones_by_all_their_names(tmp_path):
    model, path = Tied(), tmp_path / "w.safetensors"
    checkpoint.save_weights(path, model)
    stored = load_file(path)
    assert stored.keys() == model.state_dict().keys() >= {"wte.weight", "head.weight"}
    assert all(stored[name].equal(tensor) for name, tensor in model.state_dict().items())
    with safe_open(path, "pt") as file:
        assert file.metadata() == {"format": "pt"}  # without which transformers refuses it
    for load in (
        lambda again: again.load_state_dict(stored),
        lambda again: load_model(again, path, strict=False),
    ):
        again = Tied()
        load(again)
        assert again.head.weight is again.wte.weight
        assert all(map(torch.equal, again.state_dict().values(), model.state_dict().values()))
    assert [path.name for path in tmp_path.iterdir()] == ["w.safetensors"]
    (tmp_path / "like any other").touch()
    modes = {path.stat().st_mode for path in tmp_path.iterdir()}
    assert len(modes) == 1


def test_weights_that_cannot_be_written_are_a_run_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(
        RunError, match="free some space or grant write permission there, then resume the run"
    ):
        checkpoint.save_weights(tmp_path / "file" / "w.safetensors", torch.nn.Linear(2, 2))
    (tmp_path / "w.safetensors").mkdir()
    with pytest.raises(RunError, match=r"w\.safetensors cannot be written"):
        checkpoint.save_weights(tmp_path / "w.safetensors", torch.nn.Linear(2, 2))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "w.safetensors"]


def test_a_save_takes_away_what_a_killed_one_has_left_and_nothing_else(tmp_path):
    (tmp_path / ".epoch-00002-0123456789abcdef.pt.77").write_bytes(b"half")
    (tmp_path / "notes.txt").write_text("x")
    path = save(tmp_path, made(1))
    assert sorted(tmp_path.iterdir()) == sorted([path, tmp_path / "notes.txt"])


@pytest.mark.thorough
@pytest.mark.skipif(sys.platform != "linux", reason="needs limits of a process")
def test_what_a_write_of_weights_leaves_that_is_killed_is_what_a_claim_clears(tmp_path):
    code = (
        "import resource, sys; from pathlib import Path; from torch import nn;"
        "from core.training.checkpoint import save_weights;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000));"  # more is answered by a signal
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_DFL);"
        "save_weights(Path(sys.argv[1], 'w.safetensors'), nn.Linear(100, 100))"
    )
    died = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, check=False)
    assert died.returncode == -signal.SIGXFSZ
    assert list(tmp_path.iterdir()) != []
    atomic.clear_unfinished(tmp_path)
    assert list(tmp_path.iterdir()) == []
