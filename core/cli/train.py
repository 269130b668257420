"""The commands that train: run, resume, and the prewarmed worker that a page starts."""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from core import checks
from core.cli.options import AnyCommand, number, path, read_schedule, whole_option
from core.data.bundled import BUNDLED_DATA
from core.demo import limits
from core.errors import STOPPED, InputError, importing
from core.files.home import is_demo
from core.models import table_cache
from core.runs import checkpoint_files, event_log, run_folder
from core.runs.processes import run_lock, torchrun
from core.runs.processes.prewarmed_worker import wait_for_folder
from core.runs.processes.stopping import watch_for_stop
from core.runs.processes.torchrun import Place
from core.runs.session import RunSession
from core.runs.settings import RunSettings, make_settings
from core.runs.status import status_of
from core.schedule.spec import Schedule

_DEFAULTS = RunSettings()


def _text_option(flag: str, about: str) -> Callable[[AnyCommand], AnyCommand]:
    """Return an option for a run setting that is text."""
    default = getattr(_DEFAULTS, flag.removeprefix("--").replace("-", "_"))
    return click.option(flag, default=default, show_default=True, help=about)


@click.command()
def device() -> None:
    """Print the device that --device auto takes, as JSON: its type, its name, and their count."""
    click.echo(json.dumps(_device()))


@click.command(hidden=True)
@click.pass_context
def prewarm(context: click.Context) -> None:
    """Print the device, import what a run needs, and resume the folder named on standard input."""
    with _without_garbage_collection(), importing():
        folder = wait_for_folder(_device, lambda: import_module("core.training.train"))
    context.invoke(resume, directory=str(folder))


@click.command()
@click.argument("file")
@click.option("--out", required=True, metavar="DIR", help="The run folder, new or empty.")
@click.option(
    "--data",
    default=_DEFAULTS.data,
    show_default=True,
    metavar="NAME|PATH",
    help=f"{BUNDLED_DATA}, or a folder of class folders.",
)
@whole_option("--samples", _DEFAULTS.samples)
@whole_option("--validation-samples", _DEFAULTS.validation_samples)
@whole_option("--image-size", _DEFAULTS.image_size)
@whole_option("--batch-size", _DEFAULTS.batch_size)
@whole_option("--accumulate", _DEFAULTS.accumulate, about="Micro-batches of a batch in a process.")
@_text_option("--device", "auto, cpu, cuda, mps.")
@whole_option("--seed", _DEFAULTS.seed)
@_text_option(
    "--augment",
    "none, flip (2 views), crops (10 views), random (a new crop every time), or color (in new "
    "colors too).",
)
@_text_option("--cache", "auto or off.")
@whole_option(
    "--cache-memory", None, "MB", "Most memory it may use.  [default: 1/4 of what is free]"
)
@whole_option("--cache-disk", None, "MB", "Most disk it may use.  [default: 1/4 of what is free]")
@_text_option(
    "--precision",
    "exact, or fast (results differ in the last bits; the audit reports by how much).",
)
@_text_option(
    "--optimizer-step",
    "fused (torch's faster optimizers), or plain (the bits of a loop written by hand).",
)
@click.option(
    "--clip-norm",
    type=number,
    metavar="NUMBER",
    help="Largest norm of all gradients together.  [default: none]",
)
@_text_option(
    "--autocast", "off, bf16, or fp16 (with a scaler): the type that forward passes compute in."
)
@_text_option("--memory-format", "contiguous or channels_last.")
@_text_option(
    "--decode", "ahead (images are held in memory), or stream (each batch is decoded as it comes)."
)
@whole_option("--workers", _DEFAULTS.workers, about="Processes that decode with --decode stream.")
def run(file: str, out: str, **settings: Any) -> None:
    """Fine-tune by a schedule, and keep everything about it in the run folder DIR."""
    place = _first_place()
    schedule = read_schedule(file)
    _refuse_errors(schedule)
    folder = path("--out", out)
    made = make_settings(**settings, processes=1 if place is None else place.size)
    run_settings = run_folder.create(folder, schedule, made)
    try:
        _train_in(folder, schedule, run_settings, place)
    except InputError:
        run_folder.discard(folder)  # so that the corrected command can use it
        raise


