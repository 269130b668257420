"""What the hosted demo (THAW_DEMO=1) allows: its limits, and what enforces them.

They are enforced before a launch and again in the run's own process, whatever a page has shown.
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
from core.errors import InputError, ModelError, RunError, SettingsError, shown
from core.files import usage
from core.files.home import is_demo
from core.presets import BUNDLED_MODEL
from core.runs import folder as folders
from core.runs.events import Event, Notice, Step
from core.runs.processes import claim
from core.runs.settings import RunSettings
from core.schedule import edits
from core.schedule.spec import Schedule


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that a visitor may have; images count per split, an upload's size is in uploads.py.

    `pixels` is what a batch holds, batch size times image size squared: it decides how much memory
    a step takes. `seconds` count from a run's first step, to which it comes within `start` seconds
    or is stopped. Runs and uploads are `kept` seconds after their last change. `away` is how long a
    place in the queue counts without a sign of its holder; `uploads` and `runs` are what all of
    them may fill on the disk. `visitors` counts open pages. The server's memory has
    `held_uploads` of all of them and `visitor_uploads` of each, until they are unpacked, or for
    `held` seconds. One address may have `share` of the pages, the places in the queue and the room
    for uploads.
    """

    epochs: int = 5
    images: int = 512
    image_size: int = 96
    pixels: int = 5 * 96 * 96
    start: float = 300.0
    seconds: float = 120.0
    cache_memory: int = 50  # MB
    cache_disk: int = 200  # MB
    models: tuple[str, ...] = (
        BUNDLED_MODEL,
        "torchvision/mobilenet_v2",
        "torchvision/mobilenet_v3_small",
        "torchvision/resnet18",
        "torchvision/squeezenet1_1",
    )
    kept: float = 3600.0
    waiting: int = 20
    away: float = 10.0
    uploads: int = 1_000_000_000  # bytes
    runs: int = 500_000_000  # bytes
    visitors: int = 50
    visitor_uploads: int = 2
    held_uploads: int = 10
    held: float = 180.0
    share: float = 0.5


LIMITS = Limits()


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
    """The schedule that a visitor begins with: the default preset, at a length that runs here."""
    return shortened(presets.load(presets.DEFAULT))


def shortened(schedule: Schedule) -> Schedule:
    """Return the schedule at the most epochs that a run may have; a shorter one stays as it is."""
    return edits.set_length(schedule, min(schedule.epochs, LIMITS.epochs))


def visitor(address: str | None) -> str:
    """Return the name in files of whoever comes from this address, from which it cannot be read."""
    return hashlib.sha256(str(address).encode()).hexdigest()[:16]


def refuse(schedule: Schedule, settings: RunSettings) -> None:
    """In the demo, raise the first of what a run may not be: an InputError with all of it."""
    if not is_demo():
        return
    found = (*wrong_schedule(schedule), *wrong_settings(settings))
    if found:
        raise InputError(found[0].field, found[0].wrong, found[0].way_out, found)


def refuse_settings(settings: RunSettings) -> None:
    """In the demo, raise SettingsError for settings that no run may have."""
    if is_demo() and (found := wrong_settings(settings)):
        raise found[0]


def wrong_schedule(schedule: Schedule) -> tuple[InputError, ...]:
    """Return what of a schedule is more than the demo runs."""
    found: list[InputError] = []
    if schedule.model.name not in LIMITS.models:
        wrong = f"is {shown(schedule.model.name)}, which the hosted demo does not run"
        found.append(ModelError("model.name", wrong, f"use one of {', '.join(LIMITS.models)}"))
    if schedule.epochs > LIMITS.epochs:
        wrong = f"is {schedule.epochs:,}, but a run of the hosted demo has at most {LIMITS.epochs}"
        way_out = f"shorten it to {LIMITS.epochs}, or run Thaw on your own machine"
        found.append(InputError("epochs", wrong, way_out))
    return tuple(found)


