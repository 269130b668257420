from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from core.design import curves, plan
from core.design.spec import Group, Schedule
from core.export import finetuning_scheduler
from tests.export.thrice import STEPS
from tests.export.trainers import running
from tests.export.trainers.cases import CASES

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("finetuning-scheduler")
    return running.run("finetuning-scheduler", "finetuning_scheduler", made)


@pytest.mark.parametrize("case", CASES)
def test_finetuning_scheduler_does_what_the_export_says_it_will(case: str, folder: Path):
    claimed = finetuning_scheduler.said(CASES[case])
    running.assert_rates_and_state(running.rows(folder, case), claimed)


def test_a_group_that_should_freeze_again_goes_on_training_as_declared(folder: Path):
    schedule = CASES["frozen-again"]
    told = [loss.field for loss in running.exported("finetuning-scheduler", schedule).losses]
    found = running.rows(folder, "frozen-again")
    for place, group in enumerate(schedule.groups):
        wrong = any(
            row[group.name].trains != plan.is_open(group, step // STEPS)
            for step, row in enumerate(found)
        )
        assert wrong == (f"groups[{place}].trainable" in told), group.name


def test_groups_that_thaw_together_later_share_a_rate_as_declared(folder: Path):
    schedule = CASES["frozen-again"]
    losses = running.exported("finetuning-scheduler", schedule).losses
    (shared,) = [loss for loss in losses if loss.field == "lr.group_decay"]
    layer1, layer2 = schedule.groups[1:3]
    assert shared.instead == f"{layer2.name} peaks at 0.000125 instead of 0.00025"
    assert curves.peak(schedule, layer1) == 0.000125
    last = running.rows(folder, "frozen-again")[-1]
    assert last[layer2.name].lr == last[layer1.name].lr
    assert curves.relative_error(last[layer2.name].lr, _due(schedule, layer2)) > 0.1


def _due(schedule: Schedule, group: Group) -> float:
    """The group's rate at the last step."""
    return float(curves.lr(schedule, group, schedule.epochs - 1 / STEPS))


@pytest.mark.parametrize("case", CASES)
def test_phases_give_later_groups_their_peak_and_the_first_ones_none_as_declared(case: str):
    schedule = CASES[case]
    made = running.exported("finetuning-scheduler", schedule)
    assert made.losses[0].field == "lr"
    phases = yaml.safe_load(made.content)
    assert "lr" not in phases[0]
    claimed = finetuning_scheduler.said(schedule)
    peaks = {curves.peak(claimed, group) for group in claimed.groups if group.trainable}
    assert {phase["lr"] for depth, phase in phases.items() if depth > 0} <= peaks
