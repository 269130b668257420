"""Runs that are killed at random instants, and whether they come to the same end: a command.

`python tests/reliability/kills.py --trials 200`
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.context import ForkServerContext
from pathlib import Path
from random import Random

import click

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))  # so that it can be started by its path

from core.runs import event_log, run_folder  # noqa: E402
from tests.reliability import faults, sessions  # noqa: E402

_MAX_KILLS = 4
"""Of one run; after them it is left alone."""
_PATIENCE = 300.0
"""Seconds that a session of a small run may take on a busy machine."""
_KINDS = ("instant", "write", "power")


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one run: how it was killed each time, and what of it was not the same."""

    seed: int
    kills: tuple[str, ...]
    wrong: tuple[str, ...]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--trials", type=click.IntRange(1, 100_000), default=10, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the first.")
def cli(trials: int, seed: int) -> None:
    """Kill small runs with SIGKILL, resume them, and compare them with runs that were left alone.

    Each has BatchNorm, momentum or Adam, a group that freezes again, and the cache on, and is
    killed up to four times: at a random instant, in the middle of a write, sync or rename, or with
    all that was not synced lost, as in a power cut. Weights, optimizer, losses, rates, metrics,
    audit, predictions and events must be the same, bit for bit. Exit code 1 if anything is not.
    """
    done: list[Trial] = []
    with processes() as context:
        for number in range(seed, seed + trials):
            trial = attempt(context, number)
            done.append(trial)
            verdict = f"NOT THE SAME: {', '.join(trial.wrong)}" if trial.wrong else "the same"
            click.echo(f"{number}: killed {', '.join(trial.kills) or 'never'}; {verdict}")
    counted = Counter(kill.split(" ")[0] for trial in done for kill in trial.kills)
    told = ", ".join(f"{counted[kind]} {kind}" for kind in _KINDS)
    good = sum(not trial.wrong for trial in done)
    click.echo(
        f"{good} of {trials} runs ended bit-identically after {counted.total()} kills ({told})"
    )
    if good < trials:
        raise click.exceptions.Exit(1)


@contextmanager
def processes() -> Iterator[ForkServerContext]:
    """Where sessions are started: fresh processes that find their imports made."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.reliability.sessions"])
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"  # small networks gain nothing by more
    try:
        yield context
    finally:
        os.environ.pop("OMP_NUM_THREADS")
        if before is not None:
            os.environ["OMP_NUM_THREADS"] = before


def attempt(context: ForkServerContext, seed: int) -> Trial:
    """Run a drawn schedule twice, once killing it, and compare."""
    random = Random(seed)
    schedule, settings = sessions.drawn(seed)
    with tempfile.TemporaryDirectory() as place:
        alone, killed = Path(place, "alone").resolve(), Path(place, "killed").resolve()
        for folder in (alone, killed):
            sessions.prepare(folder, schedule, settings)
        began = time.monotonic()
        if sit(context, alone) != 0:
            return Trial(seed, (), ("left alone, it did not finish", *_last_line(alone)))
        seconds = time.monotonic() - began
        operations = 2 * len((alone / event_log.EVENTS).read_bytes().splitlines())
        kills: list[str] = []
        while run_folder.status(killed) != "finished":
            kind = random.choice(_KINDS) if len(kills) < _MAX_KILLS else "none"
            after, at = random.uniform(0.0, seconds), random.randrange(operations)
            if kind == "none":
                code = sit(context, killed)
            elif kind == "instant":
                code = sit(context, killed, kill_after=after)
            else:
                power = Random(at) if kind == "power" else None
                code = sit(context, killed, partial(faults.dies, at, power))
            if code == -signal.SIGKILL:
                kills.append(f"{kind} {after:.2f} s" if kind == "instant" else f"{kind} {at}")
            elif code != 0:
                return Trial(seed, tuple(kills), (f"exit code {code}", *_last_line(killed)))
        wrong = sessions.differences(sessions.ended(alone), sessions.ended(killed))
    return Trial(seed, tuple(kills), tuple(wrong))


def _last_line(folder: Path) -> list[str]:
    """What the run said last, if anything."""
    log = folder / run_folder.LOG
    return log.read_text(encoding="utf-8").splitlines()[-1:] if log.exists() else []


def sit(
    context: ForkServerContext,
    folder: Path,
    fate: faults.Fate = faults.fine,
    kill_after: float = _PATIENCE,
) -> int:
    """One session in a process of its own, killed after so many seconds; its exit code, or -9."""
    process = context.Process(target=sessions.sit, args=(folder, fate))
    process.start()
    process.join(kill_after)
    process.kill()
    process.join()
    assert process.exitcode is not None
    return process.exitcode


if __name__ == "__main__":
    cli()
