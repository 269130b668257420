"""Files that anyone may have made are read up to a limit, and never without an end."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.data import uploads
from core.files import small_files
from core.runs import event_log, run_folder
from core.runs import events as ev
from core.runs.processes import run_lock


def test_no_more_is_read_than_one_byte_over_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x").write_bytes(b"123456789")
    assert small_files.read_start(tmp_path / "x", 9) == b"123456789"
    assert small_files.read_start(tmp_path / "x", 4) == b"12345"
    monkeypatch.setattr(small_files, "MAX_SMALL_FILE_BYTES", 4)
    with pytest.raises(ValueError, match="has over 4 bytes"):
        small_files.read_json(tmp_path / "x")


@pytest.mark.skipif(os.name != "posix", reason="there are no pipes")
def test_a_pipe_is_no_file_and_nobody_waits_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / run_folder.SCHEDULE)
    with pytest.raises(OSError, match="No such file"):
        small_files.read_start(tmp_path / run_folder.SCHEDULE)


def test_brackets_a_hundred_thousand_deep_are_no_claim_no_summary_and_no_upload(
    tmp_path: Path,
) -> None:
    for name in (run_lock.PID, run_folder.SUMMARY, uploads.NOTE):
        (tmp_path / name).write_bytes(b"[" * 100_000)
    assert run_lock.process(tmp_path) is None
    assert run_folder.read_summary(tmp_path) is None
    assert uploads.read_note(tmp_path) is None


@pytest.mark.parametrize(
    "line",
    [
        '{"event": "step", "step": -1, "epoch": 0, "loss": 1, "lrs": {}}',
        '{"event": "step", "step": 1, "epoch": 1000000, "loss": 1, "lrs": {}}',
        '{"event": "step", "step": 1, "epoch": 0, "loss": NaN, "lrs": {}}',
        '{"event": "finished", "seconds": Infinity}',
        '{"event": "progress", "stage": "loading", "done": 1e99}',
    ],
)
def test_an_event_of_impossible_numbers_is_passed_over(tmp_path: Path, line: str) -> None:
    (tmp_path / event_log.EVENTS).write_text(f'{line}\n{{"event": "launched"}}\n', encoding="utf-8")
    assert event_log.read(tmp_path) == (ev.Launched(),)


@pytest.mark.parametrize("images", ["Infinity", "[]", '"x"', "null", "1e999"])
def test_a_note_of_impossible_numbers_is_no_upload(tmp_path: Path, images: str) -> None:
    note = f'{{"name": "x", "images": {images}, "skipped": 0, "left_out": []}}'
    (tmp_path / uploads.NOTE).write_text(note, encoding="utf-8")
    assert uploads.read_note(tmp_path) is None
