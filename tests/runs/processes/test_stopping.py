from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from core import presets
from core.errors import STOPPED
from core.runs import event_log, run_folder
from core.runs import events as ev
from core.runs.processes import run_lock, stopping
from core.runs.settings import RunSettings
from tests.sample import thorough

ROOT = Path(__file__).parents[3]
PATIENCE = 60.0

RUNS = """
import sys, time
from contextlib import suppress
from pathlib import Path
from core import presets
from core.errors import STOPPED
from core.runs import checkpoint_files, events
from core.runs.processes import run_lock, stopping
from core.runs.session import RunSession
from core.runs.processes.stopping import watch_for_stop

def waits_and_is_not_hurried(folder):
    stopping._RAISE_AFTER = 600
    waits(folder)

def begins_a_checkpoint(folder):
    path = folder / "checkpoints" / checkpoint_files.name(3, "0" * 16)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    path.parent.mkdir()
    beside.touch()
    begins()
    return path, beside

def writes_a_checkpoint(folder):
    path, beside = begins_a_checkpoint(folder)
    for _ in range(40):
        with suppress(KeyboardInterrupt):
            time.sleep(0.1)
    beside.replace(path)
    hangs(folder)

def writes_a_checkpoint_itself(folder):
    path, beside = begins_a_checkpoint(folder)
    time.sleep(4)
    beside.replace(path)
    waits(folder)

def asks(folder):
    begins()
    while not asked():
        time.sleep(0.01)
    time.sleep(0.3)  # the rest of its batch

def waits(folder):
    begins()
    try:
        time.sleep(600)
    finally:
        (folder / "cleaned").touch()

def hangs(folder):
    begins()
    while True:
        with suppress(KeyboardInterrupt):
            time.sleep(600)

def ends(folder):
    session.record(events.Finished(1.0))
    begins()
    time.sleep(600)

def begins():
    print("begun", flush=True)

folder = Path(sys.argv[1])
run_lock.acquire(folder)
session = RunSession(folder, presets.load("gradual"))
with watch_for_stop(folder, session.done, session.end_process) as asked, session:
    globals()[sys.argv[2]](folder)
    session.record(events.Stopped(0))
"""
"""A run that does nothing but one of these, taken and ended as a real one."""


@pytest.fixture
def folder(tmp_path):
    run = tmp_path / "run"
    run_folder.create(run, presets.load("gradual"), RunSettings())
    run_lock.release(run)
    return run


@pytest.fixture
def begin(folder):
    started = []

    def begin(what):
        command = [sys.executable, "-c", "import os\n" + RUNS, str(folder), what]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        started.append(subprocess.Popen(command, cwd=ROOT, text=True, **pipes))
        assert started[-1].stdout.readline() == "begun\n", started[-1].stderr.read()
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("what", "how"),
    [
        ("asks", "STOP"),
        ("waits", "SIGTERM"),
        ("hangs", "SIGINT"),
        *thorough(("waits", "STOP"), ("hangs", "STOP")),
    ],
)
def test_a_stop_is_obeyed_by_what_asks_for_it_what_waits_and_what_never_listens(
    folder, begin, what, how
):
    process = begin(what)
    if how == "STOP":
        run_lock.request_stop(folder)
        assert run_folder.status(folder) == "stopping"
    else:
        process.send_signal(getattr(signal, how))
    process.wait(PATIENCE)
    assert run_folder.status(folder) == "stopped"
    assert event_log.read(folder)[-1] == ev.Stopped(0)
    assert run_folder.read_summary(folder).status == "stopped"
    assert not run_lock.is_alive(folder)
    assert (folder / "cleaned").exists() is (what == "waits")
    assert process.stderr.read().endswith("KeyboardInterrupt\n" if what == "waits" else "")
    if what == "hangs":
        assert process.returncode == STOPPED


@pytest.mark.parametrize(
    "what",
    ["writes_a_checkpoint", *thorough("writes_a_checkpoint_itself")],
)
def test_a_checkpoint_that_is_being_written_is_not_cut_off(folder, begin, what):
    process = begin(what)
    run_lock.request_stop(folder)
    process.wait(PATIENCE)
    assert event_log.read(folder)[-1] == ev.Stopped(3)
    assert run_folder.status(folder) == "stopped"


def test_a_stop_that_comes_after_the_end_changes_nothing_of_it(folder, begin):
    process = begin("ends")
    process.send_signal(signal.SIGTERM)
    process.wait(PATIENCE)
    assert run_folder.status(folder) == "finished"
    assert run_folder.read_summary(folder).status == "finished"


def test_a_run_that_has_ended_is_left_alone():
    done = threading.Event()
    done.set()
    asked = iter([False, True])
    stopping.enforce(lambda: next(asked), done, lambda: pytest.fail("ended"))


def test_a_second_control_c_does_not_wait(folder, begin):
    process = begin("waits_and_is_not_hurried")
    end = time.monotonic() + PATIENCE
    while process.poll() is None:
        assert time.monotonic() < end
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):  # two at once are one for the system
            process.wait(0.5)
    assert run_folder.status(folder) == "stopped"


def test_what_waits_for_a_checkpoint_waits_for_it_once(run, monkeypatch):
    waited = []
    monkeypatch.setattr(stopping, "_RAISE_AFTER", 0.0)
    monkeypatch.setattr(stopping, "wait_for_checkpoint", lambda *given: waited.append(given[2]))
    done, ended = threading.Event(), threading.Event()
    began = time.monotonic()
    with stopping.watch_for_stop(run, done, ended.set):
        run_lock.request_stop(run)
        with pytest.raises(KeyboardInterrupt):
            ended.wait(PATIENCE)
        assert ended.wait(PATIENCE)
        done.set()
    assert len(waited) == 2
    assert waited[0] == waited[1] >= began + stopping._CHECKPOINT_SECONDS


def test_a_checkpoint_that_never_comes_to_its_end_is_given_up(run):
    (run / run_folder.CHECKPOINTS).mkdir()
    (run / run_folder.CHECKPOINTS / f".epoch-00001.pt.{os.getpid()}").touch()
    began = time.monotonic()
    stopping.wait_for_checkpoint(run, threading.Event(), began + 0.3)
    assert 0.3 <= time.monotonic() - began < PATIENCE
    stopping.wait_for_checkpoint(run, threading.Event(), began)
