"""The run folder: the only truth about a run, written by its process and read by everyone else.

schedule.json  settings.json    what is run
events.jsonl                    what happened, a line each, only ever appended
pid  lock                       the process that runs it, with its start time; see claim
STOP                            there while the run is asked to stop
checkpoints/                    see core.training.checkpoint
model.safetensors summary.json  how it ended
predictions.json                what the last evaluation said of each image, see predictions.py
log.txt                         what a launched process printed, and any error in Thaw itself
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from pydantic import ValidationError

from core.design.parse import dumps, parse
from core.design.spec import Schedule
from core.errors import InputError, RunError
from core.runs import events as ev
from core.runs import outcome
from core.runs.lock import alone
from core.runs.outcome import Status
from core.runs.settings import RunSettings, read_settings

SCHEDULE = "schedule.json"
SETTINGS = "settings.json"
EVENTS = "events.jsonl"
PID = "pid"
LOCK = "lock"
STOP = "STOP"
SUMMARY = "summary.json"
LOG = "log.txt"
CHECKPOINTS = "checkpoints"
WEIGHTS = "model.safetensors"
PREDICTIONS = "predictions.json"

_SAME_START = 1.0
"""Seconds that two readings of one process's start time may differ by."""
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


def create(folder: Path, schedule: Schedule, settings: RunSettings) -> None:
    """Make a run folder and claim it for this process.

    Raises InputError, naming `--out`, if there is something at that path that is no empty folder,
    or nothing can be written there; SettingsError if `--data` is no path.
    """
    settings = settings.with_absolute_data()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            is_run = (folder / SCHEDULE).exists()
            way_out = (
                f"go on with: python -m core resume {folder}, or" if is_run else "empty it, or"
            )
            held = "holds a run" if is_run else "is not empty"
            raise InputError(
                "--out", f"is {str(folder)!r}, which {held}", f"{way_out} name another"
            )
        _claim(folder)
        (folder / SETTINGS).write_text(settings.model_dump_json(indent=2) + "\n", encoding="utf-8")
        (folder / SCHEDULE).write_text(dumps(schedule), encoding="utf-8")
    except (FileExistsError, NotADirectoryError):
        wrong = f"is {str(folder)!r}, which is no folder"
        raise InputError("--out", wrong, "name a folder that is new or empty") from None
    except (OSError, ValueError) as error:
        raise _no_place(folder, error) from None


def discard(folder: Path) -> None:
    """Take away what `create` has made, and events; a folder with anything else in it stays."""
    for name in (SCHEDULE, SETTINGS, EVENTS, PID, LOCK, STOP, SUMMARY):
        with suppress(OSError):
            (folder / name).unlink()
    for empty in (folder / CHECKPOINTS, folder):
        with suppress(OSError):
            empty.rmdir()


def read(folder: Path) -> tuple[Schedule, RunSettings]:
    """What a run folder runs; InputError if it is none, or holds something that cannot be run."""
    try:
        schedule = (folder / SCHEDULE).read_bytes()
        settings = (folder / SETTINGS).read_bytes()
    except (OSError, ValueError):
        wrong = f"is {str(folder)!r}, which is no run folder"
        way_out = f"name one with {SCHEDULE} and {SETTINGS} in it, made by: python -m core run"
        raise InputError("DIR", wrong, way_out) from None
    return parse(schedule), read_settings(settings)


def append(folder: Path, event: ev.Event) -> None:
    """Add an event. A line that a killed process left torn is closed first."""
    line = ev.EVENT.dump_json(event) + b"\n"
    try:
        with (folder / EVENTS).open("a+b") as file:
            if file.tell() > 0:
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":
                    line = b"\n" + line
            file.write(line)
    except OSError as error:
        raise unwritable(folder / EVENTS, error) from error


def events(folder: Path) -> tuple[ev.Event, ...]:
    """All events so far, in order; lines that are torn or not understood are passed over."""
    return read_new(folder, 0)[0]


def read_new(folder: Path, offset: int) -> tuple[tuple[ev.Event, ...], int]:
    """The events behind byte `offset`, and the offset to read on from next time.

    A last line without its end is left for next time. A missing file has no events.
    """
    try:
        with (folder / EVENTS).open("rb") as file:
            file.seek(offset)
            content = file.read()
    except OSError:
        return (), offset
    whole = content[: content.rfind(b"\n") + 1]
    found = []
    for line in whole.splitlines():
        with suppress(ValidationError):
            found.append(ev.EVENT.validate_json(line))
    return tuple(found), offset + len(whole)


def history(folder: Path) -> tuple[ev.Event, ...]:
    """The events without what a resume has made void; see `core.runs.outcome`."""
    return outcome.history(events(folder))


def status(folder: Path) -> Status:
    """How a run stands, from its folder alone; see `core.runs.outcome`."""
    return status_from(folder, events(folder))


def status_from(folder: Path, events: Iterable[ev.Event]) -> Status:
    """How a run stands, given the events that were read from its folder just now."""
    alive = process(folder) is not None
    found = outcome.status(events, alive=alive, stop_asked=stop_requested(folder))
    if found != "interrupted":
        return found
    # a run's last act is to tell its end, which it may have done since the events were read
    return outcome.status(_last_event(folder), alive=False, stop_asked=False)


