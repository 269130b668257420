"""The limits of the hosted demo (THAW_DEMO=1), and their enforcement.

They are enforced before a run is launched, and again in its own process, whatever a page has shown.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from core import presets
from core.data import uploads
from core.data.bundled import BUNDLED_DATA
from core.errors import InputError, ModelError, RunError, SettingsError, quoted
from core.files import usage
from core.files.home import is_demo
from core.presets import BUNDLED_MODEL
from core.runs import run_folder
from core.runs.events import Event, Notice, Step
from core.runs.processes import run_lock
from core.runs.settings import RunSettings
from core.schedule import edits
from core.schedule.spec import Schedule


@dataclass(frozen=True, slots=True)
class DemoLimits:
    """The most that a visitor may have; the limits of one upload are in `core.data.uploads`.

    A run: `epochs`; `images` of each split, `image_size`, and the `pixels` of a batch, which decide
    how much memory a step takes; `start_seconds` until its first step, and `seconds` from then on.

    The disk: runs and uploads are deleted `lifetime` seconds after their last change; all `uploads`
    and all `runs` may fill so many bytes.

    The queue: `waiting` places; a ticket that is not renewed for `ticket_timeout_seconds` is
    removed.

    The server: `visitors` open pages; its memory holds `held_uploads` in all and `visitor_uploads`
    of each visitor until they are unpacked, at most `upload_hold_seconds`. One address may have a
    `share` of the pages, the queue and the room for uploads.
    """

    epochs: int = 5
    images: int = 512
    image_size: int = 96
    pixels: int = 5 * 96 * 96
    start_seconds: float = 300.0
    seconds: float = 120.0
    cache_memory: int = 50  # MB
    cache_disk: int = 200  # MB
    workers: int = 0
    models: tuple[str, ...] = (
        BUNDLED_MODEL,
        "torchvision/mobilenet_v2",
        "torchvision/mobilenet_v3_small",
        "torchvision/resnet18",
        "torchvision/squeezenet1_1",
    )
    lifetime: float = 3600.0
    waiting: int = 20
    ticket_timeout_seconds: float = 10.0
    uploads: int = 1_000_000_000  # bytes
    runs: int = 500_000_000  # bytes
    visitors: int = 50
    visitor_uploads: int = 2
    held_uploads: int = 10
    upload_hold_seconds: float = 180.0
    share: float = 0.5


LIMITS = DemoLimits()


def first_settings() -> RunSettings:
    """Return the run settings that a visitor begins with."""
    return RunSettings(
        samples=LIMITS.images,
        validation_samples=LIMITS.images,
        batch_size=10,
        device="cpu",
        cache_memory=LIMITS.cache_memory,
        cache_disk=LIMITS.cache_disk,
    )


def first_schedule() -> Schedule:
    """Return the schedule that a visitor begins with: the default preset, within the limits."""
    return shortened(presets.load(presets.DEFAULT))


def shortened(schedule: Schedule) -> Schedule:
    """Return the schedule, with its epochs reduced to the limit if it has more."""
    return edits.set_length(schedule, min(schedule.epochs, LIMITS.epochs))


def visitor_name(address: str | None) -> str:
    """Return a hash of the address, as the name of its visitors in files."""
    return hashlib.sha256(str(address).encode()).hexdigest()[:16]


def refuse(schedule: Schedule, settings: RunSettings) -> None:
    """In the demo, raise an InputError for all that is beyond the limits in a run."""
    if not is_demo():
        return
    errors = (*schedule_errors(schedule), *settings_errors(settings))
    if errors:
        raise InputError(errors[0].field, errors[0].wrong, errors[0].way_out, errors)


def refuse_settings(settings: RunSettings) -> None:
    """In the demo, raise a SettingsError for run settings that are beyond the limits."""
    if is_demo() and (errors := settings_errors(settings)):
        raise errors[0]


def schedule_errors(schedule: Schedule) -> tuple[InputError, ...]:
    """Return an error for each limit of the demo that a schedule exceeds."""
    errors: list[InputError] = []
    if schedule.model.name not in LIMITS.models:
        wrong = f"is {quoted(schedule.model.name)}, which the hosted demo does not run"
        errors.append(ModelError("model.name", wrong, f"use one of {', '.join(LIMITS.models)}"))
    if schedule.epochs > LIMITS.epochs:
        wrong = f"is {schedule.epochs:,}, but a run of the hosted demo has at most {LIMITS.epochs}"
        way_out = f"shorten it to {LIMITS.epochs}, or run Thaw on your own machine"
        errors.append(InputError("epochs", wrong, way_out))
    return tuple(errors)


def settings_errors(settings: RunSettings) -> tuple[SettingsError, ...]:
    """Return an error for each limit of the demo that run settings exceed."""
    numbers = {
        "--samples": (settings.samples, LIMITS.images),
        "--validation-samples": (settings.validation_samples, LIMITS.images),
        "--image-size": (settings.image_size, LIMITS.image_size),
        "--cache-memory": (settings.cache_memory, LIMITS.cache_memory),
        "--cache-disk": (settings.cache_disk, LIMITS.cache_disk),
        "--processes": (settings.processes, 1),
        "--workers": (settings.workers, LIMITS.workers),
    }
    errors = [
        SettingsError(
            flag,
            "is not given" if value is None else f"is {value:,}",
            f"the hosted demo takes at most {most:,}",
        )
        for flag, (value, most) in numbers.items()
        if value is None or value > most
    ]
    largest = max(1, LIMITS.pixels // settings.image_size**2)
    if settings.batch_size > largest:
        wrong = f"is {settings.batch_size:,} at {settings.image_size} px"
        way_out = f"the hosted demo has memory for {largest:,} images of that size"
        errors.append(SettingsError("--batch-size", wrong, way_out))
    if settings.device != "cpu":
        wrong = f"is {quoted(settings.device)}, but the hosted demo runs on the CPU"
        errors.append(SettingsError("--device", wrong, "use cpu"))
    if settings.data != BUNDLED_DATA and not _is_upload(Path(settings.data)):
        wrong = f"is {quoted(settings.data)}, but the hosted demo opens no folders"
        way_out = f"use {BUNDLED_DATA}, or upload a zip on the Run page"
        errors.append(SettingsError("--data", wrong, way_out))
    return tuple(errors)


@contextmanager
def enforce_limits(
    folder: Path, report: Callable[[Notice], None]
) -> Iterator[Callable[[Event], None]]:
    """In the demo, limit the time of a run within the context, and delete its checkpoints after it.

    The context gives a function to call with each event, since the time counts from the first step.
    When it is over, `report` is called with a notice, in another thread, and the run is requested
    to stop.
    """
    if not is_demo():
        yield lambda _: None
        return

    def end(message: str) -> None:
        with suppress(RunError):  # a full disk must not make the run longer
            report(Notice(message))
        run_lock.request_stop(folder)

    def watch(seconds: float, message: str) -> threading.Timer:
        timer = threading.Timer(seconds, end, [message])
        timer.daemon = True
        timer.start()
        return timer

    timers = [watch(LIMITS.start_seconds, _no_start())]

    def on_event(event: Event) -> None:
        if isinstance(event, Step) and len(timers) == 1:
            timers[0].cancel()
            timers.append(watch(LIMITS.seconds, _out_of_time()))

    try:
        yield on_event
    finally:
        for timer in timers:
            timer.cancel()
        delete_checkpoints(folder)


def was_out_of_time(notices: Iterable[Notice]) -> bool:
    """Return whether a run was stopped by `enforce_limits`, from its notices."""
    messages = (_no_start(), _out_of_time())
    return any(each.message in messages for each in notices)


def exit_without_destructors(exit_code: int) -> None:
    """In the demo, end a process that has imported torch, without running torch's destructors.

    Those of its CUDA build touch 120 MB of memory, whether there is a GPU or not.
    """
    if is_demo() and "torch" in sys.modules:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(exit_code)


def delete_checkpoints(folder: Path) -> None:
    """Delete the checkpoints of a run that has ended."""
    shutil.rmtree(folder / run_folder.CHECKPOINTS, ignore_errors=True)


def delete_oldest_runs(ended: Iterable[Path]) -> None:
    """Delete the oldest runs beyond `LIMITS.runs` bytes of all; `ended` has the newest first."""
    taken = 0
    for run in ended:
        taken += usage.disk_use(run)
        if taken > LIMITS.runs:
            shutil.rmtree(run, ignore_errors=True)


def _out_of_time() -> str:
    return (
        f"the run reached the hosted demo's limit of {LIMITS.seconds:g} s: use fewer or smaller "
        "images, or fewer epochs"
    )


def _no_start() -> str:
    seconds = LIMITS.start_seconds
    return f"this machine is too busy for a first step within {seconds:g} s: try again later"


def _is_upload(data: Path) -> bool:
    """Return whether a folder is an unpacked upload of a session: `data/SESSION/HASH`."""
    inside = data.parent.parent == uploads.folder() and ".." not in data.parts
    return inside and uploads.read_note(data) is not None
