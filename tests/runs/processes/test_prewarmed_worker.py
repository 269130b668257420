from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from core import presets
from core.errors import RunError
from core.runs import event_log, run_folder
from core.runs import events as ev
from core.runs.processes import prewarmed_worker, run_lock
from core.runs.processes.prewarmed_worker import PrewarmedWorker, WorkerSlot
from core.runs.settings import RunSettings

ROOT = Path(__file__).parents[3]
PATIENCE = 60.0

WAITS = """
import sys
from core.runs.processes.prewarmed_worker import wait_for_folder

def find_device():
    print("a warning of a library", file=sys.stderr)
    return {"type": "cpu", "name": "a slow one", "count": 1}

folder = wait_for_folder(find_device, lambda: print("printed by an import"))
if folder is not None:
    print("input:", repr(sys.stdin.read()), flush=True)
    print("x" * 1_000_000, file=sys.stderr, flush=True)
    print("the end of", folder.name, flush=True)
"""
"""A worker without the imports of a real one."""
CRASHES = "import sys; sys.stdin.readline(); sys.exit(1)"
BABBLES = "import time; input(); print('no device', flush=True); time.sleep(60)"
HANGS = "import time; time.sleep(60)"


def until(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def folder(tmp_path):
    run = tmp_path / "a run"
    run_folder.create(run, presets.load("gradual"), RunSettings())
    return run


@pytest.fixture
def lost():
    return []


@pytest.fixture
def make(lost):
    made = []

    def make(code=WAITS):
        made.append(PrewarmedWorker([sys.executable, "-c", code], ROOT, os.environ, lost.append))
        return made[-1]

    yield make
    for worker in made:
        worker.process.kill()
        worker.join()


def log(folder):
    return (folder / run_folder.LOG).read_text()


def test_a_prewarmed_worker_tells_its_device_and_then_runs_its_folder(make, folder, lost):
    worker = make()
    assert worker.device.result(PATIENCE) == {"type": "cpu", "name": "a slow one", "count": 1}
    assert worker.assign(folder)
    worker.join()
    warned, printed, rest = log(folder).split("\n", 2)
    assert warned == "a warning of a library"
    assert printed == "printed by an import"
    assert rest.startswith("input: ''\n")
    assert rest.endswith("x\nthe end of a run\n")
    assert lost == []


def test_a_folder_that_comes_during_the_imports_is_run_after_them(make, folder, lost):
    worker = make()
    assert worker.assign(folder)
    assert run_lock.process(folder).pid == worker.process.pid
    worker.join()
    assert log(folder).endswith("the end of a run\n")
    assert lost == []


def test_a_prewarmed_worker_is_used_once(make, folder, tmp_path):
    worker = make()
    assert worker.usable
    assert worker.assign(folder)
    assert not worker.usable
    assert not worker.assign(tmp_path)


def test_what_the_log_held_before_a_resume_stays(make, folder):
    (folder / run_folder.LOG).write_text("the first session\n")
    worker = make()
    assert worker.assign(folder)
    worker.join()
    assert log(folder).startswith("the first session\n")
    assert log(folder).endswith("the end of a run\n")


@pytest.mark.parametrize("code", [WAITS, HANGS])
def test_a_prewarmed_worker_that_is_let_go_is_gone(make, folder, code):
    worker = make(code)
    worker.end_unused()
    worker.join()
    assert not psutil.pid_exists(worker.process.pid)
    assert not worker.assign(folder)
    with pytest.raises(RunError, match="did not name its device"):
        worker.device.result(PATIENCE)


def test_a_prewarmed_worker_with_a_folder_is_not_let_go(make, folder):
    worker = make()
    assert worker.assign(folder)
    worker.end_unused()
    worker.join()
    assert log(folder).endswith("the end of a run\n")


def test_a_prewarmed_worker_that_ended_is_given_nothing(make, folder, lost):
    worker = make("pass")
    worker.join()
    assert not worker.usable
    assert not worker.assign(folder)
    assert run_lock.process(folder).pid == os.getpid()
    assert lost == []


@pytest.mark.parametrize("code", [CRASHES, BABBLES], ids=["crashes", "babbles"])
def test_the_folder_of_a_prewarmed_worker_that_ends_too_soon_is_not_lost(make, folder, lost, code):
    worker = make(code)
    assert worker.assign(folder)
    worker.join()
    assert lost == [folder]


def test_the_folder_is_not_lost_if_its_log_cannot_be_written(make, folder, lost):
    (folder / run_folder.LOG).mkdir()
    worker = make()
    assert worker.assign(folder)
    worker.join()
    assert lost == [folder]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_whose_process_was_killed_in_its_imports_stays_dead(make, folder, lost, how):
    worker = make(HANGS)
    assert worker.assign(folder)
    worker.process.send_signal(how)
    worker.join()
    assert lost == []
    assert run_folder.status(folder) == "interrupted"


def test_a_run_that_was_to_stop_is_not_begun_again(make, folder, lost):
    worker = make(CRASHES)
    run_lock.request_stop(folder)
    assert worker.assign(folder)
    worker.join()
    assert lost == []


SERVER = f"""
import os, sys, time
from pathlib import Path
from core.runs.processes.prewarmed_worker import PrewarmedWorker

worker = PrewarmedWorker([sys.executable, "-c", {WAITS!r}], Path(), os.environ, print)
worker.device.result()
print(worker.process.pid, flush=True)
if len(sys.argv) > 1:
    worker.assign(Path(sys.argv[1]))
os.kill(os.getpid(), {int(signal.SIGKILL)})
"""


def pid_left_by_a_killed_server(*arguments):
    ran = subprocess.run(
        [sys.executable, "-c", SERVER, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert ran.returncode == -signal.SIGKILL, ran.stderr
    return int(ran.stdout)


def test_a_killed_server_leaves_no_worker():
    pid = pid_left_by_a_killed_server()
    until(lambda: not psutil.pid_exists(pid))


def test_a_killed_server_leaves_its_run_which_prints_and_goes_on(folder):
    pid = pid_left_by_a_killed_server(str(folder))
    until(lambda: not psutil.pid_exists(pid))
    assert log(folder).endswith("x\nthe end of a run\n")


def test_ten_sessions_at_once_get_one_worker(make):
    slot, made, barrier = WorkerSlot(), [], threading.Barrier(10)

    def session():
        barrier.wait()
        slot.ensure(lambda: made.append(make(HANGS)) or made[-1])

    sessions = [threading.Thread(target=session) for _ in range(10)]
    for thread in sessions:
        thread.start()
    for thread in sessions:
        thread.join()
    assert len(made) == 1
    assert slot.take() is made[0]
    assert slot.take() is None


def test_a_prewarmed_worker_that_nobody_asks_for_is_ended(make, monkeypatch):
    monkeypatch.setattr(prewarmed_worker, "_UNUSED_SECONDS", 0.1)
    slot = WorkerSlot()
    worker = make(HANGS)
    slot.ensure(lambda: worker)
    worker.join()
    assert slot.take() is None


def test_a_prewarmed_worker_that_was_taken_outlives_the_time_for_unused_ones(
    make, folder, monkeypatch
):
    monkeypatch.setattr(prewarmed_worker, "_UNUSED_SECONDS", 0.05)
    slot = WorkerSlot()
    slot.ensure(make)
    worker = slot.take()
    assert worker.assign(folder)
    worker.join()
    assert log(folder).endswith("the end of a run\n")


def test_a_prewarmed_worker_that_fails_is_tried_again_after_the_next_run_only(make):
    slot = WorkerSlot()
    slot.ensure(lambda: make("pass"))
    failed = slot.peek()
    failed.join()
    slot.ensure(make)
    assert slot.take() is failed
    slot.ensure(make)
    assert slot.take().usable


def test_no_worker_is_started_beside_a_run(make, folder):
    slot = WorkerSlot()
    slot.add_run(folder)
    slot.ensure(make)
    assert slot.peek() is None
    run_lock.release(folder)
    slot.ensure(make)
    assert slot.take().usable


def test_a_system_that_starts_no_process_has_no_worker(tmp_path):
    slot = WorkerSlot()
    nothing = [str(tmp_path / "none")]
    slot.ensure(lambda: PrewarmedWorker(nothing, ROOT, os.environ, lambda folder: None))
    assert slot.take() is None


def test_a_stop_is_obeyed_in_imports_that_come_to_no_end(make, folder, lost):
    worker = make(WAITS.replace('print("printed by an import")', "__import__('time').sleep(600)"))
    assert worker.assign(folder)
    run_lock.request_stop(folder)
    worker.join()
    assert event_log.read(folder)[-1] == ev.Stopped(0)
    assert not run_lock.is_alive(folder)
    assert lost == []
