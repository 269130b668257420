"""How long a stop takes in each phase of a run: `python -m tests.reliability.stops [PHASE …]`.

Each phase is made long: imports, large photos, a host of weights that never answers, a pass of the
cache, a batch that takes many seconds, an evaluation, a checkpoint of 1.6 GB. Then the run is asked
to stop, and the seconds are printed until its folder says "stopped", and until its process is gone.
"""

from __future__ import annotations

import os
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from core import presets
from core.models import layer_table
from core.runs import event_log, run_folder
from core.runs import events as ev
from core.runs.processes import launch, run_lock
from core.runs.status import Status
from core.schedule.spec import ModelRef, Schedule
from tests.training.small import small_schedule, small_settings

PATIENCE = 180.0
"""Seconds that a run may take to come to its phase, and to stop."""
PHOTO = (3000, 4000, 3)


@dataclass(frozen=True, slots=True)
class Phase:
    """What is run, and when it is in the phase: `seconds` after an event that `begins` it."""

    begins: Callable[[ev.Event], bool]
    schedule: Schedule = field(default_factory=small_schedule)
    settings: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Stop:
    """Seconds from the request to the status, and to the end of the process.

    `since` is what the run has told after the request.
    """

    status: Status
    told: float
    gone: float
    since: tuple[ev.Event, ...]


PHASES: dict[str, Phase] = {
    "starting": Phase(lambda event: isinstance(event, ev.Launched)),
    "loading": Phase(lambda event: _stage(event) == "loading", settings={"data": "PHOTOS"}),
    "downloading": Phase(
        lambda event: isinstance(event, ev.Notice) or _stage(event) == "loading",
        presets.load_for(
            "head-only",
            layer_table.load("timm/resnet18"),
            ModelRef(name="timm/resnet18", weights="a1_in1k"),
        ),
        seconds=3.0,
    ),
    "caching": Phase(
        lambda event: _stage(event) == "caching", settings={"image_size": 160, "samples": 1500}
    ),
    "training": Phase(
        lambda event: isinstance(event, ev.CacheDecision),
        small_schedule(**{group.name: [[0, None]] for group in small_schedule().groups}),
        {"image_size": 160, "samples": 256, "batch_size": 256, "cache": "off"},
        seconds=1.0,
    ),
    "evaluating": Phase(
        lambda event: _stage(event) == "evaluating",
        settings={
            "image_size": 160,
            "validation_samples": 1000,
            "batch_size": 1000,
            "cache": "off",
        },
        seconds=1.0,
    ),
    "checkpoint": Phase(
        lambda event: _stage(event) == "checkpoint",
        presets.load_for(
            "discriminative",
            layer_table.load("torchvision/vgg16"),
            ModelRef(name="torchvision/vgg16", weights=None),
        ),
        {"samples": 10, "validation_samples": 10, "cache": "off"},
        seconds=0.3,
    ),
}


def stop_in(phase: Phase, root: Path) -> Stop:
    """Launch a run below `root`, stop it in the phase, and see how that goes."""
    settings = dict(phase.settings)
    if settings.get("data") == "PHOTOS":
        settings["data"] = str(_photos(root / "photos"))
    run = root / launch.start(phase.schedule, small_settings(**settings), root)
    try:
        _until(lambda: any(map(phase.begins, event_log.read(run))), run)
        time.sleep(phase.seconds)
        process, before = run_lock.process(run), len(event_log.read(run))
        began = time.monotonic()
        launch.stop(run)
        _until(lambda: run_folder.status(run) not in ("starting", "running", "stopping"), run)
        told = time.monotonic() - began
        _until(lambda: process is None or not process.is_running(), run)
        gone = time.monotonic() - began
        return Stop(run_folder.status(run), told, gone, event_log.read(run)[before:])
    finally:
        launch.force_stop(run)


@contextmanager
def silent_host() -> Iterator[str]:
    """The address of a host that takes connections and never answers."""
    with socket.socket() as host:
        host.bind(("127.0.0.1", 0))
        host.listen()
        yield f"http://127.0.0.1:{host.getsockname()[1]}"


def _stage(event: ev.Event) -> str:
    return event.stage if isinstance(event, ev.Progress) else ""


def _photos(folder: Path) -> Path:
    """Two classes of photos of 12 megapixels, one picture under many names."""
    for name in ("a", "b"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    first = folder / "a" / "0.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, PHOTO, np.uint8)).save(first)
    for place in range(1, 100):
        for name in ("a", "b"):
            (folder / name / f"{place}.jpg").hardlink_to(first)
    return folder


def _until(condition: Callable[[], bool], run: Path) -> None:
    latest = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > latest:
            raise TimeoutError(f"{run_folder.status(run)}: {event_log.read(run)[-3:]}")
        time.sleep(0.02)


def main(names: list[str]) -> None:
    """Print a line per phase."""
    with silent_host() as address, tempfile.TemporaryDirectory() as home:
        os.environ |= {"HF_ENDPOINT": address, "HF_HUB_CACHE": f"{home}/hub"}
        print("phase        status       told    process gone")
        for name in names or PHASES:
            stop = stop_in(PHASES[name], Path(home, name))
            print(f"{name:12} {stop.status:12} {stop.told:.2f} s  {stop.gone:.2f} s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
