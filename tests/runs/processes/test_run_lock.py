from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from core.errors import InputError, RunError
from core.runs import event_log, run_folder
from core.runs import events as ev
from core.runs.processes import run_lock

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"pid": "x"}', '{"pid": 1e400}', '{"pid": -4}']
)
def test_a_pid_file_that_makes_no_sense_means_that_nobody_runs_it(run, content):
    run_lock.hand_over(run, os.getpid())
    (run / "pid").write_text(content)
    assert run_lock.process(run) is None
    assert run_folder.status(run) == "interrupted"


def test_a_process_with_the_same_id_but_another_start_is_another_process(run):
    own = psutil.Process()
    run_lock.hand_over(run, own.pid)
    assert run_lock.process(run) == own
    noted = {"pid": own.pid, "started": own.create_time() - 100}
    (run / "pid").write_text(json.dumps(noted))
    assert run_lock.process(run) is None


def test_a_zombie_is_not_alive(run):
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    owner = psutil.Process(child.pid)
    run_lock.hand_over(run, owner.pid)
    assert run_lock.process(run) == owner
    child.stdin.close()
    end = time.monotonic() + 60.0
    while owner.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert run_lock.process(run) is None
    assert run_folder.status(run) == "interrupted"
    child.wait()


def test_a_folder_that_a_living_process_runs_cannot_be_taken(run):
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    run_lock.hand_over(run, child.pid)
    with pytest.raises(InputError, match=f"which process {child.pid} is running: stop that one"):
        run_lock.acquire(run)
    child.communicate()
    assert not run_lock.is_alive(run)
    run_lock.acquire(run)
    assert run_lock.process(run) == psutil.Process()
    with pytest.raises(InputError, match="stop that one first"):
        run_lock.acquire(run)


def test_of_many_that_take_a_folder_at_once_one_gets_it(run):
    run_lock.release(run)
    together = threading.Barrier(8)
    refused = []

    def take():
        together.wait(60.0)
        try:
            run_lock.acquire(run)
        except InputError as error:
            refused.append(error)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60.0)
    assert len(refused) == 7
    assert event_log.read(run) == (ev.Launched(), ev.Launched())


