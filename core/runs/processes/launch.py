"""Runs in processes of their own: prepare, start, resume, stop, force to stop.

A run outlives the process that has launched it; nothing else that is started here does.
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
from typing import NoReturn

import psutil

from core.demo import cleanup, limits, queue
from core.errors import InputError, RunError
from core.files.home import CODE, HOME, data_root, home, is_demo
from core.runs import event_log
from core.runs import folder as folders
from core.runs.events import Failed
from core.runs.processes import run_lock
from core.runs.processes.exit_with_parent import helper_command, run_helper
from core.runs.processes.prewarmed_worker import PrewarmedWorker, WorkerSlot
from core.runs.processes.stopping import write_stopped
from core.runs.settings import RunSettings
from core.runs.status import is_end
from core.schedule.file_names import slug
from core.schedule.spec import Schedule

_BESIDE_A_PAGE = {"OMP_WAIT_POLICY": "PASSIVE"}
"""What a run's process gets unless the user has set it; it changes no number.

Threads that spin while they wait starve one another when a server and a browser want the same
cores (a step then took ten times as long; alone, sleeping costs up to two thirds more).
"""
_ON_A_SMALL_HOST = {"OMP_NUM_THREADS": "2", "MALLOC_ARENA_MAX": "2"}
"""The same in the hosted demo: a container sees all cores of its host, and has two."""
_DEMO_DEVICE = {"type": "cpu", "name": "CPU of the hosted demo"}
_GONE_WITHIN = 10.0
"""Seconds that a killed process may take to be gone."""
_NICE = 10
"""The nice value of a demo's run: it gets a tenth of a core that others want all of."""
_SLOT = WorkerSlot()
"""This process's prewarmed worker, if it has one; see `prepare`."""


def root() -> Path:
    """Return where runs are kept: `runs` in Thaw's `data_root`.

    Raises InputError if `THAW_HOME` names no folder that can be used.
    """
    return data_root() / "runs"


def prepare() -> None:
    """See that a prewarmed worker is there, so that the next run begins three seconds sooner.

    Nothing happens while a run of this process lives, nor in a demo (THAW_DEMO), where memory is
    short. The worker is let go when `prepare` was not called for a minute.
    """
    if not is_demo():
        _SLOT.ensure(
            lambda: PrewarmedWorker(_command("prewarm"), CODE, _environment(), _replace_lost)
        )


def start(schedule: Schedule, settings: RunSettings, root: Path) -> str:
    """Start a run in a new folder below `root`, and return its id, the folder's name.

    Raises InputError if nothing can be written there, SettingsError if `--data` is no path; in a
    demo, InputError also for what is more than it allows, and while another run is on.
    """
    settings = settings.with_absolute_data()
    limits.refuse(schedule, settings)
    with queue.one_run(root) if is_demo() else nullcontext():
        cleanup.renew(settings.data)
        folder = new_folder(root, schedule.name, datetime.now())
        folders.create(folder, schedule, settings)
        _spawn(folder)
    return folder.name


