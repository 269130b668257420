from __future__ import annotations

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
from core.runs import event_log
from core.runs import events as ev
from core.runs import folder as folders
from core.runs.processes import claim

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"pid": "x"}', '{"pid": 1e400}', '{"pid": -4}']
)
def test_a_pid_file_that_makes_no_sense_means_that_nobody_runs_it(run, content):
    (run / "pid").write_text(content)
    assert claim.process(run) is None
    assert folders.status(run) == "interrupted"


def test_a_process_with_the_same_id_but_another_start_is_another_process(run):
    own = psutil.Process()
    claim.write_pid(run, own)
    assert claim.process(run) == own
    noted = {"pid": own.pid, "started": own.create_time() - 100}
    (run / "pid").write_text(json.dumps(noted))
    assert claim.process(run) is None


def test_a_zombie_is_not_alive(run):
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    owner = psutil.Process(child.pid)
    claim.write_pid(run, owner)
    assert claim.process(run) == owner
    child.stdin.close()
    end = time.monotonic() + 60.0
    while owner.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert claim.process(run) is None
    assert folders.status(run) == "interrupted"
    child.wait()


def test_a_folder_that_a_living_process_runs_cannot_be_claimed(run):
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    claim.write_pid(run, psutil.Process(child.pid))
    with pytest.raises(InputError, match=f"which process {child.pid} is running: stop that one"):
        claim.take(run)
    child.communicate()
    claim.take(run)
    assert claim.process(run) == psutil.Process()
    with pytest.raises(InputError, match="stop that one first"):
        claim.take(run)


def test_of_many_that_claim_a_folder_at_once_one_gets_it(run):
    claim.release(run)
    together = threading.Barrier(8)
    refused = []

    def take():
        together.wait(60.0)
        try:
            claim.take(run)
        except InputError as error:
            refused.append(error)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60.0)
    assert len(refused) == 7
    assert event_log.read(run) == (ev.Launched(), ev.Launched())


def test_of_two_processes_that_claim_a_folder_at_once_one_gets_it(run):
    claim.release(run)
    code = (
        "import sys; from pathlib import Path; from core.runs.processes import claim;"
        "print('ready', flush=True); input(); claim.take(Path(sys.argv[1]));"
        "print('claimed', flush=True); input()"
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
    assert sorted(told) == ["", "claimed\n"]


def test_a_claim_withdraws_an_old_stop_and_a_take_over_keeps_a_new_one(run):
    claim.request_stop(run)
    assert claim.take_over(run)
    assert claim.stop_requested(run)
    claim.release(run)
    assert not claim.take_over(run)
    claim.take(run)
    assert not claim.stop_requested(run)


def test_a_stop_is_asked_for_and_withdrawn(run):
    claim.request_stop(run)
    assert claim.stop_requested(run)
    assert folders.status(run) == "stopping"
    claim.withdraw_stop(run)
    claim.withdraw_stop(run)
    assert folders.status(run) == "starting"


def test_a_run_without_a_process_is_not_asked_to_stop(run):
    (run / "pid").unlink()
    claim.request_stop(run)
    assert not claim.stop_requested(run)


def test_a_claim_clears_what_a_killed_write_has_left(run):
    claim.release(run)
    (run / ".summary.json.77").write_bytes(b"half")
    claim.take(run)
    assert not (run / ".summary.json.77").exists()


@pytest.mark.skipif(os.name != "posix", reason="there are no pipes, and links need a right")
@pytest.mark.parametrize("claims", [claim.take, claim.take_over])
@pytest.mark.parametrize(
    "name",
    [
        claim.LOCK,
        claim.PID,
        claim.STOP,
        event_log.EVENTS,
        event_log.ROOM,
        folders.LOG,
        folders.SUMMARY,
        folders.WEIGHTS,
        folders.PREDICTIONS,
        folders.NAN_REPORT,
        folders.CHECKPOINTS,
        f"{folders.CHECKPOINTS}/.epoch-00001.pt.7",
    ],
)
@pytest.mark.parametrize("kind", ["link", "broken link", "pipe"])
def test_a_folder_is_not_claimed_if_what_is_written_there_would_go_elsewhere(
    run, tmp_path, name, kind, claims
):
    claim.release(run)
    (run / folders.CHECKPOINTS).mkdir()
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
        claims(run)
    assert ": a run writes only its own files, so " in str(told.value)
    assert not mine.exists() or mine.read_text() == "all that I have"
    assert mine.exists() == (kind == "link")


def test_a_run_that_its_launcher_has_noted_needs_no_room_to_take_it_over(run, monkeypatch):
    claim.write_pid(run, psutil.Process())
    monkeypatch.setattr(claim, "replace", lambda *_: pytest.fail("it is noted already"))
    assert claim.take_over(run)


def test_a_run_is_noted_in_the_room_that_is_kept_where_the_disk_is_full(run, monkeypatch):
    replace = claim.replace

    def full(path, content):
        if (run / event_log.ROOM).exists():
            raise OSError(28, "No space left on device")
        replace(path, content)

    monkeypatch.setattr(claim, "replace", full)
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    claim.write_pid(run, psutil.Process(child.pid))
    assert claim.process(run).pid == child.pid
    child.communicate()


def test_a_take_over_that_the_disk_refuses_says_so(run, monkeypatch):
    claim.write_pid(
        run, psutil.Process(os.getppid())
    )  # as a child finds it, with its launcher's claim

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(claim, "replace", full)
    with pytest.raises(
        RunError, match=r"cannot be written \(No space left on device\): free some space"
    ):
        claim.take_over(run)


def test_what_another_machine_runs_is_neither_claimed_nor_called_interrupted(run_elsewhere):
    noted = (run_elsewhere / claim.PID).read_bytes()
    assert folders.status(run_elsewhere) == "starting"
    told = (
        f"DIR is '{run_elsewhere}', which runs on node7, another machine or container: stop it "
        f"there; if that machine is gone, delete {run_elsewhere / claim.PID} and try again"
    )
    with pytest.raises(InputError) as caught:
        claim.take(run_elsewhere)
    assert str(caught.value) == told
    assert not claim.take_over(run_elsewhere)
    claim.release(run_elsewhere)
    assert (run_elsewhere / claim.PID).read_bytes() == noted
    assert event_log.read(run_elsewhere) == (ev.Launched(),)


def test_a_run_of_another_machine_is_asked_to_stop_through_its_folder(run_elsewhere):
    claim.request_stop(run_elsewhere)
    assert claim.stop_requested(run_elsewhere)
    assert folders.status(run_elsewhere) == "stopping"


def test_what_another_machine_has_noted_is_taken_once_that_is_deleted(run_elsewhere):
    (run_elsewhere / claim.PID).unlink()
    assert folders.status(run_elsewhere) == "interrupted"
    claim.take(run_elsewhere)
    assert claim.process(run_elsewhere) == psutil.Process()


@pytest.mark.parametrize("end", [ev.Stopped(2), ev.Failed("why")])
def test_what_has_told_its_end_is_taken_wherever_it_ran(run_elsewhere, end):
    event_log.append(run_elsewhere, end)
    assert claim.elsewhere(run_elsewhere) is None
    claim.take(run_elsewhere)
    assert claim.process(run_elsewhere) == psutil.Process()