@click.command()
@click.argument("directory", metavar="DIR")
@click.option(
    "--other-libraries",
    is_flag=True,
    help="Continue even though torch, torchvision or timm have changed; the last bits may differ.",
)
def resume(directory: str, other_libraries: bool) -> None:
    """Resume the run in the folder DIR from its newest checkpoint, or else from the beginning."""
    place = _first_place()
    folder = path("DIR", directory)
    schedule, settings = run_folder.read(folder)
    _refuse_errors(schedule)
    if run_folder.status(folder) == "finished":
        raise InputError("DIR", f"is {str(folder)!r}, a finished run", "start a new one with: run")
    if not run_lock.take_over(folder):
        run_lock.acquire(folder)
    _train_in(folder, schedule, settings, place, other_libraries)


def _refuse_errors(schedule: Schedule) -> None:
    """Raise ScheduleError with every problem of severity error, if there are any."""
    table = table_cache.find(schedule.model.name, table_cache.cache_folder())
    checks.refuse_errors(schedule, table)


def _first_place() -> Place | None:
    """Return the place of this process, the first of several; None if it is the only one.

    Another one trains as the first says, and ends here.
    """
    place = torchrun.place()
    if place is None or place.rank == 0:
        return place
    torchrun.watch_launcher(lambda error: os._exit(error.exit_code))
    with _without_garbage_collection(), importing():
        from core.cli.several_processes import follow
    follow(place)
    raise click.exceptions.Exit(0)


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Exclude imported objects from garbage collection: they stay until the process ends.

    To scan them takes a fifth of the time of the imports, and a second at the end of the process.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _device() -> dict[str, Any]:
    """Return the device that `auto` takes."""
    with importing():
        from core.training.device import detect_device, device_count, device_name

    device = detect_device()
    name, count = device_name(device), device_count(device)
    return {
        "type": device.type,
        "name": name if count == 1 else f"{count} × {name}",
        "count": count,
    }


def _train_in(
    folder: Path,
    schedule: Schedule,
    settings: RunSettings,
    place: Place | None,
    other_libraries: bool = False,
) -> None:
    """Train in a locked run folder until the run ends; its events say how, whatever happens.

    `place` is that of the first process, if there are several.
    """
    session = RunSession(folder, schedule)
    with (
        watch_for_stop(folder, session.done, session.end_process) as stop_requested,
        session,
        limits.enforce_limits(folder, session.record_notice) as check_limits,
    ):
        limits.refuse(schedule, settings)
        if place is not None:
            torchrun.watch_launcher(session.end_process)
        with _without_garbage_collection(), importing():
            from core.cli.several_processes import leading
            from core.training.job import Job
            from core.training.output_files import OutputFiles
            from core.training.train import train

        outputs = OutputFiles(
            weights=None if is_demo() else folder / run_folder.WEIGHTS,
            predictions=folder / run_folder.PREDICTIONS,
            nan_report=folder / run_folder.NAN_REPORT,
        )
        checkpoints = folder / run_folder.CHECKPOINTS
        job = Job(schedule, settings, checkpoints, stop_requested, outputs, other_libraries)
        with leading(job, place, partial(run_lock.request_stop, folder), session.fail_soon) as led:
            for event in train(led):
                check_limits(event)
                session.record(event)
    status = status_of(event_log.last(folder), alive=False, stop_requested=False)
    if status == "finished":
        with suppress(OSError):  # the others take room, and do no harm
            checkpoint_files.keep_one(checkpoints)
    if status == "stopped":
        raise click.exceptions.Exit(STOPPED)