def wrong_settings(settings: RunSettings) -> tuple[SettingsError, ...]:
    """Return what of the run settings is more than the demo allows."""
    numbers = {
        "--samples": (settings.samples, LIMITS.images),
        "--validation-samples": (settings.validation_samples, LIMITS.images),
        "--image-size": (settings.image_size, LIMITS.image_size),
        "--cache-memory": (settings.cache_memory, LIMITS.cache_memory),
        "--cache-disk": (settings.cache_disk, LIMITS.cache_disk),
    }
    found = [
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
        found.append(SettingsError("--batch-size", wrong, way_out))
    if settings.device != "cpu":
        wrong = f"is {shown(settings.device)}, but the hosted demo runs on the CPU"
        found.append(SettingsError("--device", wrong, "use cpu"))
    if settings.data != BUNDLED_DATA and not _is_upload(Path(settings.data)):
        wrong = f"is {shown(settings.data)}, but the hosted demo opens no folders"
        way_out = f"use {BUNDLED_DATA}, or upload a zip on the Run page"
        found.append(SettingsError("--data", wrong, way_out))
    return tuple(found)


@contextmanager
def bounds(
    folder: Path, say: Callable[[Notice], None], limits: Limits = LIMITS
) -> Iterator[Callable[[Event], None]]:
    """In the demo, a context of a run's own process that bounds its time and what it leaves.

    Call the function that it gives with each event: the time counts from the first step. When the
    time is over, `say` is told so from another thread, and the run is asked to stop, which is
    enforced as any stop is. No checkpoint is left, since nobody resumes it.
    """
    if not is_demo():
        yield lambda _: None
        return

    def end(message: str) -> None:
        with suppress(RunError):  # a disk that refuses the words does not lengthen the run
            say(Notice(message))
        claim.request_stop(folder)

    def watch(seconds: float, message: str) -> threading.Timer:
        timer = threading.Timer(seconds, end, [message])
        timer.daemon = True
        timer.start()
        return timer

    timers = [watch(limits.start, _no_start(limits))]

    def take(event: Event) -> None:
        if isinstance(event, Step) and len(timers) == 1:
            timers[0].cancel()
            timers.append(watch(limits.seconds, _out_of_time(limits)))

    try:
        yield take
    finally:
        for timer in timers:
            timer.cancel()
        clear(folder)


def was_out_of_time(notices: Iterable[Notice]) -> bool:
    """Whether `bounds` has said that the run's time was over: that is what has stopped it then."""
    own = (_no_start(LIMITS), _out_of_time(LIMITS))
    return any(each.message in own for each in notices)


def end_process(exit_code: int) -> None:
    """In the demo, end this process at once if it has trained: torch's exit takes 120 MB more.

    That is what the destructors of its CUDA build touch, whether there is a GPU or not.
    """
    if is_demo() and "torch" in sys.modules:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(exit_code)


def clear(folder: Path) -> None:
    """Delete the checkpoints of a run that is over."""
    shutil.rmtree(folder / folders.CHECKPOINTS, ignore_errors=True)


def make_room(ended: Iterable[Path], most: int = LIMITS.runs) -> None:
    """Delete the oldest of these runs, the newest come first, beyond `most` bytes of all."""
    taken = 0
    for run in ended:
        taken += usage.disk_use(run)
        if taken > most:
            shutil.rmtree(run, ignore_errors=True)


def _out_of_time(limits: Limits) -> str:
    return (
        f"the run reached the hosted demo's limit of {limits.seconds:g} s: use fewer or smaller "
        "images, or fewer epochs"
    )


def _no_start(limits: Limits) -> str:
    return f"this machine is too busy for a first step within {limits.start:g} s: try again later"


def _is_upload(data: Path) -> bool:
    """Return whether it is the unpacked upload of a session: `data/SESSION/CONTENT`."""
    inside = data.parent.parent == uploads.folder() and ".." not in data.parts
    return inside and uploads.read_note(data) is not None
