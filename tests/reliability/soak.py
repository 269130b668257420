"""Many short runs through the page's launcher: `python -m tests.reliability.soak --runs 200`.

The launcher is a process of its own that loads what the pages load, as the server does. After each
run its processes, open files, threads and memory are counted. Nothing may grow, no process may be
left beside it once a run has ended, and none when it is killed.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path

import psutil

from core import presets
from core.runs import run_folder
from core.runs.processes import launch, run_lock
from core.runs.settings import RunSettings
from core.schedule import edits

ROOT = Path(__file__).parents[2]
PATIENCE = 300.0
"""Seconds that a run may take."""
SHORT = RunSettings(samples=20, validation_samples=20, image_size=32, batch_size=20, device="cpu")


@dataclass(frozen=True, slots=True)
class Count:
    """The launcher after a run: bytes of its own memory, open descriptors, threads, children.

    `status` is how the run ended.
    """

    status: str
    memory: int
    files: int
    threads: int
    children: int


@dataclass(frozen=True, slots=True)
class Soak:
    """The counts after each run, and the processes that outlived the launcher."""

    counts: tuple[Count, ...]
    orphans: tuple[int, ...]

    @property
    def settled(self) -> int:
        """The place of the run from which on nothing may grow."""
        return min(9, len(self.counts) // 2)

    @property
    def growth(self) -> float:
        """The share by which memory has grown since then."""
        return self.counts[-1].memory / self.counts[self.settled].memory - 1


def soak(runs: int, home: Path) -> Soak:
    """Do that many runs in a launcher, which is then killed while it has a prewarmed worker."""
    command = [sys.executable, "-m", "tests.reliability.soak", "--launcher", str(home)]
    environment = {**os.environ, "THAW_HOME": str(home)}
    launcher = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    family = psutil.Process(launcher.pid)
    assert launcher.stdin is not None
    assert launcher.stdout is not None
    counts: list[Count] = []
    helpers: list[psutil.Process] = []
    try:
        for _ in range(runs):
            launcher.stdin.write("run\n")
            launcher.stdin.flush()
            counts.append(Count(**json.loads(launcher.stdout.readline())))
            print(f"run {len(counts)}: {counts[-1]}", file=sys.stderr)
        launcher.stdin.write("prepare\n")
        launcher.stdin.flush()
        launcher.stdout.readline()
        helpers = family.children(recursive=True)
    finally:
        launcher.kill()
        launcher.wait()
        launcher.stdin.close()
        launcher.stdout.close()
    _, left = psutil.wait_procs(helpers, timeout=60.0)
    return Soak(tuple(counts), tuple(process.pid for process in left))


def _launcher(home: Path) -> None:
    """What the launcher does: a run for each line that says so, and its count after it."""
    import_module("app")
    assert "torch" not in sys.modules
    for line in sys.stdin:
        launch.prewarm()
        if line == "run\n":
            print(json.dumps(asdict(_one_run(home / "runs"))), flush=True)
        else:
            print("prepared", flush=True)


def _one_run(root: Path) -> Count:
    schedule = edits.set_field(presets.load("head-only"), "epochs", 1)
    run = root / launch.start(schedule, SHORT, root)
    latest = time.monotonic() + PATIENCE
    own = psutil.Process()
    while run_lock.is_alive(run) or own.children():
        if time.monotonic() > latest:
            raise TimeoutError(run_folder.status(run))
        time.sleep(0.05)
    gc.collect()
    status = run_folder.status(run)
    return Count(status, _memory(own), own.num_fds(), own.num_threads(), len(own.children()))


def _memory(process: psutil.Process) -> int:
    """Bytes that the process holds itself.

    On Linux without what is mapped from files: libraries that another Python loads too are now its
    own, now not.
    """
    held = process.memory_info()
    return held.rss - getattr(held, "shared", 0)


def _lines(runs: int, done: Soak) -> Iterator[str]:
    """What is printed of a soak."""
    first, last = done.counts[done.settled], done.counts[-1]
    finished = sum(count.status == "finished" for count in done.counts)
    yield f"{finished} of {runs} runs finished"
    yield f"memory {first.memory / 1e6:.1f} MB, then {last.memory / 1e6:.1f} MB: {done.growth:+.1%}"
    yield f"open files {first.files}, then {last.files}; threads {first.threads}, {last.threads}"
    yield f"children after a run: at most {max(count.children for count in done.counts)}"
    yield f"processes that outlived the killed launcher: {len(done.orphans)}"


def main() -> None:
    """Soak, and print what came out; or be the launcher of a soak."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200, help="how many  [default: 200]")
    parser.add_argument("--launcher", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.launcher is not None:
        _launcher(asked.launcher)
        return
    with tempfile.TemporaryDirectory() as home:
        for line in _lines(asked.runs, soak(asked.runs, Path(home))):
            print(line)


if __name__ == "__main__":
    main()
