"""Peak memory by the number of images on disk: `python -m tests.benchmarks.many_images`."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from itertools import chain
from pathlib import Path

import click
import numpy as np
import psutil
from PIL import Image

from core.runs import event_log
from core.runs import events as ev
from core.runs.processes import run_lock, torchrun
from core.runs.settings import RunSettings
from core.schedule import parse
from tests.training.small import small_schedule

_ROOT = Path(__file__).parents[2]
_CLASSES = 100
_PICTURES = 20
"""Files that all others are links to; a file of ext4 has at most 65,000 links."""
_STEPS = 20
_EVERY = 0.02
_PARTS = ("Pss_Anon:", "Pss_Shmem:")
_MEGABYTE = 1_000_000


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--few", type=click.IntRange(1_000), default=2_000, show_default=True)
@click.option("--many", type=click.IntRange(1_000), default=200_000, show_default=True)
@click.option("--workers", type=click.IntRange(0, 64), default=2, show_default=True)
@click.option("--processes", type=click.IntRange(1, 64), default=1, show_default=True)
@click.option("--evaluate", is_flag=True, help="Train on 640 images, and evaluate a fifth of all.")
@click.option("--budget", type=click.IntRange(0), default=200, show_default=True, help="In MB.")
def cli(few: int, many: int, budget: int, **how: int) -> None:
    """Decode images as they come, of few files and of many, for 20 steps, without the cache.

    Exit code 1 if the peak of all processes together, memory that they share counted once, is
    higher by more than the budget with many. Linux only.
    """
    with tempfile.TemporaryDirectory() as scratch:
        peaks = [peak(Path(scratch) / str(count), count, **how) for count in (few, many)]
    more = (peaks[1] - peaks[0]) / _MEGABYTE
    click.echo(
        f"{few:,} images: {peaks[0] / _MEGABYTE:,.0f} MB; {many:,} images: "
        f"{peaks[1] / _MEGABYTE:,.0f} MB, {more:+,.0f} MB, with {how}"
    )
    if more > budget:
        sys.exit(1)


def peak(folder: Path, images: int, *, workers: int, processes: int, evaluate: bool) -> int:
    """The most bytes that a run held, from its start to its 20th step or its first evaluation.

    Its processes and their workers are counted together.
    """
    _link_images(folder / "images", images)
    file, out = folder / "schedule.json", folder / "run"
    file.write_text(parse.dumps(small_schedule(1)), encoding="utf-8")
    settings = {
        "--data": folder / "images",
        "--out": out,
        "--samples": _STEPS * RunSettings().batch_size if evaluate else images,
        "--validation-samples": images,
        "--image-size": 32,
        "--device": "cpu",
        "--cache": "off",
        "--decode": "stream",
        "--workers": workers,
    }
    words = ["-m", "core", "run", file, *chain(*settings.items())]
    awaited, times = (ev.EpochDone, 1) if evaluate else (ev.Step, _STEPS)
    began, most, offset, seen, started = time.monotonic(), 0, 0, 0, 0.0
    with subprocess.Popen(
        torchrun.command(processes, *map(str, words)), cwd=_ROOT, stdout=subprocess.DEVNULL
    ) as process:
        while process.poll() is None and seen < times:
            most = max(most, _held(psutil.Process(process.pid)))
            new, offset = event_log.read_new(out, offset)
            seen += sum(isinstance(event, awaited) for event in new)
            if any(isinstance(event, ev.Started) for event in new):
                started = time.monotonic() - began
            time.sleep(_EVERY)
        run_lock.request_stop(out)
    if seen < times:
        raise click.ClickException(f"the run of {images:,} images ended too soon")
    click.echo(f"{images:,} images: {started:.1f} s to the first epoch", err=True)
    return most


def _held(process: psutil.Process) -> int:
    """The bytes of a process and its children; each has its part of what they share.

    Mapped files, which here are programs, are left out: any process of the machine may share them.
    """
    held = 0
    with suppress(psutil.NoSuchProcess):
        for each in (process, *process.children(recursive=True)):
            with suppress(OSError):
                lines = Path(f"/proc/{each.pid}/smaps_rollup").read_text().splitlines()
                held += sum(int(line.split()[1]) for line in lines if line.startswith(_PARTS))
    return held * 1024


def _link_images(folder: Path, count: int) -> None:
    """`count` names, as long as those of ImageNet, for a few images of noise."""
    random = np.random.default_rng(0)
    pictures = [folder / f"n{at:08}" / f"n{at:08}_{at:06}.JPEG" for at in range(_PICTURES)]
    for at in range(count):
        path = folder / f"n{at % _CLASSES:08}" / f"n{at % _CLASSES:08}_{at:06}.JPEG"
        if at < _CLASSES:
            path.parent.mkdir(parents=True)
        if at < _PICTURES:
            Image.fromarray(random.integers(0, 256, (40, 40, 3), np.uint8)).save(path)
        else:
            os.link(pictures[at % _PICTURES], path)


if __name__ == "__main__":
    cli(prog_name="python -m tests.benchmarks.many_images")
