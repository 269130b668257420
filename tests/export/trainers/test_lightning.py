from __future__ import annotations

from pathlib import Path

import pytest

from tests.export.trainers import running
from tests.export.trainers.cases import CASES


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return running.run("lightning", "lightning", tmp_path_factory.mktemp("lightning"))


@pytest.mark.parametrize("case", CASES)
def test_lightning_has_thaws_rates_open_groups_and_modes_at_every_step(case: str, folder: Path):
    assert running.exported("lightning", CASES[case]).limitations == ()
    running.assert_rates_and_state(running.rows(folder, case), CASES[case])


def test_what_the_model_itself_keeps_constant_never_trains(folder: Path):
    case = next(iter(CASES))
    running.assert_rates_and_state(running.rows(folder, case, "adapted"), CASES[case])


def test_accumulated_batches_count_as_one_step(folder: Path):
    running.assert_accumulated(folder)


def test_a_run_resumed_within_an_epoch_goes_on_by_the_plan(folder: Path):
    running.assert_resumed(folder, first=7)


def test_data_of_unknown_length_are_refused_since_the_curve_would_run_backwards(folder: Path):
    told = "the training data has no length: set the Trainer's limit_train_batches"
    assert told in running.refusal(folder, "streamed")


def test_a_run_of_other_length_than_the_schedule_is_refused(folder: Path):
    assert "the schedule has 6 epochs: make a Trainer(max_epochs=6)" in running.refusal(folder)
