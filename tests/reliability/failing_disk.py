"""Runs whose disk fails at each thing in turn that they ask of it: a command.

`python tests/reliability/failing_disk.py`
"""

from __future__ import annotations

import errno
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click
from click.testing import CliRunner, Result

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))  # so that it can be started by its path

from core.cli import app  # noqa: E402
from core.runs import run_folder  # noqa: E402
from tests.reliability import faults, sessions  # noqa: E402

_TOLERATED = ("predictions", "notices", "files: predictions.json")
"""What a run may come to its end without, since its events and weights hold what matters."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that failed, what the run said to it, and what is wrong about that."""

    at: str
    said: str
    wrong: tuple[str, ...]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--every", type=click.IntRange(1), default=1, show_default=True)
def cli(every: int) -> None:
    """Let the disk fail under a small run, at every open, write, sync and rename in turn.

    Each fails once as a bad disk does, and from then on as a full disk does. The run must say so in
    one line, and a resume, when the disk is well, must come to the same end, bit for bit. Exit code
    1 if any does not. Of all those points, --every N takes each N-th.
    """
    found = list(attempts(every))
    for failure in found:
        verdict = f"WRONG: {', '.join(failure.wrong)}" if failure.wrong else "resumed to the same"
        click.echo(f"{failure.at}: {failure.said or 'went on'}; {verdict}")
    good = sum(not failure.wrong for failure in found)
    click.echo(f"{good} of {len(found)} failures were told in words and resumed bit-identically")
    if good < len(found):
        raise click.exceptions.Exit(1)


def attempts(every: int) -> Iterator[Failure]:
    """What comes of every n-th failure there may be."""
    with tempfile.TemporaryDirectory() as name, sessions.small_networks():
        place = Path(name).resolve()
        schedule, settings = sessions.drawn(0, epochs=4, samples=12)

        def run(folder: Path, fate: faults.Fate) -> tuple[faults.Disk, Result]:
            sessions.prepare(folder, schedule, settings)
            return sit(folder, fate)

        whole, _ = run(place / "alone", faults.fine)
        alone = sessions.ended(place / "alone")
        for number in range(0, 2 * len(whole.asked), every):
            at, for_good = number // 2, number % 2 == 1
            error = errno.ENOSPC if for_good else errno.EIO
            folder = place / str(number)
            disk, result = run(folder, partial(faults.fails, at, error, for_good))
            where = f"{at} {disk.asked[min(at, len(disk.asked) - 1)]}, {errno.errorcode[error]}"
            yield Failure(where, result.stderr.strip(), tuple(_wrong(folder, result, alone)))


def sit(
    folder: Path, fate: faults.Fate = faults.fine, more: Sequence[str] = ()
) -> tuple[faults.Disk, Result]:
    """`python -m core resume` in this process, and the disk that it worked on."""
    with faults.on(faults.Disk(folder, fate)) as disk:
        return disk, CliRunner().invoke(app.cli, ["resume", str(folder), *more])


def _wrong(folder: Path, result: Result, alone: sessions.Ended) -> Iterator[str]:
    """What of a run that failed, and of its resume, is not as it should be."""
    if result.exit_code == 0:
        ended = sessions.ended(folder)
        yield from (d for d in sessions.differences(alone, ended) if not d.startswith(_TOLERATED))
        return
    lines = result.stderr.splitlines()
    if len(lines) != 1 or not lines[0].startswith("error: ") or "Thaw itself" in lines[0]:
        yield f"said {result.stderr!r}"
    if result.exit_code != 1 or run_folder.status(folder) not in ("failed", "interrupted"):
        yield f"exit code {result.exit_code}, {run_folder.status(folder)}"
    _, resumed = sit(folder)
    if resumed.exit_code != 0:
        yield f"the resume ended with {resumed.exit_code}: {resumed.stderr!r}"
    else:
        yield from sessions.differences(alone, sessions.ended(folder))


if __name__ == "__main__":
    cli()
