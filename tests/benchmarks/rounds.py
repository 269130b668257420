"""Rounds over all contestants, so that whatever slows the machine for a while meets everyone."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from tests.benchmarks import jpegs
from tests.benchmarks.contestants import BOUND, CONTESTANTS, PLAIN
from tests.benchmarks.job import ContestantFailed, Job, run
from tests.benchmarks.measure import Measured, cores
from tests.benchmarks.scenarios import Scenario


@dataclass(slots=True)
class Results:
    """What came out of one scenario: per contestant, its rounds, and how its weights ended.

    `differences` has, per round, None for the very bits of the plain loop's weights, else the
    largest difference of a weight. `failed` tells why a contestant dropped out. `parts` has the
    seconds by part of those of which they are known, from a run after the rounds.
    """

    scenario: Scenario
    measured: dict[str, list[Measured]] = field(default_factory=dict)
    differences: dict[str, list[float | None]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    parts: dict[str, dict[str, float]] = field(default_factory=dict)


def compete(
    scenario: Scenario,
    names: Sequence[str],
    rounds: int,
    *,
    quick: bool,
    parts: bool,
    say: Callable[[str], None],
) -> Results:
    """Run all contestants one after the other in each round, beginning with another every time.

    Quick ones run side by side, since their seconds mean nothing. With `parts`, those of which it
    is known where their seconds go run once more.
    """
    results = Results(scenario, {name: [] for name in names}, {name: [] for name in names})
    with tempfile.TemporaryDirectory() as scratch:
        images = None
        if scenario.files is not None:
            images = f"{scratch}/images"
            say("writing the JPEG files")
            jpegs.write(Path(images), scenario, scenario.files)

        def job(name: str, *, profile: bool = False) -> Job:
            weights = f"{scratch}/{name}.safetensors"
            return Job(name, scenario.name, quick, weights, images, profile)

        for number in range(rounds):
            first = number % len(names)
            left = [n for n in (*names[first:], *names[:first]) if n not in results.failed]
            jobs = [job(name) for name in left]
            with ThreadPoolExecutor(cores() if quick else 1) as pool:
                for name, measured in zip(left, pool.map(_try, jobs), strict=True):
                    if isinstance(measured, ContestantFailed):
                        results.failed[name] = str(measured)
                        say(f"round {number + 1}: {name} failed:\n{measured.said}")
                    else:
                        results.measured[name].append(measured)
                        say(f"round {number + 1}: {name} {measured.seconds:.1f} s")
            _compare(results, Path(scratch))
        for name in names:
            if parts and CONTESTANTS[name].has_parts and name not in results.failed:
                say(f"where the seconds of {name} go")
                results.parts[name] = run(job(name, profile=True)).parts
    return results


def _try(job: Job) -> Measured | ContestantFailed:
    try:
        return run(job)
    except ContestantFailed as failed:
        return failed


def _compare(results: Results, scratch: Path) -> None:
    """Hold the round's weights against the plain loop's."""
    reference = scratch / f"{PLAIN}.safetensors"
    if not reference.exists():
        return
    for name in results.measured:
        weights = scratch / f"{name}.safetensors"
        if name not in (PLAIN, BOUND) and weights.exists():
            results.differences[name].append(difference(weights, reference))


def difference(one: Path, other: Path) -> float | None:
    """None if both files hold the same tensors bit for bit, else the largest difference."""
    first, second = load_file(one), load_file(other)
    if first.keys() != second.keys():
        return float("inf")
    pairs = [(first[name], second[name]) for name in first]
    if all(a.dtype == b.dtype and a.tobytes() == b.tobytes() for a, b in pairs):
        return None
    return max(float(np.abs(a.astype(np.float64) - b).max()) for a, b in pairs if a.size)
