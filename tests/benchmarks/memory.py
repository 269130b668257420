"""Peak memory with the frozen-part cache and without: `python -m tests.benchmarks.memory`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from itertools import chain
from pathlib import Path

import click
import numpy as np
from PIL import Image

from core.runs import event_log
from core.runs import events as ev
from core.schedule import parse
from tests.benchmarks.scenarios import exercise

_ROOT = Path(__file__).parents[2]
_CLASSES = 10
_SIZE = 64
_THAWS = {"head": 0, "layer4": 1, "layer3": 2, "layer2": 3}
_MEGABYTE = 1_000_000


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--images", type=click.IntRange(100), default=10_000, show_default=True)
@click.option("--budget", type=click.IntRange(0), default=1_000, show_default=True, help="In MB.")
def cli(images: int, budget: int) -> None:
    """Train ResNet-18 on synthetic images of 64 px, a group thawing in each epoch.

    Once without the cache and once with it, in fresh processes. Exit code 1 if the second one's
    peak is over the first one's by more than the budget.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        _write_images(folder / "images", images)
        plain = peak(folder, images, "--cache", "off")
        cached = peak(folder, images, "--cache-memory", str(budget))
    more = (cached - plain) / _MEGABYTE
    click.echo(
        f"{images:,} images: {plain / _MEGABYTE:,.0f} MB without the cache, "
        f"{cached / _MEGABYTE:,.0f} MB with it, {more:+,.0f} MB with a budget of {budget:,} MB"
    )
    if more > budget:
        sys.exit(1)


def peak(folder: Path, images: int, *flags: str) -> int:
    """The most bytes that the process of a run held, as the run says itself."""
    schedule = exercise("A thaw per epoch", _THAWS, epochs=len(_THAWS))
    file, out = folder / "schedule.json", folder / f"run{flags[-1]}"
    file.write_text(parse.dumps(schedule), encoding="utf-8")
    settings = {
        "--data": folder / "images",
        "--out": out,
        "--samples": images,
        "--validation-samples": _CLASSES,
        "--image-size": _SIZE,
        "--device": "cpu",
    }
    told = subprocess.run(
        [sys.executable, "-m", "core", "run", file, *map(str, chain(*settings.items())), *flags],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if told.returncode:
        raise click.ClickException(told.stderr)
    events = event_log.read(out)
    for event in events:
        if isinstance(event, ev.CacheDecision):
            memory, disk = event.bytes / _MEGABYTE, event.disk / _MEGABYTE
            held = f"{memory:,.0f} MB in memory, {disk:,.0f} MB on disk"
            click.echo(f"epoch {event.epoch}: {event.reason}; {held}", err=True)
    return max(event.peak_memory for event in events if isinstance(event, ev.EpochDone))


def _write_images(folder: Path, count: int) -> None:
    """`count` training images of noise, and one of each class to judge by."""
    random = np.random.default_rng(0)
    for split, wanted in (("train", count), ("val", _CLASSES)):
        for at in range(wanted):
            path = folder / split / f"class{at % _CLASSES}" / f"{at:06}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = random.integers(0, 256, (_SIZE, _SIZE, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(path)


if __name__ == "__main__":
    cli(prog_name="python -m tests.benchmarks.memory")
