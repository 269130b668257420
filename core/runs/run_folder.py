"""The run folder: the only truth about a run, which its process writes and all others read.

schedule.json  settings.json    the schedule, and the settings to run it with
events.jsonl                    what has happened, see event_log.py
pid  lock  STOP  room           the process that runs it, see run_lock.py
checkpoints/                    see core.training.checkpoint
model.safetensors summary.json  the final weights, and how the run ended
predictions.json                what the last evaluation predicted, see predictions.py
estimate.json                   what it was estimated to take, see estimate.py
label.json                      the run's own name, a note and a star, see label.py
not-finite.json                 a report of a NaN or infinite loss, see core.training.nan_report
log.txt                         the output of a launched process, and tracebacks of errors in Thaw
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from core.errors import InputError, RunError
from core.files import atomic
from core.files.small_files import open_plain, read_start
from core.runs import event_log
from core.runs import events as ev
from core.runs.processes import run_lock
from core.runs.settings import RunSettings, read_run_settings
from core.runs.status import (
    SUMMARY_JSON,
    Status,
    Summary,
    is_end,
    is_under_way,
    status_of,
    summary_of,
)
from core.schedule.parse import dumps, parse
from core.schedule.spec import Schedule

SCHEDULE = "schedule.json"
SETTINGS = "settings.json"
SUMMARY = "summary.json"
LOG = "log.txt"
CHECKPOINTS = "checkpoints"
WEIGHTS = "model.safetensors"
PREDICTIONS = "predictions.json"
NAN_REPORT = "not-finite.json"

_LISTED = "see the list on the Run page, or python -m core runs"
_LOG_CHARACTERS = 4_000
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


def create(folder: Path, schedule: Schedule, settings: RunSettings) -> RunSettings:
    """Create a run folder that this process runs, and return the settings as written.

    Those have an absolute path to the data, so that the run can be resumed from anywhere. Raises
    InputError, naming `--out`, if the path exists and is no empty folder, or cannot be written;
    SettingsError if `--data` is no path.
    """
    settings = settings.with_absolute_data()
    try:
        atomic.make_folder(folder)
        if any(folder.iterdir()):
            raise _not_empty_error(folder)
        _fill(folder, schedule, settings)
        return settings
    except (FileExistsError, NotADirectoryError):
        wrong = f"is {str(folder)!r}, which is not a folder"
        raise InputError("--out", wrong, "name a folder that is new or empty") from None
    except RunError as error:
        raise _unwritable_error(folder, error.__cause__ or error) from None
    except (OSError, ValueError) as error:
        raise _unwritable_error(folder, error) from None


def _fill(folder: Path, schedule: Schedule, settings: RunSettings) -> None:
    """Lock the folder and write the documents; nothing is left there if the disk refuses."""
    try:
        run_lock.acquire(folder)
        content = settings.model_dump_json(indent=2) + "\n"
        atomic.write_durably(folder / SETTINGS, content.encode())
        atomic.write_durably(folder / SCHEDULE, dumps(schedule).encode())
    except (OSError, RunError):
        discard(folder)
        raise


def discard(folder: Path) -> None:
    """Delete the files that `create` has made, the events, and the folder if it is then empty."""
    run_lock.release(folder)
    for name in (
        SCHEDULE,
        SETTINGS,
        event_log.EVENTS,
        run_lock.PID,
        run_lock.LOCK,
        run_lock.STOP,
        SUMMARY,
        event_log.ROOM,
    ):
        with suppress(OSError):
            (folder / name).unlink()
    for empty in (folder / CHECKPOINTS, folder):
        with suppress(OSError):
            empty.rmdir()


def read(folder: Path) -> tuple[Schedule, RunSettings]:
    """Return a run folder's schedule and settings; raise InputError if it has no valid ones."""
    try:
        schedule, settings = read_start(folder / SCHEDULE), read_start(folder / SETTINGS)
    except (OSError, ValueError):
        wrong = f"is {str(folder)!r}, which is not a run folder"
        way_out = f"name one with {SCHEDULE} and {SETTINGS} in it, made by: python -m core run"
        raise InputError("DIR", wrong, way_out) from None
    return parse(schedule), read_run_settings(settings)


