"""The benchmarks' command line: python -m tests.benchmarks."""

from __future__ import annotations

import json
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click

from tests.benchmarks import report, scenarios
from tests.benchmarks.contestants import CONTESTANTS
from tests.benchmarks.measure import cores
from tests.benchmarks.rounds import Results, compete

_PACKAGES = ("torch", "torchvision", "timm", "lightning", "finetuning-scheduler", "fastai")
_ROUNDS = 3


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--scenario",
    "chosen",
    multiple=True,
    type=click.Choice(list(scenarios.SCENARIOS)),
    help="Only this one; may be repeated.  [default: all]",
)
@click.option(
    "--contestant",
    "contestants",
    multiple=True,
    type=click.Choice(list(CONTESTANTS)),
    help="Only this one; may be repeated.  [default: all but thaw-off and the floors]",
)
@click.option("--off", is_flag=True, help="Also run Thaw without its cache (thaw-off).")
@click.option("--parts", is_flag=True, help="Also print where the seconds of thaw and floor go.")
@click.option(
    "--rounds",
    type=click.IntRange(1, 1_000),
    help="Rounds over all contestants.  [default: 3, or 1 with --quick]",
)
@click.option("--quick", is_flag=True, help="Few, small images: shows that it works.")
@click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write all that was measured to this file.",
)
def cli(
    chosen: tuple[str, ...],
    contestants: tuple[str, ...],
    off: bool,
    parts: bool,
    rounds: int | None,
    quick: bool,
    json_file: Path | None,
) -> None:
    """Compare ways of running the same schedule on the same images, from the same weights.

    Prints a table per scenario: seconds, ratios to thaw, whether the final weights are those of
    the plain loop, bit for bit, and peak memory. Every contestant of a round is a fresh process,
    and only its training is timed.
    """
    if json_file is not None and not json_file.absolute().parent.is_dir():
        wrong = f"{str(json_file)!r} lies in a folder that does not exist: make it first"
        raise click.BadParameter(wrong, param_hint="'--json'")
    names = list(contestants) or [name for name, who in CONTESTANTS.items() if who.by_default]
    if off and "thaw-off" not in names:
        names.append("thaw-off")
    names = [name for name in names if _is_there(name, CONTESTANTS[name].missing())]
    found = [scenarios.find(name, quick=quick) for name in chosen or scenarios.SCENARIOS]
    found = [each for each in found if _is_there(f"scenario {each.name}", each.missing())]
    pairs = [(each, [name for name in names if _runs(name, each.name)]) for each in found]
    if not any(here for _, here in pairs):
        raise click.ClickException("nothing is left to run")
    click.echo("; ".join(f"{key}: {value}" for key, value in _machine().items()))
    results: list[Results] = []
    for scenario, here in pairs:
        if not here:
            continue
        done = compete(
            scenario,
            here,
            rounds or (1 if quick else _ROUNDS),
            quick=quick,
            parts=parts,
            say=lambda text, name=scenario.name: click.echo(f"[{name}] {text}", err=True),
        )
        results.append(done)
        click.echo(report.table(done))
        if json_file is not None:  # after each, so that an end half-way loses nothing
            _write(json_file, quick, results)
    if any(done.failed for done in results):
        sys.exit(1)


def _runs(contestant: str, scenario: str) -> bool:
    return _is_there(f"[{scenario}] {contestant}", CONTESTANTS[contestant].not_for(scenario))


def _is_there(what: str, missing: str) -> bool:
    if missing:
        click.echo(f"{what} is left out: {missing}")
    return not missing


def _machine() -> dict[str, str]:
    """What the numbers hold for."""
    cpu, flags = platform.processor() or platform.machine(), ""
    if Path("/proc/cpuinfo").exists():
        told = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        fields = dict(
            (part.strip() for part in line.split(":", 1))
            for line in told.partition("\n\n")[0].splitlines()
            if ":" in line
        )
        cpu, flags = fields.get("model name", cpu), fields.get("flags", "")
    bf16 = "bf16" if "bf16" in flags else "no bf16"
    return {"cpu": f"{cpu} ({bf16}), {cores()} cores"} | {
        name: version(name) for name in _PACKAGES if _is_installed(name)
    }


def _is_installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True


def _write(path: Path, quick: bool, results: list[Results]) -> None:
    everything = {
        "machine": _machine(),
        "quick": quick,
        "scenarios": [report.values(done) for done in results],
    }
    path.write_text(json.dumps(everything, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    cli(prog_name="python -m tests.benchmarks")
