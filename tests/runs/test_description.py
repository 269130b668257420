"""How a run is told from others: by data, size, result and time, in the same words everywhere."""

from __future__ import annotations

import os
from datetime import datetime

import pytest

from core import presets
from core.runs import event_log, label, run_folder
from core.runs import events as ev
from core.runs.description import conditions, describe
from core.runs.processes import run_lock
from core.runs.progress import run_progress
from core.runs.results import run_results
from core.runs.settings import RunSettings
from core.schedule import edits
from core.schedule.parse import dumps
from pages.components.run import status_card

SCHEDULE = presets.load("gradual")


def made(folder, accuracies=(0.9, 0.75), *, settings=None, end=None):
    """A run that ended after an epoch per accuracy, with its summary."""
    run_folder.create(folder, SCHEDULE, settings or RunSettings(samples=1_000, image_size=96))
    event_log.append(folder, ev.Launched())
    event_log.append(folder, ev.Progress("loading", 1, 2))
    event_log.append(folder, ev.Started(0.0, "cpu", "CPU", 2, 800, 20, ("a", "b"), 100, 0.5))
    for at, share in enumerate(accuracies):
        done = ev.EpochDone(at, ("head",), 10, 1.0, 0.5, 1.0, share, 1.0, 9.0, 9)
        event_log.append(folder, done)
    event_log.append(folder, end or ev.Finished(9.0))
    run_folder.write_summary(folder, run_folder.run_summary(folder, SCHEDULE))
    run_lock.release(folder)
    return folder


def test_a_run_is_told_by_time_result_data_images_and_size(tmp_path):
    run = made(tmp_path / "run")
    now = datetime.now()
    os.utime(run / run_folder.SCHEDULE, (now.timestamp(), now.timestamp()))
    told = describe(run)
    assert (told.name, told.schedule, told.note) == ("Gradual unfreezing", "", "")
    assert told.line == f"75.0% · today {now:%H:%M} · 800 × 96 px, Fashion-MNIST"
    then = datetime(2020, 2, 3, 4, 5).timestamp()
    os.utime(run / run_folder.SCHEDULE, (then, then))
    assert describe(run).when == "3 Feb 2020 04:05"


def test_a_run_of_an_own_name_keeps_its_schedules_beside_it(tmp_path):
    run = made(tmp_path / "run", end=ev.Stopped(2))
    label.write(run, "Seed 3", "as before")
    told = describe(run)
    assert (told.name, told.schedule, told.note) == ("Seed 3", SCHEDULE.name, "as before")
    assert told.line.endswith(f" · {SCHEDULE.name}")
    assert told.result == "stopped, 75.0%"


def test_runs_that_differ_in_data_images_size_or_result_are_told_apart(tmp_path):
    folder = tmp_path / "cats and dogs"
    folder.mkdir()
    runs = [
        made(tmp_path / "a"),
        made(tmp_path / "b", (0.9, 0.5)),
        made(tmp_path / "c", settings=RunSettings(image_size=64)),
        made(tmp_path / "d", settings=RunSettings(data=str(folder), image_size=96)),
        made(tmp_path / "e", end=ev.Failed("why")),
    ]
    for run in runs:
        os.utime(run / run_folder.SCHEDULE, (1e9, 1e9))
    lines = [describe(run).line for run in runs]
    assert len(set(lines)) == len(lines)
    assert lines[3].endswith(" · 800 × 96 px, cats and dogs")


def test_the_accuracy_of_a_run_is_that_after_its_last_epoch_wherever_it_is_told(tmp_path):
    run = made(tmp_path / "run")
    assert describe(run).result == "75.0%"
    assert run_results(run).accuracy == describe(run).state.accuracy == 0.75
    told = status_card._headline(SCHEDULE, "finished", run_progress(event_log.read(run)))
    assert "validation accuracy 75.0%, after the last epoch" in told
    assert "90.0%" not in told


def test_before_it_has_looked_at_its_data_a_run_is_told_by_the_most_it_may_take(run):
    told = describe(run)
    assert (told.result, told.data) == ("starting", "up to 77 × 64 px, Fashion-MNIST")


@pytest.mark.parametrize("damage", [run_folder.SCHEDULE, run_folder.SETTINGS])
def test_of_a_damaged_run_what_can_be_read_is_told(run, damage):
    run_lock.release(run)
    (run / damage).write_text("{")
    told = describe(run)
    assert (told.name, told.data, told.result) == ("run", "", "interrupted")


def test_a_run_that_is_gone_has_only_the_name_of_its_folder(tmp_path):
    told = describe(tmp_path / "gone")
    assert (told.name, told.when, told.data) == ("gone", "", "")


def test_a_changed_schedule_file_is_read_again(run):
    assert describe(run).name == SCHEDULE.name
    folder = run / run_folder.SCHEDULE
    folder.write_text(dumps(edits.set_field(SCHEDULE, "name", "Other")))
    os.utime(folder, (1e9, 1e9))
    assert describe(run).name == "Other"


def test_a_beginning_that_no_calendar_has_is_left_out(run):
    event_log.append(run, ev.Started(1e18, "cpu", "CPU", 2, 800, 20, ("a", "b"), 100, 0.5))
    assert "begun" not in dict(conditions(run, RunSettings()))


def test_the_conditions_name_clipping_autocast_and_memory_format_where_they_are_chosen(run):
    chosen = RunSettings(clip_norm=0.5, autocast="bf16", memory_format="channels_last")
    told = dict(conditions(run, chosen))["trained with"]
    for words in ("clipped to a norm of 0.5", "autocast bf16", "memory format channels_last"):
        assert words in told
        assert words.split()[0] not in dict(conditions(run, RunSettings()))["trained with"]