def new_folder(root: Path, name: str, moment: datetime) -> Path:
    """Make and return an empty folder for a run, as in `20250131-180005-gradual-unfreezing`.

    Names sort by time; where one is taken, a number follows, and in a demo what nobody can guess.
    InputError if it cannot be made.
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
    """Go on with a run that was stopped, failed or was interrupted, in a new process.

    Raises InputError if a living process or another machine runs it, it is no run folder, or this
    is a demo.
    """
    if is_demo():
        raise InputError("run", "cannot be resumed in the hosted demo", "start a new one")
    folders.read(folder)
    if folders.status(folder) in ("stopped", "failed", "finished"):
        _wait_for_exit(folder)
    run_lock.acquire(folder)
    _spawn(folder)


def stop(folder: Path) -> None:
    """Ask a run to stop after the batch it is in."""
    run_lock.request_stop(folder)


def force_stop(folder: Path) -> None:
    """Kill a run's process and all that it started; the run can be resumed.

    Nothing happens if it is gone already, and one that has told its end keeps that. Raises
    InputError if another machine runs it, RunError if it is still there after 10 s.
    """
    run_lock.refuse_elsewhere(folder, "run", folder.name)
    owner = run_lock.process(folder)
    if owner is None and run_lock.is_alive(folder):  # the clock was set since it has begun
        pid = run_lock.noted_pid(folder)
        raise RunError(f"process {pid} cannot be found: end it by hand")
    if owner is None or owner.pid == os.getpid():
        return
    run_lock.request_stop(folder)  # else a worker that has not begun would be replaced
    with suppress(psutil.NoSuchProcess):
        family = [*owner.children(recursive=True), owner]
        for member in family:
            with suppress(psutil.Error):  # it is gone, or someone else's
                member.kill()
        _, left = psutil.wait_procs(family, timeout=_GONE_WITHIN)
        if left and run_lock.is_alive(folder):
            raise RunError(f"process {owner.pid} could not be killed: end it by hand")
    if not is_end(event_log.last(folder)):
        write_stopped(folder)


def device() -> Mapping[str, str]:
    """Return the device that a run takes here: its `type` (cpu, cuda, mps) and a `name` for people.

    The prewarmed worker finds it, or another process, since the pages do not import torch; asked
    once.
    A demo runs on the CPU, and has no memory for asking.
    """
    return _DEMO_DEVICE if is_demo() else _found_device()


@cache
def _found_device() -> Mapping[str, str]:
    worker = _SLOT.peek()
    if worker is not None:
        with suppress(RunError):
            return worker.device.result()
    ran = run_helper(helper_command("device"))
    if ran.returncode != 0:
        raise RunError(f"the device cannot be found: {ran.stderr.strip()[-300:]}")
    found: dict[str, str] = json.loads(ran.stdout)
    return found


def _spawn(folder: Path) -> None:
    """Run a folder that is taken in the prewarmed worker, or in a new process."""
    _SLOT.add_run(folder)
    worker = _SLOT.take()
    if worker is not None:
        # what libraries read from the environment when they are loaded is read already
        if worker.environment == _environment() and worker.assign(folder):
            return
        worker.end_unused()
    _spawn_anew(folder)


def _spawn_anew(folder: Path) -> None:
    """Run a folder that is taken in a new process."""
    flags = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
    process: subprocess.Popen[bytes] | None = None
    try:
        with (folder / folders.LOG).open("ab") as log:
            process = subprocess.Popen(
                _command("resume", str(folder.absolute())),
                cwd=CODE,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                creationflags=flags,
            )
        _give_way(process.pid)
        run_lock.hand_over(folder, process.pid)
    except (OSError, psutil.Error) as error:
        _give_up(folder, process, error)
    # without someone who waits for it, an ended child stays a zombie as long as the server lives
    threading.Thread(target=process.wait, name=f"wait for {folder.name}", daemon=True).start()


def _give_up(folder: Path, process: subprocess.Popen[bytes] | None, error: Exception) -> NoReturn:
    """Tell that a launch failed, and let go of the folder: else it would be this process's own."""
    if process is not None:  # which nobody would find
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


def _give_way(pid: int) -> None:
    """In a demo, let a run that begins give way to what else wants the cores; threads inherit it.

    Linux weighs a process against the others of its session only, and whole sessions against each
    other, if it groups them (sched(7), autogroup): so both are told.
    """
    if sys.platform == "linux" and is_demo():
        with suppress(OSError):  # it is gone, or the host forbids it
            os.setpriority(os.PRIO_PROCESS, pid, _NICE)
        with suppress(OSError):  # a kernel that does not group, or was asked a moment ago
            Path(f"/proc/{pid}/autogroup").write_text(str(_NICE), encoding="ascii")


def _replace_lost(folder: Path) -> None:
    """Run the folder of a worker that came to its end too soon in a new process."""
    with suppress(RunError):  # the folder tells it
        _spawn_anew(folder)


def _command(*words: str) -> list[str]:
    return [sys.executable, "-m", "core", *words]


def _environment() -> dict[str, str]:
    """Return the environment of a run's process; variables that the user has set are kept."""
    beside_a_page = _BESIDE_A_PAGE if sys.platform == "linux" else {}
    small = _ON_A_SMALL_HOST if is_demo() else {}
    ours = {HOME: str(home()), "PYTHONUNBUFFERED": "1"}
    return {**beside_a_page, **small, **os.environ, **ours}


def _wait_for_exit(folder: Path) -> None:
    """Wait until a run that has written its end has let go of its folder."""
    end = time.monotonic() + _GONE_WITHIN
    while run_lock.is_alive(folder) and time.monotonic() < end:
        time.sleep(0.02)
