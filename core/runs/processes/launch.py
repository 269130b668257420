"""Runs in processes of their own: they are started, resumed, stopped, and killed here.

A run outlives the process that has launched it; no other process that is started here does.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from datetime import datetime
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, NoReturn

import psutil

from core.demo import cleanup, limits, queue
from core.errors import InputError, RunError
from core.files.home import CODE, HOME, data_root, home, is_demo
from core.runs import cpu, event_log, run_folder
from core.runs.events import Failed
from core.runs.processes import run_lock, torchrun
from core.runs.processes.exit_with_parent import helper_command, run_helper
from core.runs.processes.prewarmed_worker import PrewarmedWorker, WorkerSlot
from core.runs.processes.stopping import write_end
from core.runs.settings import RunSettings
from core.runs.status import is_end
from core.schedule.file_names import slug
from core.schedule.spec import Schedule

_ENVIRONMENT = {"OMP_WAIT_POLICY": "PASSIVE"}
"""Variables of a run's process on Linux, unless the user has set them; they change no number.

Threads that spin while they wait starve one another if a server and a browser use the same cores:
a step then took ten times as long. Without those, waiting passively takes up to two thirds more.
"""
_DEMO_ENVIRONMENT = {"OMP_NUM_THREADS": "2", "MALLOC_ARENA_MAX": "2"}
"""More such variables for the hosted demo, whose container has two of the host's many cores."""
_DEMO_DEVICE = {"type": "cpu", "name": "CPU of the hosted demo", "count": 1}
_EXIT_SECONDS = 10.0
"""Seconds to wait for the exit of a process."""
_NICE = 10
"""The nice value of a run in the demo: it gets a tenth of a core that others use fully."""
_SLOT = WorkerSlot()
"""This process's prewarmed worker, if it has one; see `prewarm`."""


def runs_folder() -> Path:
    """Return the folder of all runs: `runs` in Thaw's `data_root`.

    Raises InputError, naming THAW_HOME, if the path begins with the home folder of an unknown user.
    """
    return data_root() / "runs"


def prewarm() -> None:
    """Start a prewarmed worker unless there is one, so that the next run begins 3 s sooner.

    Nothing happens while a run of this process is in progress, nor in the demo, where memory is
    short. The worker is ended if `prewarm` is not called again within a minute.
    """
    if not is_demo():
        _SLOT.ensure(
            lambda: PrewarmedWorker(_command("prewarm"), CODE, _environment(), _replace_lost)
        )


def start(schedule: Schedule, settings: RunSettings, root: Path) -> str:
    """Start a run in a new folder below `root`, and return its id, the folder's name.

    Raises InputError if nothing can be written there, SettingsError if `--data` is no path; in the
    demo, InputError also for what is beyond its limits, and while another run is in progress.
    """
    settings = settings.with_absolute_data()
    limits.refuse(schedule, settings)
    with queue.one_run(root) if is_demo() else nullcontext():
        cleanup.renew(settings.data)
        folder = new_folder(root, schedule.name, datetime.now())
        run_folder.create(folder, schedule, settings)
        _spawn(folder, settings.processes)
    return folder.name


def new_folder(root: Path, name: str, moment: datetime) -> Path:
    """Create and return an empty folder for a run, as in `20250131-180005-gradual-unfreezing`.

    Names sort by time, and end with a number if several would be equal. In the demo they include a
    token that nobody can guess. Raises InputError if the folder cannot be created.
    """
    base = f"{moment:%Y%m%d-%H%M%S}-{slug(name, 'run')}"
    if is_demo():
        base += f"-{secrets.token_hex(16)}"
    for number in count(1):
        folder = root / (base if number == 1 else f"{base}-{number}")
        try:
            root.mkdir(parents=True, exist_ok=True)
            folder.mkdir()
        except OSError as error:
            if root.is_dir() and folder.exists():
                continue
            wrong = f"is {str(root)!r}, where nothing can be written ({error.strerror})"
            raise InputError(HOME, wrong, "set it to a folder that you may write to") from None
        return folder
    raise AssertionError  # count() has no end


def resume(folder: Path) -> None:
    """Resume a run that was stopped, has failed or was interrupted, in a new process.

    Raises InputError if a living process or another machine runs it, if the folder is no run
    folder, and in the demo.
    """
    if is_demo():
        raise InputError("run", "cannot be resumed in the hosted demo", "start a new one")
    _, settings = run_folder.read(folder)
    if run_folder.status(folder) in ("stopped", "failed", "finished"):
        _wait_for_exit(folder)
    run_lock.acquire(folder)
    _spawn(folder, settings.processes)


def stop(folder: Path) -> None:
    """Request a run to stop after its present batch."""
    run_lock.request_stop(folder)


