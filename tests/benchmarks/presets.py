"""Accuracy and seconds of every preset, side by side: `python -m tests.benchmarks.presets`."""

from __future__ import annotations

import hashlib
import json
import statistics
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from core import presets
from core.models import layer_table
from core.presets.apply import apply
from core.runs import events as ev
from core.runs.settings import RunSettings
from core.schedule import parse
from core.schedule.batches import steps_per_epoch
from core.schedule.spec import Schedule
from core.training.job import Job
from core.training.train import train

SEEDS = (0, 1, 2)
_EPOCHS = 8
_RESULTS = Path("preset-results.jsonl")


@dataclass(frozen=True, slots=True)
class Measured:
    """One run: accuracies are shares of the validation images, `seconds` are the run's own."""

    preset: str
    seed: int
    of: str
    accuracy: float
    best: float
    seconds: float
    majority: float


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--epochs",
    type=click.IntRange(1, 10_000),
    default=_EPOCHS,
    show_default=True,
    help="Every preset is stretched or shortened to so many.",
)
@click.option("--own", is_flag=True, help="Each preset at its own length instead: many hours.")
@click.option("--preset", "chosen", multiple=True, type=click.Choice(presets.names()))
@click.option("--quick", is_flag=True, help="2 epochs, few small images, one seed: that it works.")
@click.option(
    "--results",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    default=_RESULTS,
    show_default=True,
    help="A line for every run; what it has already is not run again.",
)
def cli(epochs: int, own: bool, chosen: tuple[str, ...], quick: bool, results: Path) -> None:
    """Train the bundled model on the bundled pictures by every preset, one run after the other.

    Three seeds each. Prints a table in Markdown. Stopped at any time, it goes on where it was.
    """
    length = None if own else 2 if quick else epochs
    seeds = SEEDS[:1] if quick else SEEDS
    wanted = {name: schedule_of(name, length) for name in chosen or presets.names()}
    done = {(each.preset, each.seed, each.of): each for each in read(results)}
    for seed in seeds:  # a stop leaves every preset with as many seeds
        for name, schedule in wanted.items():
            settings = settings_of(seed, quick=quick)
            key = (name, seed, digest_of(schedule, settings))
            if key in done:
                continue
            click.echo(f"{name}, seed {seed}", err=True)
            done[key] = run(name, schedule, settings)
            with results.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(done[key])) + "\n")
    rows = {
        name: [
            done[name, seed, digest_of(schedule, settings_of(seed, quick=quick))] for seed in seeds
        ]
        for name, schedule in wanted.items()
    }
    for line in table(wanted, rows, settings_of(0, quick=quick)):
        click.echo(line)


def schedule_of(name: str, epochs: int | None) -> Schedule:
    """The preset for the bundled model, of so many epochs, or of its own."""
    return apply(presets.by_name(name), layer_table.load(presets.BUNDLED_MODEL), epochs=epochs)


def settings_of(seed: int, *, quick: bool) -> RunSettings:
    """The page's own settings on the CPU; with `quick`, 64 images of 32 px."""
    if quick:
        return RunSettings(
            device="cpu", seed=seed, samples=64, validation_samples=64, image_size=32
        )
    return RunSettings(device="cpu", seed=seed)


def digest_of(schedule: Schedule, settings: RunSettings) -> str:
    """What tells a run of one schedule and settings from another, in 12 letters."""
    both = parse.dumps(schedule) + settings.model_dump_json()
    return hashlib.sha256(both.encode()).hexdigest()[:12]


def run(name: str, schedule: Schedule, settings: RunSettings) -> Measured:
    """Train once, and keep what the run says of itself."""
    with tempfile.TemporaryDirectory() as scratch:
        told = list(train(Job(schedule, settings, Path(scratch) / "checkpoints")))
    accuracies = [each.validation_accuracy for each in told if isinstance(each, ev.EpochDone)]
    (started,) = [each for each in told if isinstance(each, ev.Started)]
    (finished,) = [each for each in told if isinstance(each, ev.Finished)]
    return Measured(
        name,
        settings.seed,
        digest_of(schedule, settings),
        accuracies[-1],
        max(accuracies),
        finished.seconds,
        started.majority_accuracy,
    )


def read(results: Path) -> Iterator[Measured]:
    """The runs that a file of results holds; none if there is no file."""
    if results.exists():
        for line in results.read_text(encoding="utf-8").splitlines():
            yield Measured(**json.loads(line))


def table(
    schedules: Mapping[str, Schedule],
    rows: Mapping[str, Iterable[Measured]],
    settings: RunSettings,
) -> Iterator[str]:
    """The table in Markdown, best accuracy first, with what it was measured on below."""
    yield "| preset | epochs | accuracy | lowest to highest | seconds |"
    yield "|---|---|---|---|---|"
    found = {name: list(runs) for name, runs in rows.items()}
    for name in sorted(found, key=lambda name: -_accuracy(found[name])):
        runs = found[name]
        accuracies = [each.accuracy for each in runs]
        yield (
            f"| `{name}` | {schedules[name].epochs} | {_accuracy(runs):.3f} "
            f"| {min(accuracies):.3f} to {max(accuracies):.3f} "
            f"| {min(each.seconds for each in runs):.0f} |"
        )
    first = next(iter(found.values()))
    steps = steps_per_epoch(settings.samples, settings.batch_size)
    yield ""
    yield (
        f"{presets.BUNDLED_MODEL}, {settings.samples:,} training and "
        f"{settings.validation_samples:,} validation images of {settings.data} at "
        f"{settings.image_size} px, batches of {settings.batch_size} ({steps} steps an epoch), "
        f"seed{'s' if len(first) > 1 else ''} {', '.join(str(each.seed) for each in first)}; "
        f"mean accuracy after the last epoch, least seconds. Always the commonest class: "
        f"{first[0].majority:.3f}."
    )


def _accuracy(runs: Iterable[Measured]) -> float:
    return statistics.fmean(each.accuracy for each in runs)


if __name__ == "__main__":
    cli(prog_name="python -m tests.benchmarks.presets")
