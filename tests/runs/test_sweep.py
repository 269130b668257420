"""What strangers leave in the hosted demo is gone after an hour, and nothing else is."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from core.runs import claim, demo, sweep
from core.runs import folder as folders
from core.runs.demo import LIMITS

OLD = LIMITS.kept + 5
YOUNG = LIMITS.kept - 60


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
    sweep.sweep(runs, data)
    assert [path.exists() for path in (*gone, also)] == [False] * 3
    assert [path.exists() for path in stay] == [True] * 2
    assert not (data / "s1").exists()


def test_a_run_that_is_on_stays_however_old_its_files_are(tmp_path: Path) -> None:
    run = tmp_path / "runs" / "on"
    folders.create(run, demo.first_schedule(), demo.first_settings())
    aged(run, OLD)
    sweep.sweep(tmp_path / "runs", tmp_path / "data")
    assert run.exists()
    claim.release(run)
    (tmp_path / "runs" / ".swept").unlink()
    aged(run, OLD)
    sweep.sweep(tmp_path / "runs", tmp_path / "data")
    assert not run.exists()


def test_it_is_done_once_a_minute_and_only_in_a_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, data = tmp_path / "runs", tmp_path / "data"
    sweep.sweep(runs, data)
    old = aged(runs / "old", OLD)
    sweep.sweep(runs, data)
    assert old.exists()
    (runs / ".swept").unlink()
    monkeypatch.delenv("THAW_DEMO")
    sweep.sweep(runs, data)
    assert old.exists()


def test_links_are_not_followed(tmp_path: Path) -> None:
    mine = aged(tmp_path / "mine", OLD)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "link").symlink_to(mine)
    sweep.sweep(tmp_path / "runs", tmp_path / "data")
    assert (mine / "file").exists()


def test_a_run_lets_the_hour_of_its_upload_begin_anew(tmp_path: Path) -> None:
    upload = aged(tmp_path / "data" / "s" / "pets", OLD)
    sweep.keep(str(upload))
    sweep.sweep(tmp_path / "runs", tmp_path / "data")
    assert upload.exists()
