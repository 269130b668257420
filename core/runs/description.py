"""Runs in words, for lists, selectors and reports: name, result, data, and an interruption."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path

from core.data import uploads
from core.errors import InputError
from core.files import usage
from core.runs import event_log, label, run_folder
from core.runs.processes import run_lock
from core.runs.processes.stopping import epochs_kept
from core.runs.settings import RunSettings
from core.runs.status import Status
from core.schedule.spec import Schedule
from core.schedule.words import counted


@dataclass(frozen=True, slots=True)
class RunState:
    """A run's status, its epochs that are done and saved, and accuracy and seconds if it has ended.

    `host` is the name of another machine that runs it.
    """

    status: Status
    epochs_done: int
    accuracy: float | None
    host: str | None = None
    seconds: float | None = None

    @property
    def text(self) -> str:
        """The status in words, with the host if another machine runs it."""
        return self.status if self.host is None else f"{self.status} on {self.host}"


def run_state(run: Path) -> RunState:
    """Return the state of the run in that folder.

    Its summary is that of the last session that ended. It is outdated if the run was resumed since,
    and then its status differs.
    """
    status, end = run_folder.status(run), run_folder.read_summary(run)
    if end is not None and end.status == status:
        done, seconds = end.epochs_done, end.seconds
        return RunState(status, done, end.validation_accuracy, seconds=seconds)
    return RunState(status, epochs_kept(run), None, run_lock.other_host(run))


@dataclass(frozen=True, slots=True)
class Description:
    """A run in words; those that its folder does not give are empty.

    `name` is the run's own, else its schedule's, else its folder's. `schedule` is the schedule's
    name if it differs from that. The accuracy in `result` is the `status.final_accuracy`.
    """

    name: str
    schedule: str
    model: str
    note: str
    starred: bool
    when: str
    result: str
    data: str
    state: RunState

    @property
    def line(self) -> str:
        """All but name and note in one line, as in `85.2% · today 14:02 · 800 × 64 px, …`."""
        return " · ".join(filter(None, (self.result, self.when, self.data, self.schedule)))


def describe(run: Path) -> Description:
    """Return the description of the run in that folder; what cannot be read is left out."""
    own, state = label.read(run), run_state(run)
    schedule = model = data = when = ""
    try:
        moment = (run / run_folder.SCHEDULE).stat().st_mtime_ns
        when = _when(datetime.fromtimestamp(moment / 1e9))
        ran, settings = documents(run)
        schedule, model, data = ran.name, ran.model.name, _data(run, settings)
    except (OSError, InputError):
        pass
    name = own.name or schedule or run.name
    words = () if state.text == "finished" and state.accuracy is not None else (state.text,)
    share = () if state.accuracy is None else (f"{state.accuracy:.1%}",)
    return Description(
        name,
        schedule if schedule != name else "",
        model,
        own.note,
        own.starred,
        when,
        ", ".join(words + share),
        data,
        state,
    )


def documents(run: Path) -> tuple[Schedule, RunSettings]:
    """Return a run's schedule and settings, read once for all who ask.

    Raises InputError or OSError for a folder that is no run.
    """
    return _read(run, (run / run_folder.SCHEDULE).stat().st_mtime_ns)


def interruption_reason(folder: Path) -> str:
    """Return, in a sentence or two, why a run's process is probably gone, and what to change."""
    if usage.is_full(folder):
        return "The disk is full, so the run could not continue. Free some space."
    if run_lock.is_of_another_boot(folder):
        return "The machine was restarted during the run."
    return (
        "Its process is gone, perhaps killed by the system because memory ran out. A smaller batch "
        "or image size needs less memory."
    )


def other_host_message(folder: Path) -> str:
    """Return which other machine runs the folder, and the way out; empty if none does."""
    host = run_lock.other_host(folder)
    if host is None:
        return ""
    return (
        f"It runs on {host}, another machine or container, as far as its folder tells. If that "
        f"machine is gone, delete {folder / run_lock.PID} and resume."
    )


def conditions(run: Path, settings: RunSettings) -> tuple[tuple[str, str], ...]:
    """Return the conditions of a run's accuracy, as pairs of a name and a value in words.

    They are the data with the numbers of images, the main settings, and the time of the start. The
    images are those that the run has found, or before that, the most that it may take.
    """
    started = event_log.started(run)
    side, title = settings.image_size, uploads.data_title(settings.data)
    if started is None:
        data = f"{title}: at most {settings.samples:,} images to train, "
        data += f"{settings.validation_samples:,} to validate"
    else:
        data = f"{title}, {counted(len(started.classes), 'class')}: {started.train_images:,} images"
        data += f" to train, {started.validation_images:,} to validate"
    trained_with = [
        f"batch size {settings.batch_size:,}",
        f"augmentation {settings.augment}",
        f"precision {settings.precision}",
        f"{settings.optimizer_step} optimizer steps",
    ]
    if settings.clip_norm is not None:
        trained_with.append(f"gradients clipped to a norm of {settings.clip_norm:g}")
    if settings.autocast != "off":
        trained_with.append(f"autocast {settings.autocast}")
    if settings.memory_format != "contiguous":
        trained_with.append(f"memory format {settings.memory_format}")
    if settings.processes > 1:
        trained_with.append(f"{settings.processes} processes")
    if settings.accumulate > 1:
        trained_with.append(f"{settings.accumulate} micro-batches in each process")
    trained_with.append(f"seed {settings.seed}")
    pairs = [
        ("data", f"{data}, {side} × {side} px"),
        ("trained with", ", ".join(trained_with)),
    ]
    if started is not None:
        with suppress(ValueError, OverflowError, OSError):  # a time that no calendar has
            begun = datetime.fromtimestamp(started.time).astimezone()
            pairs.append(("begun", f"{begun:%Y-%m-%d %H:%M %Z}"))
    return tuple(pairs)


def _data(run: Path, settings: RunSettings) -> str:
    """Return the run's training images and data in words, as in `1,000 × 64 px, Fashion-MNIST`."""
    started = event_log.started(run)
    images = f"up to {settings.samples:,}" if started is None else f"{started.train_images:,}"
    return f"{images} × {settings.image_size} px, {uploads.data_title(settings.data)}"


def _when(moment: datetime) -> str:
    """Return a time as in `today 14:02`, `24 Nov 14:02`, or `24 Nov 2020 14:02`."""
    today = date.today()
    year = "" if moment.year == today.year else f" {moment.year}"
    day = "today" if moment.date() == today else f"{moment.day} {moment:%b}{year}"
    return f"{day} {moment:%H:%M}"


@lru_cache(maxsize=512)
def _read(run: Path, changed: int) -> tuple[Schedule, RunSettings]:
    """Return a run folder's schedule and settings; the cache reads them again after a change."""
    return run_folder.read(run)
