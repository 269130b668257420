"""What strangers leave in the hosted demo is gone after an hour, and nothing else is."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from core.data import uploads
from core.demo import cleanup, limits, queue
from core.demo.limits import LIMITS
from core.runs import run_folder
from core.runs.processes import launch, run_lock

OLD = LIMITS.lifetime + 5
YOUNG = LIMITS.lifetime - 60


@pytest.fixture(autouse=True)
def hosted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THAW_DEMO", "1")


def aged(folder: Path, seconds: float) -> Path:
    """The folder and all in it, as if last changed so long ago."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "file").write_text("x")
    then = time.time() - seconds
    for path in (*folder.rglob("*"), folder):
        os.utime(path, (then, then))
    return folder


def test_old_runs_and_uploads_are_deleted_and_young_ones_stay(tmp_path: Path) -> None:
    runs, data = tmp_path / "runs", tmp_path / "data"
    gone = [aged(runs / "old", OLD), aged(data / "s1" / "old", OLD)]
    stay = [aged(runs / "young", YOUNG), aged(data / "s2" / "young", YOUNG)]
    also = aged(data / "s2" / "old", OLD)
    cleanup.delete_expired(runs, data)
    assert [path.exists() for path in (*gone, also)] == [False] * 3
    assert [path.exists() for path in stay] == [True] * 2
    assert not (data / "s1").exists()


def test_a_run_that_is_on_stays_however_old_its_files_are(tmp_path: Path) -> None:
    run = tmp_path / "runs" / "on"
    run_folder.create(run, limits.first_schedule(), limits.first_settings())
    aged(run, OLD)
    cleanup.delete_expired(tmp_path / "runs", tmp_path / "data")
    assert run.exists()
    run_lock.release(run)
    aged(run, OLD)
    cleanup.delete_expired(tmp_path / "runs", tmp_path / "data")
    assert not run.exists()


def test_it_is_done_only_in_a_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("THAW_DEMO")
    old = aged(tmp_path / "runs" / "old", OLD)
    cleanup.delete_expired(tmp_path / "runs", tmp_path / "data")
    assert old.exists()


def test_a_demo_that_is_tried_on_ones_own_machine_touches_none_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THAW_HOME", str(tmp_path))
    monkeypatch.delenv("THAW_DEMO")
    run, trashed = launch.runs_folder() / "old", launch.runs_folder() / ".trash" / "1-older"
    upload = uploads.folder() / ("0" * 32)
    mine = [aged(each, OLD) for each in (run / "checkpoints", run, trashed, upload / "cat")]
    aged(launch.runs_folder() / ".trash", OLD)
    monkeypatch.setenv("THAW_DEMO", "1")
    cleanup.delete_expired(launch.runs_folder(), uploads.folder())
    with queue.one_run(launch.runs_folder()):
        pass
    assert [(each / "file").exists() for each in mine] == [True] * len(mine)


def test_the_cleanup_goes_on_by_itself_until_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, data = tmp_path / "runs", tmp_path / "data"
    before = set(threading.enumerate())  # a page that another test drew has one too
    monkeypatch.setattr(cleanup, "_EVERY", 0.01)
    thread = cleanup.CleanupThread(runs, data)
    for name in ("first", "second"):
        aged(runs / name, OLD)
        wait_until_gone(runs / name)
    thread.end()
    left = {each for each in threading.enumerate() if each.name == "cleanup"}
    assert left <= before
    later = aged(runs / "later", OLD)
    time.sleep(0.1)
    assert later.exists()


def wait_until_gone(folder: Path) -> None:
    end = time.monotonic() + 60
    while folder.exists():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_links_are_not_followed(tmp_path: Path) -> None:
    mine = aged(tmp_path / "mine", OLD)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "link").symlink_to(mine)
    cleanup.delete_expired(tmp_path / "runs", tmp_path / "data")
    assert (mine / "file").exists()


def test_a_run_lets_the_hour_of_its_upload_begin_anew(tmp_path: Path) -> None:
    upload = aged(tmp_path / "data" / "s" / "pets", OLD)
    cleanup.renew(str(upload))
    cleanup.delete_expired(tmp_path / "runs", tmp_path / "data")
    assert upload.exists()
