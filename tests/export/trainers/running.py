"""A trainer that runs exported code in a process of its own, with its own warnings, and the law."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from core.errors import ExportError
from core.export import targets
from core.export.export_result import Exported, ExportSource
from core.models import layer_table
from core.schedule import curves, parse, plan
from core.schedule.spec import Group, Schedule
from tests.export.thrice import STEPS
from tests.export.trainers.cases import CASES

ROOT = Path(__file__).parents[3]
TABLE = layer_table.load("torchvision/resnet18")


class Row(NamedTuple):
    """What a group had at a step, as `recording.Record` keeps it."""

    lr: float | None
    trains: bool
    batchnorm: bool | None
    others: bool | None


Rows = list[dict[str, Row]]


def exported(target: str, schedule: Schedule) -> Exported:
    """The schedule for a target, with the layer table of its model."""
    return targets.export(target, ExportSource(schedule, STEPS, TABLE))


def python_with(package: str) -> str:
    """The Python that THAW_TRAINERS names; without that variable this one, or the test is skipped.

    What it runs fails where the named one has no such package.
    """
    python = os.environ.get("THAW_TRAINERS")
    if python is None and find_spec(package) is None:
        pytest.skip(f"no {package}: pip install -r tests/export/requirements.txt")
    return python or sys.executable


def run(target: str, package: str, folder: Path) -> Path:
    """Train by every case that the target takes, and return the folder with the records."""
    python = python_with(package)
    names = [name for name in CASES if write(target, name, folder)]
    module = f"tests.export.trainers.in_{target.replace('-', '_')}"
    call([python, "-m", module, str(folder), *names])
    return folder


def call(command: list[str]) -> None:
    """Run it to its end, which must be a good one."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr[-3000:]


def write(target: str, name: str, folder: Path) -> bool:
    """Write a case and its export; False if the target refuses it."""
    try:
        made = exported(target, CASES[name])
    except ExportError:
        return False
    assert isinstance(made.content, str)
    (folder / f"{name}.json").write_text(parse.dumps(CASES[name]), encoding="utf-8")
    suffix = targets.by_name(target).suffix
    (folder / f"{name}{suffix}").write_text(made.content, encoding="utf-8")
    if suffix != ".py":
        (folder / f"{name}.py").write_text(
            targets.usage(targets.by_name(target), made, f"{name}{suffix}"), encoding="utf-8"
        )
    return True


def rows(folder: Path, case: str, variant: str = "plain") -> Rows:
    """The record of one run."""
    raw: list[dict[str, Any]] = json.loads(
        (folder / f"{case}.{variant}.json").read_text(encoding="utf-8")
    )
    return [{name: Row(*values) for name, values in step.items()} for step in raw]


def assert_rates_and_state(
    found: Rows, schedule: Schedule, steps_per_epoch: int = STEPS, first: int = 0
) -> None:
    """Every rate to 1e-12 of itself; who trains, and which modules are in train mode, exactly.

    `first` is the step of the first row. The rate of a frozen group that the optimizer does not
    have is not looked at.
    """
    assert len(found) == schedule.epochs * steps_per_epoch - first
    for step, row in enumerate(found, first):
        t = curves.time_of_step(schedule, step, steps_per_epoch)
        for group in schedule.groups:
            trains = plan.trains_in(group, step // steps_per_epoch)
            seen = row[group.name]
            assert seen.trains == trains, (step, group.name)
            assert_modes(seen, group, trains)
            if seen.lr is None:
                assert not trains
                continue
            due = float(curves.lr(schedule, group, t))
            assert curves.relative_error(seen.lr, due) <= 1e-12, (step, group.name, seen.lr, due)


def assert_accumulated(folder: Path) -> None:
    """The first case, run with two batches a step, so that an epoch of five has three steps."""
    case = next(iter(CASES))
    assert_rates_and_state(rows(folder, case, "accumulated"), CASES[case], 3)


def assert_resumed(folder: Path, first: int) -> None:
    """The last case, run from a checkpoint on whose next step is `first`."""
    case = next(reversed(CASES))
    assert_rates_and_state(rows(folder, case, "resumed"), CASES[case], first=first)


def refusal(folder: Path, name: str = "refusal") -> str:
    """What the run of another length than the schedule's was refused with, or another by name."""
    return (folder / f"{name}.txt").read_text(encoding="utf-8")


def assert_modes(seen: Row, group: Group, trains: bool) -> None:
    """A frozen group is in eval mode unless the schedule says otherwise; so is held BatchNorm."""
    moves = trains or group.when_frozen == "train"
    assert seen.others in (None, moves), group.name
    assert seen.batchnorm in (None, moves and group.batchnorm is None), group.name
