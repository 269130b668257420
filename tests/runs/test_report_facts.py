from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from core import presets
from core.cli.app import cli
from core.errors import InputError
from core.runs import event_log, label, report_facts, run_folder
from core.runs import events as ev
from core.runs.settings import RunSettings
from core.schedule import edits
from core.schedule.parse import dumps

EXERCISE = presets.load("exercise")
BEGUN = datetime.fromtimestamp(0.0).astimezone().strftime("%Y-%m-%d %H:%M %Z")


def a_run(home: Path, *, audited: bool = True, moved: bool = False) -> Path:
    run = home / "run"
    run_folder.create(run, EXERCISE, RunSettings(samples=40))
    versions = {"Python": "3.13.1", "torch": "2.9.0"}
    started = ev.Started(
        0.0, "cpu", "CPU, 2 cores", 2, 40, 20, ("a", "b"), 100, 0.5, versions=versions
    )
    event_log.append(run, started)
    epoch = ev.EpochDone(0, ("head",), 100, 0.7, 0.6, 0.69, 0.625, 3.0, 10.0, 1000)
    event_log.append(run, epoch)
    if audited:
        event_log.append(run, ev.Audit(40, 2.5e-16, not moved))
        event_log.append(run, ev.Finished(65.0))
    run_folder.write_summary(run, run_folder.run_summary(run, EXERCISE))
    return run


def test_a_finished_run_is_told_in_words(tmp_path: Path):
    assert report_facts.report_facts(a_run(tmp_path), EXERCISE) == (
        ("run", "finished in 1 min 05 s on CPU, 2 cores"),
        ("data", "Fashion-MNIST, 2 classes: 40 images to train, 20 to validate, 64 × 64 px"),
        (
            "trained with",
            "batch size 32, augmentation none, precision exact, fused optimizer steps, seed 0",
        ),
        ("begun", BEGUN),
        ("versions", "Python 3.13.1, torch 2.9.0"),
        ("validation", "loss 0.6900, accuracy 62.5%, after the last epoch"),
        ("always the commonest class", "accuracy 50.0%"),
        ("rates", "40 steps, largest relative difference 2.5e-16"),
        ("frozen groups", "did not move"),
    )


def test_a_run_of_a_name_of_its_own_is_told_by_it(tmp_path: Path):
    run = a_run(tmp_path)
    label.write(run, "Seed 3", "")
    assert report_facts.report_facts(run, EXERCISE)[0][1].startswith("“Seed 3”, finished in ")


def test_a_group_that_moved_is_told(tmp_path: Path):
    facts = dict(report_facts.report_facts(a_run(tmp_path, moved=True), EXERCISE))
    assert facts["frozen groups"] == "moved: their bits differ"


def test_another_schedules_run_and_one_without_an_audit_are_refused(tmp_path: Path):
    run = a_run(tmp_path, audited=False)
    with pytest.raises(InputError, match="a run without an audit: let it finish first"):
        report_facts.report_facts(run, EXERCISE)
    with pytest.raises(InputError, match="a run of another schedule"):
        report_facts.report_facts(run, presets.load("gradual"))


def test_a_schedule_that_was_renamed_after_its_run_still_has_that_run(tmp_path: Path):
    run = a_run(tmp_path)
    assert report_facts.report_facts(run, edits.set_field(EXERCISE, "name", "Renamed"))


def test_the_command_line_puts_the_audit_into_the_report(tmp_path: Path):
    run, file, out = a_run(tmp_path), tmp_path / "in.json", tmp_path / "out.html"
    file.write_text(dumps(EXERCISE), encoding="utf-8")
    command = ["export", str(file), "--to", "html", "--out", str(out), "--run", str(run)]
    done = CliRunner().invoke(cli, command)
    assert done.exit_code == 0, done.output
    report = out.read_text(encoding="utf-8")
    assert "40 steps, largest relative difference 2.5e-16" in report
    assert "40 images to train, 20 to validate, 64 × 64 px" in report
    assert BEGUN in report
    assert "the run:" not in done.stderr
    nowhere = CliRunner().invoke(cli, [*command[:-1], str(tmp_path / "none")])
    assert nowhere.exit_code == 2