def claim(folder: Path) -> None:
    """Make this process the one that runs the folder, and note that a sitting begins.

    Of several at once, one gets it. A stop that an earlier sitting was asked for is withdrawn.
    Raises InputError if a living process runs it, this one included; RunError if nothing can be
    written there.
    """
    try:
        _claim(folder)
    except OSError as error:
        raise unwritable(folder, error) from error


def take_over(folder: Path) -> bool:
    """Whether this process was launched to run the folder; its launcher's claim is then its own.

    A stop that was asked for in between holds.
    """
    with suppress(OSError), alone(folder / LOCK):
        holder = process(folder)
        if holder is not None and holder.pid in (os.getpid(), os.getppid()):
            write_pid(folder, psutil.Process())
            return True
    return False


def release(folder: Path) -> None:
    """Give up the claim of this process: it writes nothing into the folder any more."""
    holder = process(folder)
    if holder is not None and holder.pid == os.getpid():
        (folder / PID).unlink(missing_ok=True)


def write_pid(folder: Path, owner: psutil.Process) -> None:
    """Note which process runs the folder: its id, and its start time, since ids come again."""
    content = json.dumps({"pid": owner.pid, "started": owner.create_time()})
    _replace(folder / PID, content)


def process(folder: Path) -> psutil.Process | None:
    """The living process that runs the folder, or None. A zombie is not alive."""
    try:
        noted = json.loads((folder / PID).read_bytes())
        owner = psutil.Process(int(noted["pid"]))
        if abs(owner.create_time() - float(noted["started"])) > _SAME_START:
            return None
        return None if owner.status() == psutil.STATUS_ZOMBIE else owner
    except (OSError, ValueError, TypeError, KeyError, OverflowError, psutil.Error):
        return None


def request_stop(folder: Path) -> None:
    """Ask the run to stop after the batch it is in; without a living process, nothing happens."""
    if process(folder) is not None:
        with suppress(OSError):
            (folder / STOP).touch()


def withdraw_stop(folder: Path) -> None:
    """Take back what `request_stop` has asked."""
    (folder / STOP).unlink(missing_ok=True)


def stop_requested(folder: Path) -> bool:
    """Whether the run is asked to stop."""
    return (folder / STOP).exists()


def summary(folder: Path) -> dict[str, Any] | None:
    """What `write_summary` has written, or None if it is missing or unreadable."""
    try:
        found = json.loads((folder / SUMMARY).read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def write_summary(folder: Path, schedule: Schedule) -> dict[str, Any]:
    """Write and return how the run ended; see `core.runs.outcome`."""
    content = outcome.summarise(schedule, events(folder))
    with suppress(OSError):  # the events hold all of it
        _replace(folder / SUMMARY, json.dumps(content, indent=2) + "\n")
    return content


def run_folder(root: Path, run_id: str) -> Path:
    """The folder of a run by its id, which may come from a link.

    Raises InputError for anything but letters, digits, - and _, and for a run that is not there.
    """
    if _RUN_ID.fullmatch(run_id) is None:
        raise InputError(
            "run", f"is {run_id[:80]!r}, which is no run's id", "open it from the list"
        )
    folder = root / run_id
    if not (folder / SCHEDULE).is_file():
        raise InputError("run", f"is {run_id!r}, which is not there", "open one from the list")
    return folder


def list_runs(root: Path) -> tuple[Path, ...]:
    """All run folders below `root`, the newest first; whatever else lies there is passed over."""
    found = []
    with suppress(OSError):
        for folder in root.iterdir():
            if _RUN_ID.fullmatch(folder.name):
                with suppress(OSError):
                    found.append(((folder / SCHEDULE).stat().st_mtime_ns, folder))
    return tuple(folder for _, folder in sorted(found, reverse=True))


def unwritable(path: Path, error: Exception) -> RunError:
    """What to raise when a file of a run cannot be written."""
    reason = getattr(error, "strerror", None) or str(error)
    return RunError(
        f"{path} cannot be written ({reason}): make room or allow it there, and resume the run"
    )


def _claim(folder: Path) -> None:
    with alone(folder / LOCK):
        holder = process(folder)
        if holder is not None:
            wrong = f"is {str(folder)!r}, which process {holder.pid} is running"
            raise InputError("DIR", wrong, "stop that one first, or wait for its end")
        withdraw_stop(folder)
        append(folder, ev.Launched())
        write_pid(folder, psutil.Process())


def _last_event(folder: Path) -> tuple[ev.Event, ...]:
    """The last whole line's event, if it is one; cheaper than `events`, since only it is parsed."""
    try:
        lines = (folder / EVENTS).read_bytes().rsplit(b"\n", 2)
        return (ev.EVENT.validate_json(lines[-2]),)
    except (OSError, IndexError, ValidationError):
        return ()


def _replace(path: Path, content: str) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(content, encoding="utf-8")
    beside.replace(path)


def _no_place(folder: Path, error: OSError | ValueError) -> InputError:
    reason = getattr(error, "strerror", None) or str(error)
    wrong = f"is {str(folder)!r}, where nothing can be written ({reason})"
    return InputError("--out", wrong, "name a folder that you may write to")
