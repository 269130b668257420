"""The commands for runs of the page: list, delete, bring back, empty the trash."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from core import presets
from core.cli.app import cli
from core.runs import event_log, label, run_folder
from core.runs import events as ev
from core.runs.processes import run_lock
from core.runs.settings import RunSettings


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A home with a finished run of the gradual preset, and a stopped one of ULMFiT."""
    monkeypatch.setenv("THAW_HOME", str(tmp_path))
    ends = {"one": ("gradual", ev.Finished(1.0)), "two": ("ulmfit", ev.Stopped(0))}
    for name, (preset, end) in ends.items():
        folder = tmp_path / "runs" / name
        run_folder.create(folder, presets.load(preset), RunSettings())
        event_log.append(folder, end)
        run_folder.write_summary(folder, run_folder.run_summary(folder, presets.load(preset)))
        run_lock.release(folder)
    return tmp_path / "runs"


def thaw(*arguments):
    return CliRunner().invoke(cli, list(arguments))


def test_runs_are_listed_with_how_they_stand_and_what_they_take(root):
    listed = thaw("runs")
    assert listed.exit_code == 0
    rows = {line.split()[0]: line for line in listed.stdout.splitlines()}
    assert rows.keys() == {"one", "two"}
    assert " finished " in rows["one"]
    assert " 0 of 6 " in rows["one"]
    assert " MB  Gradual unfreezing · today " in rows["one"]
    assert rows["one"].endswith(" · up to 1,000 × 64 px, Fashion-MNIST")
    assert " stopped " in rows["two"]
    assert f"2 in {root}, 0." in listed.stderr


def test_a_run_is_listed_by_its_own_name_with_its_star(root):
    label.write(root / "two", "Seed 3", "", starred=True)
    rows = {line.split()[0]: line for line in thaw("runs").stdout.splitlines()}
    assert " MB  ★ Seed 3 · ULMFiT · today " in rows["two"]


def test_a_deleted_run_comes_back_until_the_trash_is_emptied(root):
    assert thaw("delete", "one", "two").exit_code == 0
    listed = thaw("runs")
    assert listed.stdout == ""
    assert "; 2 deleted, 0." in listed.stderr
    gone = thaw("runs", "--deleted").stdout.splitlines()
    assert [line.split()[0] for line in gone] == ["two", "one"]
    assert " MB  ULMFiT · today " in gone[0]
    assert thaw("restore", "two").exit_code == 0
    assert run_folder.list_runs(root) == (root / "two",)
    emptied = thaw("empty-trash")
    assert emptied.stdout.endswith(" MB freed\n")
    gone = thaw("restore", "one")
    assert gone.exit_code == 2
    assert gone.stderr.startswith("error: run is 'one', which is not in the trash: ")


def test_a_damaged_run_is_listed_in_one_line(root):
    (root / "one" / "schedule.json").write_text('{"format":\n"x"}')
    (root / "one" / "summary.json").write_text('{"epochs_done": "a\\nb"}')
    lines = thaw("runs").stdout.splitlines()
    assert len(lines) == 2
    assert any(" damaged: " in line for line in lines)


def test_a_root_that_cannot_be_listed_is_told_and_a_missing_one_has_no_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("THAW_HOME", str(tmp_path))
    assert thaw("runs").stderr.startswith("0 in ")
    (tmp_path / "runs").touch()
    refused = thaw("runs")
    assert refused.exit_code == 2
    assert refused.stderr == (
        f"error: THAW_HOME is {str(tmp_path)!r}, where runs cannot be listed (Not a directory): "
        "set it to a folder that you may read\n"
    )


@pytest.mark.parametrize("run_id", ["../one", "three", "", "-x"])
def test_what_is_no_run_is_refused(root, run_id):
    refused = thaw("delete", "--", run_id)
    assert refused.exit_code == 2
    assert refused.stderr.startswith("error: run is ")
    assert refused.stderr.endswith(": see the list on the Run page, or python -m core runs\n")
    assert len(run_folder.list_runs(root)) == 2
