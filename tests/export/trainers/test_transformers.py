from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.schedule import plan
from tests.export.trainers import running
from tests.export.trainers.cases import CASES

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return running.run("transformers", "transformers", tmp_path_factory.mktemp("transformers"))


@pytest.mark.parametrize("case", CASES)
def test_hugging_faces_trainer_has_thaws_rates_open_groups_and_modes_at_every_step(
    case: str, folder: Path
):
    assert running.exported("transformers", CASES[case]).limitations == ()
    running.assert_rates_and_state(running.rows(folder, case), CASES[case])


def test_what_the_model_itself_keeps_constant_never_trains(folder: Path):
    case = next(iter(CASES))
    running.assert_rates_and_state(running.rows(folder, case, "adapted"), CASES[case])


def test_accumulated_batches_count_as_one_step(folder: Path):
    running.assert_accumulated(folder)


def test_a_run_resumed_within_an_epoch_goes_on_by_the_plan(folder: Path):
    running.assert_resumed(folder, first=7)


def test_a_run_of_other_length_than_the_schedule_is_refused(folder: Path):
    said = "Trainer would take 35 steps, but the schedule has 6 epochs of 5"
    assert said in running.refusal(folder)


def test_parameters_freeze_as_a_step_begins_since_replicas_of_the_model_have_none(folder: Path):
    case = list(CASES)[-1]
    found = json.loads((folder / "before.json").read_text(encoding="utf-8"))
    assert found == [
        [plan.trains_in(group, epoch) for group in CASES[case].groups]
        for epoch in range(CASES[case].epochs)
    ]
