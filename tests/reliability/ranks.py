"""Runs in several processes of which one is killed, and whether all end and come to the same end.

`python tests/reliability/ranks.py --trials 20`
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random

import click
import psutil
from safetensors.torch import load_file

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))  # so that it can be started by its path

from core.runs import event_log, run_folder  # noqa: E402
from core.runs.events import Failed, Finished  # noqa: E402
from core.runs.processes import torchrun  # noqa: E402
from core.schedule.parse import dumps  # noqa: E402
from tests.training.small import same_bits, small_schedule  # noqa: E402

_GONE_WITHIN = 30.0
"""Seconds after which no process of a run may be left whose process was killed."""
_PATIENCE = 300.0
"""Seconds that a run may take on a busy machine."""
_SETTINGS = "--samples 40 --validation-samples 40 --image-size 32 --batch-size 16 --device cpu"


@dataclass(frozen=True, slots=True)
class Kill:
    """A kill: who died and when, how many seconds later all others were gone, what was wrong."""

    victim: str
    after: float
    gone: float
    wrong: str = ""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--trials", type=click.IntRange(1, 10_000), default=20, show_default=True)
@click.option("--processes", type=click.IntRange(2, 64), default=2, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the first.")
def cli(trials: int, processes: int, seed: int) -> None:
    """Kill a process of a run, or torchrun, at a random instant; then resume the run.

    All others must be gone within 30 seconds, the first one with an error unless it was killed or
    had finished, and the resumed run must end with the bits of one that was left alone. Exit code 1
    if any does not.
    """
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        began = time.monotonic()
        _finish(_start(scratch / "alone", processes))
        seconds = time.monotonic() - began
        kills = [
            _trial(scratch, processes, seconds, Random(number))
            for number in range(seed, seed + trials)
        ]
    for kill in kills:
        told = f"killed {kill.victim} after {kill.after:.1f} s: all gone {kill.gone:.1f} s later"
        click.echo(f"{told}; {kill.wrong or 'the resumed run ended bit-identically'}")
    good = sum(not kill.wrong for kill in kills)
    click.echo(f"{good} of {trials}; the slowest end took {max(k.gone for k in kills):.1f} s")
    sys.exit(good < trials)


def _trial(scratch: Path, processes: int, seconds: float, random: Random) -> Kill:
    folder = scratch / "killed"
    shutil.rmtree(folder, ignore_errors=True)
    launcher = _start(folder, processes)
    after = random.uniform(0.2, 1.0) * seconds
    time.sleep(after)
    family = {"torchrun": psutil.Process(launcher.pid)}
    ranks = sorted(family["torchrun"].children(), key=psutil.Process.create_time)
    family |= {f"rank {rank}": process for rank, process in enumerate(ranks)}
    victim = random.choice(sorted(family))
    began = time.monotonic()
    family[victim].kill()
    _, left = psutil.wait_procs(list(family.values()), timeout=_GONE_WITHIN)
    gone = time.monotonic() - began
    launcher.wait()
    if left:
        for process in left:
            process.kill()
        names = [name for name, process in family.items() if process in left]
        return Kill(victim, after, gone, f"left were {names}")
    last = event_log.last(folder)
    began_to_train = bool(event_log.started(folder))
    told = any(isinstance(event, Failed | Finished) for event in last)
    if victim != "rank 0" and began_to_train and not told:
        return Kill(victim, after, gone, f"the first process ended with {last}")
    if not (folder / run_folder.SCHEDULE).exists():
        shutil.rmtree(folder, ignore_errors=True)
    if run_folder.status(folder) != "finished" and _finish(_start(folder, processes)):
        return Kill(victim, after, gone, "it could not be resumed")
    return Kill(victim, after, gone, "" if _same(folder, scratch / "alone") else "other weights")


def _start(folder: Path, processes: int) -> subprocess.Popen[bytes]:
    """Start a run in the folder, or resume the one that is there."""
    schedule = folder.parent / "schedule.json"
    schedule.write_text(dumps(small_schedule()))
    resumed = (folder / run_folder.SCHEDULE).exists()
    new = ("run", str(schedule), "--out", str(folder), *_SETTINGS.split())
    words = ("resume", str(folder)) if resumed else new
    log = (folder.parent / "log.txt").open("ab")
    return subprocess.Popen(
        torchrun.command(processes, "-m", "core", *words),
        cwd=ROOT,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )


def _finish(launcher: subprocess.Popen[bytes]) -> int:
    return launcher.wait(_PATIENCE)


def _same(folder: Path, other: Path) -> bool:
    return same_bits(*(load_file(each / run_folder.WEIGHTS) for each in (folder, other)))


if __name__ == "__main__":
    cli()
