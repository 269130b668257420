from __future__ import annotations

import json
import os

import pytest

from core import presets
from core.cli import runs
from core.errors import InputError, SettingsError
from core.runs import event_log, report_facts, run_folder
from core.runs import events as ev
from core.runs.processes import run_lock
from core.runs.settings import RunSettings

SCHEDULE = presets.load("gradual")
SETTINGS = RunSettings(samples=77)


def test_a_folder_gives_back_what_it_was_made_with(run):
    assert run_folder.read(run) == (SCHEDULE, SETTINGS)
    assert run_folder.status(run) == "starting"
    assert event_log.read(run) == (ev.Launched(),)


def test_a_path_to_data_is_kept_so_that_it_holds_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_folder.create(tmp_path / "r", SCHEDULE, RunSettings(data="pictures"))
    assert run_folder.read(tmp_path / "r")[1].data == str(tmp_path / "pictures")


def test_a_folder_that_is_not_there_has_no_events_and_no_summary(tmp_path):
    assert event_log.read(tmp_path / "none") == ()
    assert run_folder.read_summary(tmp_path / "none") is None
    assert run_folder.status(tmp_path / "none") == "interrupted"
    assert run_lock.process(tmp_path / "none") is None


def test_the_status_from_events_that_were_read_is_the_folders(run):
    for told in (ev.Progress("loading"), ev.Notice("x")):
        event_log.append(run, told)
        assert (
            run_folder.status_from(run, event_log.read(run)) == run_folder.status(run) == "starting"
        )
    started = ev.Started(0.0, "cpu", "CPU", 4, 40, 20, ("a", "b"), 100, 0.5)
    for told in (started, ev.Step(0, 0, 1.0, {"head": 0.1}), ev.Progress("evaluating")):
        event_log.append(run, told)
        assert (
            run_folder.status_from(run, event_log.read(run)) == run_folder.status(run) == "running"
        )
    run_lock.request_stop(run)
    assert run_folder.status_from(run, event_log.read(run)) == run_folder.status(run) == "stopping"


def test_a_run_that_ended_since_its_events_were_read_is_not_taken_for_interrupted(run):
    read = event_log.read(run)
    event_log.append(run, ev.Finished(1.0))
    run_lock.release(run)
    assert run_folder.status_from(run, read) == "finished"


def test_a_folder_is_not_made_for_data_below_a_home_that_there_is_not(tmp_path):
    with pytest.raises(SettingsError, match=r"^--data is '~nosuchuser/x', but there is no such"):
        run_folder.create(tmp_path / "r", SCHEDULE, RunSettings(data="~nosuchuser/x"))
    assert not (tmp_path / "r").exists()


def test_a_summary_comes_back(run):
    event_log.append(run, ev.Failed("x"))
    written = run_folder.run_summary(run, SCHEDULE)
    run_folder.write_summary(run, written)
    assert run_folder.read_summary(run) == written
    assert written.status == "failed"
    (run / "summary.json").write_text("[1]")
    assert run_folder.read_summary(run) is None


def test_a_run_of_several_processes_is_resumed_in_as_many(tmp_path):
    run_folder.create(tmp_path / "r", SCHEDULE, RunSettings(processes=4))
    with pytest.raises(InputError, match="with: torchrun --nproc-per-node 4 -m core resume"):
        run_folder.create(tmp_path / "r", SCHEDULE, SETTINGS)


@pytest.mark.parametrize("held", ["run", "file"])
def test_a_folder_that_is_not_empty_is_refused(run, tmp_path, held):
    if held == "run":
        with pytest.raises(InputError, match="holds a run: resume it with: python -m core resume"):
            run_folder.create(run, SCHEDULE, SETTINGS)
        return
    (tmp_path / "x").touch()
    with pytest.raises(InputError, match=r"^--out is .* which is not empty: empty it, or name"):
        run_folder.create(tmp_path, SCHEDULE, SETTINGS)


def test_a_file_is_refused_as_a_run_folder(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InputError, match=r"^--out is .* which is not a folder"):
            run_folder.create(path, SCHEDULE, SETTINGS)


def test_discarding_takes_away_what_was_made_and_nothing_else(run):
    (run / "mine.txt").touch()
    run_folder.discard(run)
    assert [path.name for path in run.iterdir()] == ["mine.txt"]
    (run / "mine.txt").unlink()
    run_folder.discard(run)
    assert not run.exists()


BAD_IDS = [
    "../../x",
    "..",
    ".",
    "",
    "a/b",
    "/etc",
    "a\\b",
    "-x",
    "a" * 101,
    "a.b",
    "ä",
    "a\n",
    "a\0b",
]


@pytest.mark.parametrize("run_id", BAD_IDS)
def test_an_id_that_could_lead_elsewhere_is_refused(tmp_path, run_id):
    with pytest.raises(InputError, match=r"^run is .* which is not a run's id"):
        run_folder.find_run(tmp_path, run_id)


def test_an_id_leads_to_its_folder_if_there_is_one(run, tmp_path):
    assert run_folder.find_run(tmp_path, "run") == run
    with pytest.raises(InputError, match="which does not exist"):
        run_folder.find_run(tmp_path, "another")


def test_runs_are_listed_newest_first_and_junk_is_passed_over(tmp_path):
    for number, name in enumerate(["b", "a", "c"]):
        run_folder.create(tmp_path / name, SCHEDULE, SETTINGS)
        os.utime(tmp_path / name / "schedule.json", (number, number))
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "..x").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert [folder.name for folder in run_folder.list_runs(tmp_path)] == ["c", "a", "b"]
    assert run_folder.list_runs(tmp_path / "nowhere") == ()


def test_what_is_no_run_folder_is_refused_with_the_way_out(tmp_path):
    with pytest.raises(InputError, match=r"^DIR is .* which is not a run folder: name one with"):
        run_folder.read(tmp_path)


def test_the_end_of_a_log_is_its_last_characters(run, monkeypatch):
    assert run_folder.end_of_log(run) is None
    (run / run_folder.LOG).write_text("x" * 1_000_000 + "ä" * 3)
    monkeypatch.setattr(run_folder, "_LOG_CHARACTERS", 4)
    assert run_folder.end_of_log(run) == "xäää"


@pytest.mark.parametrize(
    "change",
    [
        {"validation_accuracy": 10**401},
        {"validation_accuracy": "62 %"},
        {"validation_accuracy": 1.5},
        {"seconds": -1},
        {"epochs_done": "a\nb"},
        {"status": "sleeping"},
        {"device": "x" * 1_000},
        {"audit": {}},
    ],
    ids=str,
)
def test_a_summary_that_says_what_no_run_says_is_no_summary(run, change):
    run_folder.write_summary(run, run_folder.run_summary(run, SCHEDULE))
    told = json.loads((run / "summary.json").read_text())
    (run / "summary.json").write_text(json.dumps(told | change))
    assert run_folder.read_summary(run) is None
    assert runs.row(run, 0)[3] == ""
    with pytest.raises(InputError, match="a run without an audit"):
        report_facts.report_facts(run, SCHEDULE)


def test_an_end_that_is_told_at_length_is_still_the_end(run):
    event_log.append(run, ev.Failed("x" * 100_000))
    run_lock.release(run)
    assert run_folder.status(run) == "failed"
