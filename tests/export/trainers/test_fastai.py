from __future__ import annotations

from pathlib import Path

import pytest

from tests.export.thrice import STEPS
from tests.export.trainers import running
from tests.export.trainers.cases import CASES

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return running.run("fastai", "fastai", tmp_path_factory.mktemp("fastai"))


@pytest.mark.parametrize("case", CASES)
def test_fastai_has_thaws_rates_open_groups_and_modes_at_every_step(case: str, folder: Path):
    running.assert_rates_and_state(running.rows(folder, case), CASES[case])


def test_what_the_model_itself_keeps_constant_never_trains(folder: Path):
    case = next(reversed(CASES))
    running.assert_rates_and_state(running.rows(folder, case, "adapted"), CASES[case])


def test_a_fit_that_starts_at_a_later_epoch_goes_on_by_the_plan(folder: Path):
    running.assert_resumed(folder, first=2 * STEPS)


def test_accumulated_batches_have_the_rate_of_their_last_one_as_declared(folder: Path):
    case = next(iter(CASES))
    schedule = CASES[case]
    assert [each.field for each in running.exported("fastai", schedule).limitations] == [
        "lr.interval"
    ]
    found = running.rows(folder, case, "accumulated")
    by_batch = running.rows(folder, case)[1::2]
    assert [row["head"].lr for row in found] == [row["head"].lr for row in by_batch]


def test_a_run_of_other_length_than_the_schedule_is_refused(folder: Path):
    assert "the schedule has 6 epochs: call fit(6)" in running.refusal(folder)
