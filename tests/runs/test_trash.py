from __future__ import annotations

import os

import pytest

from core import presets
from core.errors import InputError
from core.files import usage
from core.runs import run_folder, trash
from core.runs.processes import run_lock
from core.runs.settings import RunSettings


@pytest.fixture
def root(tmp_path):
    """Two runs that no process runs."""
    for name in ("one", "two"):
        run_folder.create(tmp_path / name, presets.load("gradual"), RunSettings())
        run_lock.release(tmp_path / name)
    return tmp_path


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_deleted_run_is_gone_from_the_list_and_comes_back_as_it_was(root):
    before = contents(root / "one")
    trash.delete(root, "one")
    assert run_folder.list_runs(root) == (root / "two",)
    assert [each.name for each in trash.trashed_runs(root)] == ["one"]
    assert trash.restore(root, "one") == root / "one"
    assert contents(root / "one") == before
    assert trash.trashed_runs(root) == ()


def test_of_several_with_one_id_the_last_one_comes_back(root):
    trash.delete(root, "one")
    run_folder.create(root / "one", presets.load("ulmfit"), RunSettings())
    run_lock.release(root / "one")
    trash.delete(root, "one")
    trash.restore(root, "one")
    assert run_folder.read(root / "one")[0] == presets.load("ulmfit")
    with pytest.raises(InputError, match=r"^run is 'one', but a run with that id exists: rename"):
        trash.restore(root, "one")


def test_a_run_that_a_process_runs_is_not_deleted(root):
    run_lock.acquire(root / "one")
    told = f"^run is 'one', which process {os.getpid()} is running: stop it first$"
    with pytest.raises(InputError, match=told):
        trash.delete(root, "one")
    assert root / "one" in run_folder.list_runs(root)


def test_a_run_that_another_machine_runs_is_not_deleted(run_elsewhere):
    told = r"^run is 'run', which runs on node7, another .+: stop it there; if that machine is"
    with pytest.raises(InputError, match=told):
        trash.delete(run_elsewhere.parent, run_elsewhere.name)
    assert run_elsewhere.is_dir()
    (run_elsewhere / run_lock.PID).unlink()
    trash.delete(run_elsewhere.parent, run_elsewhere.name)


def test_a_run_that_is_resumed_while_it_is_deleted_stays(root, monkeypatch):
    seen = iter([False, True])
    monkeypatch.setattr(run_lock, "is_alive", lambda folder: next(seen))
    with pytest.raises(InputError, match="stop it first"):
        trash.delete(root, "one")
    assert root / "one" in run_folder.list_runs(root)
    assert trash.trashed_runs(root) == ()


@pytest.mark.parametrize("run_id", ["none", "../one", ".trash", "", "a/b"])
def test_what_is_no_run_is_neither_deleted_nor_brought_back(root, run_id):
    before = sorted(root.rglob("*"))
    with pytest.raises(InputError, match=r"^run is "):
        trash.delete(root, run_id)
    with pytest.raises(InputError, match=r"which is not in the trash"):
        trash.restore(root, run_id)
    assert sorted(root.rglob("*")) == before


def test_emptying_frees_the_disk_and_touches_nothing_else(root, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "mine").write_text("kept")
    (root / "one" / "link").symlink_to(elsewhere)
    trash.delete(root, "one")
    (root / ".trash" / "not-a-run").mkdir()
    held = usage.disk_use(root / ".trash")
    assert held > 0
    assert trash.empty(root) == held
    assert usage.disk_use(root / ".trash") == 0
    assert (elsewhere / "mine").read_text() == "kept"
    assert (root / ".trash" / "not-a-run").is_dir()
    assert run_folder.list_runs(root) == (root / "two",)
    assert trash.empty(root) == 0


def test_a_run_that_is_a_link_is_deleted_without_what_it_leads_to(root, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "run"
    (root / "one").rename(elsewhere)
    (root / "one").symlink_to(elsewhere)
    trash.delete(root, "one")
    trash.empty(root)
    assert run_folder.read(elsewhere)[0] == presets.load("gradual")


def test_what_lies_there_for_30_days_goes_with_the_next_deletion(root):
    kept = trash.delete(root, "one")
    old = kept.path.with_name(f"{kept.moment - int(30 * 24 * 3600 * 1e9) - 10**12}-one")
    kept.path.rename(old)
    trash.delete(root, "two")
    assert [each.name for each in trash.trashed_runs(root)] == ["two"]


def test_a_run_that_cannot_be_moved_is_told(root):
    (root / ".trash").touch()
    with pytest.raises(
        InputError, match=r"^run is 'one', which cannot be moved \(.+\): grant write"
    ):
        trash.delete(root, "one")
    assert root / "one" in run_folder.list_runs(root)


def test_the_disk_that_a_folder_takes_is_that_of_its_files(tmp_path):
    assert usage.disk_use(tmp_path) == 0
    assert usage.disk_use(tmp_path / "none") == 0
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "file").write_bytes(bytes(100_000))
    (tmp_path / "link").symlink_to(tmp_path / "below" / "file")
    assert 100_000 <= usage.disk_use(tmp_path) < 110_000
    assert not usage.is_full(tmp_path)