def force_stop(folder: Path) -> None:
    """Kill a run's process and all that it has started; the run can be resumed.

    Nothing happens if there is no such process, and a run that has written its end keeps it. Raises
    InputError if another machine runs it, RunError if the process still lives after 10 s.
    """
    run_lock.refuse_elsewhere(folder, "run", folder.name)
    owner = run_lock.process(folder)
    if owner is None and run_lock.is_alive(
        folder
    ):  # the clock was set since it began, or it is in a container
        pid = run_lock.noted_pid(folder)
        raise RunError(f"process {pid} cannot be found: end it by hand")
    if owner is None or owner.pid == os.getpid():
        return
    run_lock.request_stop(folder)  # else a worker that has not begun its run would be replaced
    with suppress(psutil.NoSuchProcess):
        family = [*owner.children(recursive=True), owner]
        for member in family:
            with suppress(psutil.Error):  # it is gone, or someone else's
                member.kill()
        _, left = psutil.wait_procs(family, timeout=_EXIT_SECONDS)
        if left and run_lock.is_alive(folder):
            raise RunError(f"process {owner.pid} could not be killed: end it by hand")
    if not is_end(event_log.last(folder)):
        write_end(folder)


def device() -> Mapping[str, Any]:
    """Return the device of runs here: its `type` (cpu, cuda, mps), its `name`, and their `count`.

    It is found once, by the prewarmed worker or another process, since pages do not import torch.
    In the demo it is always the CPU.
    """
    return _DEMO_DEVICE if is_demo() else _find_device()


@cache
def _find_device() -> Mapping[str, Any]:
    worker = _SLOT.peek()
    if worker is not None:
        with suppress(RunError):
            return worker.device.result()
    ran = run_helper(helper_command("device"))
    if ran.returncode != 0:
        raise RunError(f"the device cannot be found: {ran.stderr.strip()[-300:]}")
    device: dict[str, Any] = json.loads(ran.stdout)
    return device


def _spawn(folder: Path, processes: int) -> None:
    """Run a folder that this process has locked, in the prewarmed worker or in new processes."""
    _SLOT.add_run(folder)
    worker = _SLOT.take() if processes == 1 else None
    if worker is not None:
        # its libraries have already read their variables of the environment
        if worker.environment == _environment() and worker.assign(folder):
            return
        worker.end_unused()
    _spawn_process(folder, processes)


def _spawn_process(folder: Path, processes: int = 1) -> None:
    """Run a folder that this process has locked in a new process, or in several."""
    flags = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
    process: subprocess.Popen[bytes] | None = None
    words = ("-m", "core", "resume", str(folder.absolute()))
    try:
        with (folder / run_folder.LOG).open("ab") as log:
            process = subprocess.Popen(
                torchrun.command(processes, *words),
                cwd=CODE,
                env=_environment(processes),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                creationflags=flags,
            )
        _lower_priority(process.pid)
        run_lock.hand_over(folder, process.pid)
    except (OSError, psutil.Error) as error:
        _fail(folder, process, error)
    # a child that has ended stays a zombie until somebody waits for it
    threading.Thread(target=process.wait, name=f"wait for {folder.name}", daemon=True).start()


def _fail(folder: Path, process: subprocess.Popen[bytes] | None, error: Exception) -> NoReturn:
    """Write that a launch has failed, release the folder, and raise RunError."""
    if process is not None:  # which is not noted, so nobody would find it
        process.kill()
        process.wait()
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    reason = getattr(error, "strerror", None) or str(error)
    way_out = "free some space" if full else "fix that"
    message = f"no process could be started ({reason}): {way_out}, then resume the run"
    with suppress(RunError):
        event_log.append_last(folder, Failed(message))
    run_lock.release(folder)
    raise RunError(message) from error


def _lower_priority(pid: int) -> None:
    """In the demo, lower the priority of a run's process, before it starts threads that inherit it.

    If Linux groups processes (sched(7), autogroup), a nice value counts only within a session, so
    that of the whole session is set too.
    """
    if sys.platform == "linux" and is_demo():
        with suppress(OSError):  # it is gone, or the host forbids it
            os.setpriority(os.PRIO_PROCESS, pid, _NICE)
        with suppress(OSError):  # the kernel does not group, or refuses a second change at once
            Path(f"/proc/{pid}/autogroup").write_text(str(_NICE), encoding="ascii")


def _replace_lost(folder: Path) -> None:
    """Run the folder of a worker that has ended too soon in a new process."""
    with suppress(RunError):  # which is in the folder's events
        try:
            is_own = run_lock.take_back(folder)
        except OSError as error:
            _fail(folder, None, error)
        if is_own:
            _spawn_process(folder)


def _command(*words: str) -> list[str]:
    return [sys.executable, "-m", "core", *words]


def _environment(processes: int = 1) -> dict[str, str]:
    """Return the environment of a run's process; variables that the user has set are kept."""
    defaults = _ENVIRONMENT if sys.platform == "linux" else {}
    of_demo = _DEMO_ENVIRONMENT if is_demo() else {}
    fixed = {HOME: str(home()), "PYTHONUNBUFFERED": "1"}
    if processes > 1:  # else torchrun gives each of them one thread
        threads = max(1, cpu.cores() // processes)
        defaults = {**defaults, "OMP_NUM_THREADS": str(threads)}
    return {**defaults, **of_demo, **os.environ, **fixed}


def _wait_for_exit(folder: Path) -> None:
    """Wait until the process of a run that has written its end has released its folder."""
    end = time.monotonic() + _EXIT_SECONDS
    while run_lock.is_alive(folder) and time.monotonic() < end:
        time.sleep(0.02)
