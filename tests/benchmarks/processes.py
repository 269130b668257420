"""Images per second by the number of processes: `python -m tests.benchmarks.processes`."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
from pathlib import Path

import click

from core.runs import event_log
from core.runs import events as ev
from core.runs.processes import torchrun
from core.schedule import parse
from tests.benchmarks import scenarios
from tests.benchmarks.measure import cores

_ROOT = Path(__file__).parents[2]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--processes",
    multiple=True,
    type=click.IntRange(1, 64),
    default=(1, 2),
    show_default=True,
    help="May be repeated.",
)
@click.option("--rounds", type=click.IntRange(1, 100), default=3, show_default=True)
@click.option("--images", type=click.IntRange(64, 100_000), default=1_024, show_default=True)
def cli(processes: tuple[int, ...], rounds: int, images: int) -> None:
    """Train all of ResNet-18 at 64 px without the cache, by so many processes on this machine.

    All have the same batches of 32. The cores are shared out evenly to the processes as threads.
    """
    speeds: dict[int, list[float]] = {count: [] for count in processes}
    for _ in range(rounds):
        for count, measured in speeds.items():
            measured.append(_images_per_second(count, images))
    first = statistics.median(speeds[processes[0]])
    for count, measured in speeds.items():
        median = statistics.median(measured)
        spread = f"{min(measured):.1f} to {max(measured):.1f}"
        ratio = f"{median / first:.2f} times that of {processes[0]}"
        click.echo(f"{count} processes: {median:.1f} images/s ({spread}), {ratio}")


def _images_per_second(processes: int, images: int) -> float:
    """The median of the epochs after the first."""
    groups = dict.fromkeys(("stem", "layer1", "layer2", "layer3", "layer4", "head"), 0)
    with tempfile.TemporaryDirectory() as scratch:
        file, out = Path(scratch, "schedule.json"), Path(scratch, "run")
        file.write_text(parse.dumps(scenarios.exercise("All", groups, epochs=3)), encoding="utf-8")
        settings = f"--samples {images} --validation-samples 64 --image-size 64 --batch-size 32"
        words = ["-m", "core", "run", str(file), "--out", str(out), "--device", "cpu", "--cache"]
        words += ["off", *settings.split()]
        subprocess.run(
            torchrun.command(processes, *words),
            cwd=_ROOT,
            env=os.environ | {"OMP_NUM_THREADS": str(max(cores() // processes, 1))},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        events, _ = event_log.read_new(out, 0)
    epochs = [event for event in events if isinstance(event, ev.EpochDone)]
    return statistics.median(epoch.images_per_second for epoch in epochs[1:])


if __name__ == "__main__":
    cli(prog_name="python -m tests.benchmarks.processes")
