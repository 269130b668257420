"""The runs that repeat a schedule with other seeds, and their results."""

from __future__ import annotations

from pathlib import Path

import pytest

from core import presets
from core.runs import run_folder
from core.runs.repeats import repeats, trial_of
from core.runs.settings import RunSettings
from core.schedule import edits
from tests.runs.made import SETTINGS, finished_run

GRADUAL = presets.load("gradual")


def made(home: Path, name: str, seed: int, share: float = 0.75, **settings: object) -> Path:
    own = SETTINGS.model_copy(update={"seed": seed, **settings})
    finished_run(home, name, GRADUAL, [0.5, share], settings=own, predicts=True)
    return home / "runs" / name


def test_a_trial_has_the_result_of_the_last_epoch_and_of_each_image(tmp_path: Path) -> None:
    trial = trial_of(made(tmp_path, "one", 3))
    assert trial is not None
    assert (trial.seed, trial.accuracy, trial.images) == (3, 0.75, 20)
    assert sum(trial.right.values()) == 15


def test_runs_of_other_seeds_repeat_and_those_of_other_settings_or_schedules_do_not(
    tmp_path: Path,
) -> None:
    one, two = made(tmp_path, "one", 1), made(tmp_path, "two", 0)
    again = made(tmp_path, "again", 1)
    cached = made(tmp_path, "cached", 2, cache="off")
    other = made(tmp_path, "other", 4, batch_size=8)
    runs = [one, two, again, cached, other]
    assert {seed: run for seed, (run, _) in repeats(runs, GRADUAL, SETTINGS).items()} == {
        0: two,
        1: one,
        2: cached,
    }
    renamed = edits.set_field(GRADUAL, "name", "Renamed")
    assert [*repeats(runs, renamed, SETTINGS)] == [0, 1, 2]
    assert repeats(runs, presets.load("head-only"), SETTINGS) == {}
    assert repeats(runs, GRADUAL, RunSettings()) == {}


@pytest.mark.parametrize("damage", [run_folder.SUMMARY, run_folder.SETTINGS, run_folder.SCHEDULE])
def test_a_damaged_run_repeats_nothing(tmp_path: Path, damage: str) -> None:
    run = made(tmp_path, "one", 0)
    (run / damage).write_text("{")
    assert repeats([run, tmp_path / "gone"], GRADUAL, SETTINGS) == {}


def test_a_run_without_predictions_has_its_accuracy_alone(tmp_path: Path) -> None:
    run = made(tmp_path, "one", 0)
    (run / run_folder.PREDICTIONS).unlink()
    trial = trial_of(run)
    assert trial is not None
    assert (trial.accuracy, trial.right) == (0.75, {})