def test_of_two_processes_that_take_a_folder_at_once_one_gets_it(run):
    run_lock.release(run)
    code = (
        "import sys; from pathlib import Path; from core.runs.processes import run_lock;"
        "print('ready', flush=True); input(); run_lock.acquire(Path(sys.argv[1]));"
        "print('taken', flush=True); input()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    command = [sys.executable, "-c", code, str(run)]
    both = [subprocess.Popen(command, text=True, cwd=ROOT, **pipes) for _ in range(2)]
    for child in both:
        assert child.stdout.readline() == "ready\n"
    for child in both:
        child.stdin.write("\n")
        child.stdin.flush()
    told = [child.stdout.readline() for child in both]
    for child in both:
        child.communicate("\n", timeout=60)
    assert sorted(told) == ["", "taken\n"]


def test_a_folder_comes_back_from_a_process_that_has_ended_and_from_no_other(run):
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    run_lock.hand_over(run, child.pid)
    run_lock.request_stop(run)
    assert not run_lock.take_back(run)
    child.communicate()
    assert run_lock.take_back(run)
    assert run_lock.is_own(run)
    assert run_lock.stop_requested(run)
    with pytest.raises(InputError, match="is running"):
        run_lock.acquire(run)
    run_lock.release(run)
    assert not run_lock.take_back(run)  # another process has run it, and ended
    assert not run_lock.is_alive(run)


def test_a_folder_that_cannot_be_noted_does_not_come_back(run, monkeypatch):
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        run_lock.hand_over(run, child.pid)

    def full(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run_lock, "write_atomically", full)
    with pytest.raises(OSError, match="No space left"):
        run_lock.take_back(run)
    monkeypatch.undo()
    assert not run_lock.is_alive(run)


def test_a_take_withdraws_an_old_stop_and_a_take_over_keeps_a_new_one(run):
    run_lock.hand_over(run, os.getpid())
    run_lock.request_stop(run)
    assert run_lock.take_over(run)
    assert run_lock.stop_requested(run)
    run_lock.release(run)
    assert not run_lock.take_over(run)
    run_lock.acquire(run)
    assert not run_lock.stop_requested(run)


def test_a_stop_is_asked_for_and_withdrawn(run):
    run_lock.request_stop(run)
    assert run_lock.stop_requested(run)
    assert run_folder.status(run) == "stopping"
    run_lock.withdraw_stop(run)
    run_lock.withdraw_stop(run)
    assert run_folder.status(run) == "starting"


def test_a_run_without_a_process_is_not_asked_to_stop(run):
    (run / "pid").unlink()
    run_lock.request_stop(run)
    assert not run_lock.stop_requested(run)


def test_a_take_clears_what_a_killed_write_has_left(run):
    run_lock.release(run)
    (run / ".summary.json.77").write_bytes(b"half")
    run_lock.acquire(run)
    assert not (run / ".summary.json.77").exists()


@pytest.mark.skipif(os.name != "posix", reason="there are no pipes, and links need a right")
@pytest.mark.parametrize("takes", [run_lock.acquire, run_lock.take_over])
@pytest.mark.parametrize(
    "name",
    [
        run_lock.LOCK,
        run_lock.PID,
        run_lock.STOP,
        event_log.EVENTS,
        event_log.ROOM,
        run_folder.LOG,
        run_folder.SUMMARY,
        run_folder.WEIGHTS,
        run_folder.PREDICTIONS,
        run_folder.NAN_REPORT,
        run_folder.CHECKPOINTS,
        f"{run_folder.CHECKPOINTS}/.epoch-00001.pt.7",
    ],
)
@pytest.mark.parametrize("kind", ["link", "broken link", "pipe"])
def test_a_folder_is_not_taken_if_what_is_written_there_would_go_elsewhere(
    run, tmp_path, name, kind, takes
):
    run_lock.release(run)
    (run / run_folder.CHECKPOINTS).mkdir()
    mine = tmp_path / "mine"
    path = run / name
    if path.is_dir():
        path.rmdir()
    path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(os.path.relpath(mine, path.parent))
    if kind == "link":
        mine.write_text("all that I have")
    with pytest.raises(InputError, match=f"where '{name}' is a (link|pipe or device)") as told:
        takes(run)
    assert ": a run writes only its own files, so " in str(told.value)
    assert not mine.exists() or mine.read_text() == "all that I have"
    assert mine.exists() == (kind == "link")


def test_a_run_that_its_launcher_has_noted_needs_no_room_to_take_it_over(run, monkeypatch):
    run_lock.hand_over(run, os.getpid())
    monkeypatch.setattr(run_lock, "write_atomically", lambda *_: pytest.fail("it is noted already"))
    assert run_lock.take_over(run)


def test_a_run_is_noted_in_the_room_that_is_kept_where_the_disk_is_full(run, monkeypatch):
    replace = run_lock.write_atomically

    def full(path, content):
        if (run / event_log.ROOM).exists():
            raise OSError(28, "No space left on device")
        replace(path, content)

    monkeypatch.setattr(run_lock, "write_atomically", full)
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    run_lock.hand_over(run, child.pid)
    assert run_lock.process(run).pid == child.pid
    child.communicate()


def test_a_take_over_that_the_disk_refuses_says_so(run, monkeypatch):
    run_lock.hand_over(run, os.getppid())  # as a child finds it whose launcher was killed

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run_lock, "write_atomically", full)
    with pytest.raises(
        RunError, match=r"cannot be written \(No space left on device\): free some space"
    ):
        run_lock.take_over(run)


def test_what_another_machine_runs_is_neither_taken_nor_called_interrupted(run_elsewhere):
    noted = (run_elsewhere / run_lock.PID).read_bytes()
    assert run_folder.status(run_elsewhere) == "starting"
    told = (
        f"DIR is '{run_elsewhere}', which runs on node7, another machine or container: stop it "
        f"there; if that machine is gone, delete {run_elsewhere / run_lock.PID} and try again"
    )
    with pytest.raises(InputError) as caught:
        run_lock.acquire(run_elsewhere)
    assert str(caught.value) == told
    assert not run_lock.take_over(run_elsewhere)
    run_lock.release(run_elsewhere)
    assert (run_elsewhere / run_lock.PID).read_bytes() == noted
    assert event_log.read(run_elsewhere) == (ev.Launched(),)


def test_a_run_of_another_machine_is_asked_to_stop_through_its_folder(run_elsewhere):
    run_lock.request_stop(run_elsewhere)
    assert run_lock.stop_requested(run_elsewhere)
    assert run_folder.status(run_elsewhere) == "stopping"


def test_what_another_machine_has_noted_is_taken_once_that_is_deleted(run_elsewhere):
    (run_elsewhere / run_lock.PID).unlink()
    assert run_folder.status(run_elsewhere) == "interrupted"
    run_lock.acquire(run_elsewhere)
    assert run_lock.process(run_elsewhere) == psutil.Process()


