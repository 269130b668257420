from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from core.export import finetuning_scheduler
from core.schedule import curves, plan
from core.schedule.spec import Group, Schedule
from tests.export.thrice import STEPS
from tests.export.trainers import running
from tests.export.trainers.cases import CASES

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("finetuning-scheduler")
    return running.run("finetuning-scheduler", "finetuning_scheduler", made)


@pytest.mark.parametrize("case", CASES)
def test_finetuning_scheduler_does_what_the_export_says_it_will(case: str, folder: Path):
    claimed = finetuning_scheduler.expressible(CASES[case])
    running.assert_rates_and_state(running.rows(folder, case), claimed)


def test_what_the_model_itself_keeps_constant_never_trains(folder: Path):
    case = next(iter(CASES))
    running.assert_rates_and_state(
        running.rows(folder, case, "adapted"), finetuning_scheduler.expressible(CASES[case])
    )


def test_a_group_that_should_freeze_again_goes_on_training_as_declared(folder: Path):
    schedule = CASES["frozen-again"]
    told = [each.field for each in running.exported("finetuning-scheduler", schedule).limitations]
    found = running.rows(folder, "frozen-again")
    for place, group in enumerate(schedule.groups):
        wrong = any(
            row[group.name].trains != plan.trains_in(group, step // STEPS)
            for step, row in enumerate(found)
        )
        assert wrong == (f"groups[{place}].trainable" in told), group.name


@pytest.mark.parametrize(
    ("place", "field", "told"),
    [
        (2, "lr.group_decay", "peaks at 1.25e-4 instead of 2.5e-4"),
        (3, "groups[3].lr_scale", "peaks at 1.25e-4 instead of 6e-4"),
    ],
)
def test_groups_that_thaw_together_later_share_a_rate_as_declared(
    place: int, field: str, told: str, folder: Path
):
    schedule = CASES["frozen-again"]
    limitations = running.exported("finetuning-scheduler", schedule).limitations
    slowest, other = schedule.groups[1], schedule.groups[place]
    assert [each.instead for each in limitations if each.field == field] == [f"{other.name} {told}"]
    assert curves.peak(schedule, slowest) == 0.000125
    last = running.rows(folder, "frozen-again")[-1]
    assert last[other.name].lr == last[slowest.name].lr
    assert curves.relative_error(last[other.name].lr, _due(schedule, other)) > 0.1


def _due(schedule: Schedule, group: Group) -> float:
    """The group's rate at the last step."""
    return float(curves.lr(schedule, group, schedule.epochs - 1 / STEPS))


@pytest.mark.parametrize("case", CASES)
def test_phases_give_later_groups_their_peak_and_the_first_ones_none_as_declared(case: str):
    schedule = CASES[case]
    made = running.exported("finetuning-scheduler", schedule)
    assert made.limitations[0].field == "lr"
    phases = yaml.safe_load(made.content)
    assert "lr" not in phases[0]
    claimed = finetuning_scheduler.expressible(schedule)
    peaks = {curves.peak(claimed, group) for group in claimed.groups if group.trainable}
    assert {phase["lr"] for depth, phase in phases.items() if depth > 0} <= peaks


def test_the_file_alone_keeps_every_group_at_its_peak_as_declared(folder: Path):
    case = next(iter(CASES))
    schedule = CASES[case]
    assert running.exported("finetuning-scheduler", schedule).limitations[0].field == "lr"
    found = running.rows(folder, case, "alone")
    for group in schedule.groups[2:]:
        rates = {row[group.name].lr for row in found if row[group.name].trains}
        assert rates == {curves.peak(schedule, group)}
