from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import psutil
import pytest
from safetensors.torch import load_file

from core.demo import limits, queue
from core.errors import InputError, RunError, SettingsError
from core.runs import cpu, event_log, run_folder
from core.runs import events as ev
from core.runs.processes import launch, run_lock
from core.runs.status import history
from core.schedule import parse
from tests.training.small import small_schedule, small_settings

ROOT = Path(__file__).parents[3]
PATIENCE = 120.0
EPOCHS = 5

SERVER = """
import os, signal, sys
from pathlib import Path
from core.schedule.parse import parse
from core.runs.processes import launch, run_lock
from core.runs.settings import read_settings

root = Path(sys.argv[1])
launch.prewarm()
assert launch.device()["type"]
run = launch.start(
    parse((root / "schedule").read_bytes()), read_settings((root / "settings").read_bytes()), root
)
assert run_lock.process(root / run).cmdline()[-1] == "prewarm"
assert "torch" not in sys.modules
print(run, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
"""A server that has a prewarmed worker, starts a run and is killed at once."""


@pytest.fixture(autouse=True)
def calm_threads(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def nothing_left(tmp_path):
    yield
    for folder in run_folder.list_runs(tmp_path):
        launch.force_stop(folder)


def wait_for(folder, condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            pytest.fail(f"{run_folder.status(folder)}\n{(folder / 'log.txt').read_text()}")
        time.sleep(0.02)


def wait_for_status(folder, wanted):
    wait_for(folder, lambda: run_folder.status(folder) == wanted)


def checkpoints(folder):
    return list((folder / "checkpoints").glob("epoch-*.pt"))


def weights(folder):
    return load_file(folder / "model.safetensors")


def command_of(folder):
    process = run_lock.process(folder)
    wait_for(folder, process.cmdline)  # empty until the system has put the new program in place
    return process.cmdline()[-1]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    root = tmp_path_factory.mktemp("finished")
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    folder = root / launch.start(small_schedule(EPOCHS), small_settings(), root)
    assert run_folder.status(folder) == "starting"
    wait_for_status(folder, "finished")
    if before is None:
        del os.environ["OMP_NUM_THREADS"]
    else:
        os.environ["OMP_NUM_THREADS"] = before
    return folder


def test_a_launched_run_finishes_and_leaves_everything_in_its_folder(finished):
    wait_for(finished, lambda: run_folder.read_summary(finished) is not None)
    summary = run_folder.read_summary(finished)
    assert summary.status == "finished"
    assert summary.epochs_done == EPOCHS
    assert summary.audit.max_lr_error <= 1e-12
    assert summary.audit.frozen_groups_unchanged is True
    assert f"epoch   {EPOCHS - 1} done, {EPOCHS} of {EPOCHS}" in (finished / "log.txt").read_text()
    assert len(weights(finished)) == 296


def test_a_finished_runs_process_is_gone_although_its_launcher_lives(finished):
    wait_for(finished, lambda: not run_lock.is_alive(finished))
    assert run_folder.status(finished) == "finished"


def test_an_id_sorts_by_time_and_is_safe_in_a_path(finished):
    assert run_folder.find_run(finished.parent, finished.name) == finished
    assert finished.name[15:] == "-gradual-unfreezing"
    assert finished.name[:8].isdigit()


@pytest.mark.thorough
def test_a_killed_run_is_interrupted(tmp_path):
    folder = tmp_path / launch.start(small_schedule(400), small_settings(), tmp_path)
    wait_for(folder, lambda: checkpoints(folder))
    assert run_folder.status(folder) == "running"
    os.kill(run_lock.process(folder).pid, signal.SIGKILL)
    wait_for_status(folder, "interrupted")


@pytest.mark.thorough
def test_a_run_killed_once_it_has_a_checkpoint_resumes_to_the_same_bits(finished, tmp_path):
    folder = tmp_path / launch.start(small_schedule(EPOCHS), small_settings(), tmp_path)
    wait_for(folder, lambda: checkpoints(folder))
    owner = run_lock.process(folder)
    if owner is not None:  # else it was faster, and is resumed at its end
        with suppress(psutil.NoSuchProcess):
            owner.kill()
    wait_for(folder, lambda: not run_lock.is_alive(folder))
    launch.resume(folder)
    wait_for_status(folder, "finished")
    one, other = weights(folder), weights(finished)
    assert all(one[name].equal(other[name]) for name in other)
    kinds = (ev.Step, ev.Audit)
    for kind in kinds:
        told = [
            [e for e in history(event_log.read(f)) if isinstance(e, kind)]
            for f in (folder, finished)
        ]
        assert told[0] == told[1]


def lines_of_log(folder: Path) -> list[str]:
    """What each line is about; what the cache does is left out, since it depends on timings."""
    kinds = [line.split()[0] for line in (folder / "log.txt").read_text().splitlines()]
    return [kind for kind in kinds if kind != "cache"]


@pytest.mark.thorough
def test_a_run_in_a_prewarmed_worker_has_the_same_bits_and_outlives_its_server(finished, tmp_path):
    (tmp_path / "schedule").write_text(parse.dumps(small_schedule(EPOCHS)))
    (tmp_path / "settings").write_text(small_settings().model_dump_json())
    command = [sys.executable, "-c", SERVER, str(tmp_path)]
    server = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert server.returncode == -signal.SIGKILL, server.stderr
    folder = tmp_path / server.stdout.strip()
    wait_for_status(folder, "finished")
    one, other = weights(folder), weights(finished)
    assert one.keys() == other.keys()
    assert all(one[name].equal(other[name]) for name in other)
    steps = [[e for e in event_log.read(f) if isinstance(e, ev.Step)] for f in (folder, finished)]
    assert steps[0] == steps[1]
    wait_for(folder, lambda: not run_lock.is_alive(folder))
    assert lines_of_log(folder) == lines_of_log(finished)


def test_a_stop_while_the_prewarmed_worker_still_imports_is_not_lost(tmp_path):
    launch.prewarm()
    folder = tmp_path / launch.start(small_schedule(400), small_settings(), tmp_path)
    assert command_of(folder) == "prewarm"
    launch.stop(folder)
    assert run_folder.status(folder) in ("stopping", "stopped")
    wait_for_status(folder, "stopped")
    assert not any(isinstance(event, ev.EpochDone) for event in event_log.read(folder))
    wait_for(folder, lambda: not run_lock.is_alive(folder))


def test_a_prewarmed_worker_that_is_forced_to_stop_in_its_imports_is_not_replaced(tmp_path):
    launch.prewarm()
    folder = tmp_path / launch.start(small_schedule(400), small_settings(), tmp_path)
    for _ in range(2):
        assert command_of(folder) == "prewarm"
        launch.force_stop(folder)
        for thread in threading.enumerate():
            if thread.name == "prewarmed worker":
                thread.join(PATIENCE)
        assert not run_lock.is_alive(folder)
        assert run_folder.status(folder) == "stopped"
        launch.prewarm()
        launch.resume(folder)
    launch.force_stop(folder)


def test_a_prewarmed_worker_of_another_environment_is_not_used(tmp_path, monkeypatch):
    launch.prewarm()
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    folder = tmp_path / launch.start(small_schedule(400), small_settings(), tmp_path)
    assert command_of(folder) == str(folder)
    launch.force_stop(folder)


def test_processes_share_the_cores_that_the_server_may_use(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setattr(cpu, "cores", lambda: 7)
    threads = [launch._environment(count).get("OMP_NUM_THREADS") for count in (1, 2, 8)]
    assert threads == [None, "3", "1"]


def test_a_demo_has_no_prewarmed_worker(monkeypatch):
    monkeypatch.setenv("THAW_DEMO", "1")
    before = psutil.Process().children()
    launch.prewarm()
    assert psutil.Process().children() == before


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_a_demos_run_gives_way_to_its_pages(tmp_path, monkeypatch):
    monkeypatch.setenv("THAW_DEMO", "1")
    folder = tmp_path / launch.start(limits.first_schedule(), limits.first_settings(), tmp_path)
    run = run_lock.process(folder)
    assert run.nice() >= 10
    with suppress(FileNotFoundError):  # a kernel that does not group sessions
        assert Path(f"/proc/{run.pid}/autogroup").read_text().endswith("nice 10\n")


@pytest.mark.thorough
def test_a_stop_ends_the_run_softly_and_a_resume_takes_it_back(tmp_path):
    folder = tmp_path / launch.start(small_schedule(400), small_settings(), tmp_path)
    wait_for(folder, lambda: checkpoints(folder))
    launch.stop(folder)
    wait_for_status(folder, "stopped")
    wait_for(folder, lambda: run_folder.read_summary(folder) is not None)
    assert run_folder.read_summary(folder).status == "stopped"
    launch.resume(folder)
    wait_for_status(folder, "running")
    with pytest.raises(InputError, match="is running: stop that one first"):
        launch.resume(folder)
    launch.force_stop(folder)
    assert not run_lock.is_alive(folder)
    assert run_folder.status(folder) == "stopped"
    newest = max(path.name for path in checkpoints(folder))
    assert event_log.read(folder)[-1] == ev.Stopped(int(newest[6:11]))
    launch.force_stop(folder)  # nothing is left to stop


def test_a_run_of_another_machine_is_neither_killed_nor_resumed(run_elsewhere):
    told = "^(DIR|run) is '.*run', which runs on node7, another machine or container: stop it there"
    with pytest.raises(InputError, match=told):
        launch.force_stop(run_elsewhere)
    with pytest.raises(InputError, match=told):
        launch.resume(run_elsewhere)
    assert run_folder.status(run_elsewhere) == "starting"
    (run_elsewhere / run_lock.PID).unlink()


def test_a_stop_right_after_the_start_is_not_lost(tmp_path):
    folder = tmp_path / launch.start(small_schedule(400), small_settings(), tmp_path)
    launch.stop(folder)
    wait_for_status(folder, "stopped")
    assert not any(isinstance(event, ev.EpochDone) for event in event_log.read(folder))


def test_a_run_that_cannot_be_started_is_free_for_a_resume(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.executable", str(tmp_path / "none"))
    with pytest.raises(RunError, match="no process could be started"):
        launch.start(small_schedule(), small_settings(), tmp_path)
    (folder,) = run_folder.list_runs(tmp_path)
    assert run_folder.status(folder) == "failed"
    assert not run_lock.is_alive(folder)


def test_a_start_that_fails_frees_its_folder_also_where_nothing_can_be_told(tmp_path, monkeypatch):
    append = event_log.append

    def refuse(folder, event):
        if isinstance(event, ev.Failed):
            raise RunError("the disk is full")
        append(folder, event)

    monkeypatch.setattr(event_log, "append", refuse)
    monkeypatch.setattr("sys.executable", str(tmp_path / "none"))
    with pytest.raises(RunError, match="no process could be started"):
        launch.start(small_schedule(), small_settings(), tmp_path)
    (folder,) = run_folder.list_runs(tmp_path)
    assert not run_lock.is_alive(folder)


def test_a_run_that_cannot_be_noted_is_ended_and_its_folder_is_free(tmp_path, monkeypatch):
    replace = run_lock.write_atomically

    def full(path, content):
        if json.loads(content)["pid"] != os.getpid():
            raise OSError(28, "No space left on device")
        replace(path, content)

    monkeypatch.setattr(run_lock, "write_atomically", full)
    before = set(psutil.Process().children())
    with pytest.raises(RunError, match=r"no process could be started \(No space left"):
        launch.start(small_schedule(), small_settings(), tmp_path)
    assert set(psutil.Process().children()) <= before
    (folder,) = run_folder.list_runs(tmp_path)
    assert run_folder.status(folder) == "failed"
    assert not run_lock.is_alive(folder)
    assert not queue.busy(tmp_path)


def test_a_process_that_may_not_be_killed_is_told_in_words(tmp_path, monkeypatch):
    folder = tmp_path / "run"
    run_folder.create(folder, small_schedule(), small_settings())

    def refuse(process):
        raise psutil.AccessDenied(process.pid)

    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        run_lock.hand_over(folder, process.pid)
        with monkeypatch.context() as others:
            others.setattr(psutil.Process, "kill", refuse)
            others.setattr(launch, "_EXIT_SECONDS", 0.1)
            with pytest.raises(RunError, match="could not be killed: end it by hand"):
                launch.force_stop(folder)


@pytest.mark.parametrize(
    ("told", "then"),
    [
        (ev.Finished(1.0), "finished"),
        (ev.Failed("the disk is full"), "failed"),
        (ev.Launched(), "stopped"),
    ],
)
def test_a_run_that_has_told_its_end_keeps_it_when_its_process_is_killed(tmp_path, told, then):
    folder = tmp_path / "run"
    run_folder.create(folder, small_schedule(), small_settings())
    event_log.append(folder, told)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
        run_lock.hand_over(folder, process.pid)
        launch.force_stop(folder)
    assert not run_lock.is_alive(folder)
    assert run_folder.status(folder) == then


def test_the_folder_of_a_lost_worker_is_run_by_one_process_alone(tmp_path, monkeypatch):
    folder, own = tmp_path / "run", []
    run_folder.create(folder, small_schedule(), small_settings())
    monkeypatch.setattr(launch, "_spawn_process", lambda run: own.append(run_lock.is_own(run)))
    with subprocess.Popen([sys.executable, "-c", ""]) as worker:
        run_lock.hand_over(folder, worker.pid)
    launch._replace_lost(folder)
    assert own == [True]
    launch._replace_lost(folder)  # which this process runs by now
    assert own == [True]
    run_lock.release(folder)


def test_a_process_that_only_has_the_noted_id_is_not_killed(tmp_path):
    folder = tmp_path / "run"
    run_folder.create(folder, small_schedule(), small_settings())
    run_lock.hand_over(folder, os.getppid())
    (folder / "pid").write_text(f'{{"pid": {os.getppid()}, "started": 1.0}}')
    launch.force_stop(folder)
    assert event_log.read(folder) == (ev.Launched(),)


def test_two_runs_of_one_moment_get_two_folders(tmp_path):
    moment = datetime(2025, 1, 31, 18, 0, 5)
    names = [launch.new_folder(tmp_path / "runs", "A b/../ç!", moment).name for _ in range(3)]
    assert names == [f"20250131-180005-a-b{suffix}" for suffix in ("", "-2", "-3")]
    assert launch.new_folder(tmp_path, "日本", moment).name == "20250131-180005-run"


def test_runs_are_kept_below_thaw_home(monkeypatch, tmp_path):
    monkeypatch.setenv("THAW_HOME", str(tmp_path))
    assert launch.runs_folder() == tmp_path / "runs"
    monkeypatch.delenv("THAW_HOME")
    assert launch.runs_folder().parts[-2:] == (".thaw", "runs")
    monkeypatch.setenv("THAW_HOME", "~nosuchuser/x")
    with pytest.raises(InputError, match=r"^THAW_HOME is '~nosuchuser/x', but there is no such"):
        launch.runs_folder()


def test_nothing_is_made_for_data_below_a_home_that_there_is_not(tmp_path):
    with pytest.raises(SettingsError, match=r"^--data is "):
        launch.start(small_schedule(), small_settings(data="~nosuchuser/x"), tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_a_root_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"^THAW_HOME is "):
        launch.start(small_schedule(), small_settings(), tmp_path / "file")


def test_the_device_is_found_without_importing_torch_here():
    found = launch.device()
    assert found["type"] in ("cpu", "cuda", "mps", "xpu")
    assert found["name"]