@pytest.mark.parametrize("end", [ev.Stopped(2), ev.Failed("why")])
def test_what_has_told_its_end_is_taken_wherever_it_ran(run_elsewhere, end):
    event_log.append(run_elsewhere, end)
    assert run_lock.other_host(run_elsewhere) is None
    run_lock.acquire(run_elsewhere)
    assert run_lock.process(run_elsewhere) == psutil.Process()


def noted(run, **changed):
    """Note what another machine, container or version would have noted."""
    before = json.loads((run / run_lock.PID).read_text())
    (run / run_lock.PID).write_text(json.dumps(before | changed))


HOLDS = """
import os, sys, time
from pathlib import Path
from core.runs.processes import run_lock
run_lock.acquire(Path(sys.argv[1]))
if os.fork() == 0:
    time.sleep(600)
    os._exit(0)
print("taken", flush=True)
time.sleep(600)
"""
"""A run with a worker that it has forked, as those of a DataLoader are."""


@pytest.mark.skipif(os.name != "posix", reason="only there are processes forked")
def test_a_killed_run_is_gone_although_a_worker_that_it_has_forked_lives_on(run):
    run_lock.release(run)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "start_new_session": True}
    with subprocess.Popen([sys.executable, "-c", HOLDS, str(run)], cwd=ROOT, **pipes) as holder:
        assert holder.stdout.readline() == b"taken\n"
        (worker,) = psutil.Process(holder.pid).children()
        assert run_lock.process(run).pid == holder.pid
        noted(run, started=1.0)  # so that the lock alone tells
        assert run_lock.is_alive(run)
        with pytest.raises(InputError, match=f"which process {holder.pid} is running"):
            run_lock.acquire(run)
        holder.kill()
        holder.wait()
        assert worker.is_running()
        assert not run_lock.is_alive(run)
        run_lock.acquire(run)
        worker.kill()


def test_what_another_container_of_this_machine_runs_is_taken_once_its_lock_is_free(run):
    noted(run, host="container", started=1.0)
    if "boot" not in json.loads((run / run_lock.PID).read_text()):
        pytest.skip("the system has no name for a boot")
    assert run_lock.process(run) is None
    assert run_lock.is_alive(run)
    assert run_lock.other_host(run) == "container"
    run_lock.hand_over(run, os.getpid())
    noted(run, host="container", started=1.0)
    assert run_lock.other_host(run) is None
    assert not run_lock.is_taken(run)
    run_lock.acquire(run)
    assert run_lock.process(run) == psutil.Process()


def test_what_an_earlier_thaw_runs_without_a_lock_counts_while_its_process_lives(run):
    run_lock.hand_over(run, os.getpid())
    own = psutil.Process()
    before = {"pid": own.pid, "started": own.create_time(), "ticks": 1}
    (run / run_lock.PID).write_text(json.dumps(before))
    assert run_lock.is_alive(run)
    with pytest.raises(InputError, match="which process"):
        run_lock.acquire(run)
    noted(run, started=1.0)
    assert not run_lock.is_alive(run)


def test_a_process_of_this_machine_is_here_whatever_the_machine_was_called(run):
    run_lock.hand_over(run, os.getpid())
    noted(run, host="as-it-was-called-at-home", locks=False)
    assert run_lock.other_host(run) is None
    assert run_lock.process(run) == psutil.Process()


@pytest.mark.parametrize("host", [None, "", "a b", 7])
def test_a_host_that_makes_no_sense_is_no_other_machine(run_elsewhere, host):
    noted(run_elsewhere, host=host)
    assert run_lock.other_host(run_elsewhere) is None


def test_to_ask_whether_a_run_lives_changes_nothing_in_its_folder(run):
    run_lock.hand_over(run, os.getpid())
    for lock in (run / run_lock.LOCK, run):
        before = {path.name: path.stat().st_mtime_ns for path in run.iterdir()}
        lock.chmod(0o500)
        assert run_lock.is_alive(run)
        assert before == {path.name: path.stat().st_mtime_ns for path in run.iterdir()}
        lock.chmod(0o700)
        (run / run_lock.LOCK).unlink(missing_ok=True)


@pytest.mark.skipif(os.name != "posix", reason="other systems lock otherwise")
@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_disk_without_locks_is_told_in_words(run, monkeypatch, number):
    run_lock.release(run)

    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.raises(RunError, match=r"is on a disk without file locks .*: move it"):
        run_lock.acquire(run)
    assert not run_lock.is_alive(run)
