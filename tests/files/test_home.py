"""Where Thaw keeps things, and when it is the hosted demo."""

from __future__ import annotations

from pathlib import Path

import pytest

from core import library
from core.data import uploads
from core.demo import queue
from core.files.home import data_root, home, is_demo
from core.runs.processes import launch


@pytest.mark.parametrize("value", ["", "0", "false", "False", "no", "NO", "off", " 0 "])
def test_what_says_no_does_not_make_a_demo(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("THAW_DEMO", value)
    assert not is_demo()


@pytest.mark.parametrize("value", ["1", "true", "yes", "on", "2"])
def test_anything_else_does(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("THAW_DEMO", value)
    assert is_demo()


def test_a_demo_keeps_nothing_where_a_persons_own_things_lie(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THAW_HOME", str(tmp_path))
    monkeypatch.delenv("THAW_DEMO", raising=False)
    own = {
        data_root(),
        launch.runs_folder(),
        uploads.folder(),
        queue.queue_folder(),
        library.library_folder(),
    }
    assert own == {tmp_path, *(tmp_path / each for each in ("runs", "data", "queue", "library"))}
    monkeypatch.setenv("THAW_DEMO", "1")
    strangers = {launch.runs_folder(), uploads.folder(), queue.queue_folder()}
    assert strangers == {tmp_path / "demo" / each for each in ("runs", "data", "queue")}
    assert home() == tmp_path  # which a run's process is given
