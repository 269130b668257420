"""A disk that is really full: a file system of 256 kB in memory, where one may be mounted."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress

import pytest

from core import presets
from core.errors import RunError
from core.runs import event_log, run_folder
from core.runs import events as ev
from core.runs.description import interruption_reason
from core.runs.processes import run_lock
from core.runs.session import RunSession
from core.runs.settings import RunSettings

SCHEDULE = presets.load("gradual")


@pytest.fixture
def disk(tmp_path):
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("no file system may be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def fill(disk):
    with suppress(OSError), (disk / "filler").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def test_a_run_whose_disk_is_full_fails_with_a_message_in_its_folder(disk):
    run = disk / "run"
    run_folder.create(run, SCHEDULE, RunSettings())
    step = ev.Step(0, 0, 1.0, {f"group{n}": 1e-3 for n in range(200)})  # more than a block has left
    refused = pytest.raises(RunError, match=r"events.jsonl cannot be written \(No space left")
    with refused, RunSession(run, SCHEDULE) as session:
        fill(disk)
        for _ in range(10):
            session.record(step)
    assert run_folder.status(run) == "failed"
    (told,) = [event for event in event_log.read(run) if isinstance(event, ev.Failed)]
    assert told.message.endswith(
        "free some space or grant write permission there, then resume the run"
    )


def test_a_run_that_was_cut_off_by_a_full_disk_says_so(disk):
    run = disk / "run"
    run_folder.create(run, SCHEDULE, RunSettings())
    run_lock.release(run)
    fill(disk)
    assert run_folder.status(run) == "interrupted"
    assert "is full" in interruption_reason(run)


def test_a_run_whose_disk_fills_as_it_is_launched_is_no_longer_its_launchers(disk, monkeypatch):
    run = disk / "run"
    run_folder.create(run, SCHEDULE, RunSettings())
    fill(disk)
    for number in range(8):  # the last of blocks and names
        with suppress(OSError):
            (disk / f"filler-{number}").write_bytes(b"x")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        run_lock.hand_over(run, child.pid)
        assert run_lock.process(run).pid == child.pid
    assert run_folder.status(run) == "interrupted"