def status(folder: Path) -> Status:
    """Return the status of a run by its folder alone; see `status.status_of`."""
    last = event_log.last(folder)
    known = is_end(last) or is_under_way(last)
    if not known:  # else all events but the steps have to be read
        known = bool(last) and not run_lock.is_taken(folder)
    return status_from(folder, last if known else event_log.read(folder, steps=False))


def status_from(folder: Path, events: Iterable[ev.Event]) -> Status:
    """Return the status of a run, given the events that were just read from its folder."""
    alive = run_lock.is_taken(folder)
    status = status_of(events, alive=alive, stop_requested=run_lock.stop_requested(folder))
    if status != "interrupted":
        return status
    # a run writes its end last of all, perhaps since the events were read
    return status_of(event_log.last(folder), alive=False, stop_requested=False)


def read_summary(folder: Path) -> Summary | None:
    """Return the summary that `write_summary` has written; None if it is missing or invalid."""
    try:
        return SUMMARY_JSON.validate_json(read_start(folder / SUMMARY))
    except (OSError, ValidationError):
        return None


def end_of_log(folder: Path) -> str | None:
    """Return the last 4,000 characters of the run's log; None if there is none."""
    try:
        with open_plain(folder / LOG) as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - 4 * _LOG_CHARACTERS))
            return log.read().decode(errors="replace")[-_LOG_CHARACTERS:]
    except OSError:
        return None


def run_summary(folder: Path, schedule: Schedule, coming: Sequence[ev.Event] = ()) -> Summary:
    """Return the summary of a run from its events and then those of `coming`."""
    return summary_of(schedule, (*event_log.read(folder, steps=False), *coming))


def write_summary(folder: Path, summary: Summary) -> None:
    """Write the summary of a run; raise RunError if the disk refuses."""
    with atomic.disk_errors_as_run_error(folder / SUMMARY):
        atomic.write_durably(folder / SUMMARY, SUMMARY_JSON.dump_json(summary, indent=2) + b"\n")


def is_run_id(text: str) -> bool:
    """Return whether a text may be a run's id: at most 100 letters, digits, - and _.

    It begins with a letter or digit.
    """
    return _RUN_ID.fullmatch(text) is not None


def find_run(root: Path, run_id: str) -> Path:
    """Return the folder of a run by its id, which may come from a link.

    Raises InputError for anything but letters, digits, - and _, and for a run that is not there.
    """
    if not is_run_id(run_id):
        raise InputError(
            "run",
            f"is {run_id[:80]!r}, which is not a run's id",
            _LISTED,
        )
    folder = root / run_id
    if not (folder / SCHEDULE).is_file():
        raise InputError(
            "run",
            f"is {run_id!r}, which does not exist",
            _LISTED,
        )
    return folder


def list_runs(root: Path) -> tuple[Path, ...]:
    """Return the run folders in `root`, the newest first; all else is passed over."""
    found = []
    with suppress(OSError):
        for folder in root.iterdir():
            if is_run_id(folder.name):
                with suppress(OSError):
                    found.append(((folder / SCHEDULE).stat().st_mtime_ns, folder))
    return tuple(folder for _, folder in sorted(found, reverse=True))


def _not_empty_error(folder: Path) -> InputError:
    if not (folder / SCHEDULE).exists():
        held, way_out = "is not empty", "empty it, or name another"
    elif status(folder) == "finished":
        held, way_out = "holds a finished run", "name another"
    else:
        engine = "python"
        with suppress(InputError):
            if (processes := read(folder)[1].processes) > 1:
                engine = f"torchrun --nproc-per-node {processes}"
        go_on = f"{engine} -m core resume {shlex.quote(str(folder))}"
        held, way_out = "holds a run", f"resume it with: {go_on}, or name another"
    return InputError("--out", f"is {str(folder)!r}, which {held}", way_out)


def _unwritable_error(folder: Path, error: BaseException) -> InputError:
    reason = getattr(error, "strerror", None) or str(error)
    wrong = f"is {str(folder)!r}, where nothing can be written ({reason})"
    return InputError("--out", wrong, "name a folder that you may write to")
