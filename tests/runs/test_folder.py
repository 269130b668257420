from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.design import presets
from core.errors import InputError, SettingsError
from core.runs import events as ev
from core.runs import folder as folders
from core.runs.settings import RunSettings

ROOT = Path(__file__).parents[2]
SCHEDULE = presets.load("gradual")
SETTINGS = RunSettings(samples=77)


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "run"
    folders.create(folder, SCHEDULE, SETTINGS)
    return folder


def test_a_folder_gives_back_what_it_was_made_with(run):
    assert folders.read(run) == (SCHEDULE, SETTINGS)
    assert folders.status(run) == "starting"
    assert folders.events(run) == (ev.Launched(),)


def test_a_path_to_data_is_kept_so_that_it_holds_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folders.create(tmp_path / "r", SCHEDULE, RunSettings(data="pictures"))
    assert folders.read(tmp_path / "r")[1].data == str(tmp_path / "pictures")


def test_events_come_back_in_order(run):
    told = [ev.Progress("loading"), ev.Step(0, 0, 0.1 + 0.2, {"héad": 1e-3}), ev.Failed("a\nb")]
    for event in told:
        folders.append(run, event)
    assert folders.events(run) == (ev.Launched(), *told)


def test_a_torn_last_line_is_passed_over_and_closed_by_the_next_event(run):
    with (run / "events.jsonl").open("ab") as file:
        file.write(b'{"step": 3, "epo')
    assert folders.events(run) == (ev.Launched(),)
    folders.append(run, ev.Finished(1.0))
    assert folders.events(run) == (ev.Launched(), ev.Finished(1.0))


@given(cut=st.integers(0, 200), junk=st.binary(max_size=40))
def test_whatever_lies_in_the_file_reading_it_never_fails(tmp_path_factory, cut, junk):
    folder = tmp_path_factory.mktemp("junk")
    line = ev.EVENT.dump_json(ev.Step(1, 0, 2.0, {"head": 0.1}))
    (folder / "events.jsonl").write_bytes(line[:cut] + junk + b"\n" + line + b"\n")
    assert folders.events(folder)[-1] == ev.Step(1, 0, 2.0, {"head": 0.1})


def test_reading_on_from_an_offset_gives_only_what_is_new_and_whole(run):
    first, offset = folders.read_new(run, 0)
    assert first == (ev.Launched(),)
    assert folders.read_new(run, offset) == ((), offset)
    with (run / "events.jsonl").open("ab") as file:
        file.write(ev.EVENT.dump_json(ev.Notice("x")) + b"\n" + b'{"half')
    new, later = folders.read_new(run, offset)
    assert new == (ev.Notice("x"),)
    assert later == (run / "events.jsonl").stat().st_size - len(b'{"half')


def test_a_folder_that_is_not_there_has_no_events_and_no_summary(tmp_path):
    assert folders.events(tmp_path / "none") == ()
    assert folders.summary(tmp_path / "none") is None
    assert folders.status(tmp_path / "none") == "interrupted"
    assert folders.process(tmp_path / "none") is None


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"pid": "x"}', '{"pid": 1e400}', '{"pid": -4}']
)
def test_a_pid_file_that_makes_no_sense_means_that_nobody_runs_it(run, content):
    (run / "pid").write_text(content)
    assert folders.process(run) is None
    assert folders.status(run) == "interrupted"


def test_a_process_with_the_same_id_but_another_start_is_another_process(run):
    own = psutil.Process()
    folders.write_pid(run, own)
    assert folders.process(run) == own
    noted = {"pid": own.pid, "started": own.create_time() - 100}
    (run / "pid").write_text(json.dumps(noted))
    assert folders.process(run) is None


def test_a_zombie_is_not_alive(run):
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    owner = psutil.Process(child.pid)
    folders.write_pid(run, owner)
    assert folders.process(run) == owner
    child.stdin.close()
    end = time.monotonic() + 60.0
    while owner.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert folders.process(run) is None
    assert folders.status(run) == "interrupted"
    child.wait()


def test_a_folder_that_a_living_process_runs_cannot_be_claimed(run):
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    folders.write_pid(run, psutil.Process(child.pid))
    with pytest.raises(InputError, match=f"which process {child.pid} is running: stop that one"):
        folders.claim(run)
    child.communicate()
    folders.claim(run)
    assert folders.process(run) == psutil.Process()
    with pytest.raises(InputError, match="stop that one first"):
        folders.claim(run)


def test_of_many_that_claim_a_folder_at_once_one_gets_it(run):
    folders.release(run)
    together = threading.Barrier(8)
    refused = []

    def claim():
        together.wait(60.0)
        try:
            folders.claim(run)
        except InputError as error:
            refused.append(error)

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60.0)
    assert len(refused) == 7
    assert folders.events(run) == (ev.Launched(), ev.Launched())


def test_of_two_processes_that_claim_a_folder_at_once_one_gets_it(run):
    folders.release(run)
    code = (
        "import sys; from pathlib import Path; from core.runs import folder;"
        "print('ready', flush=True); input(); folder.claim(Path(sys.argv[1]));"
        "print('claimed', flush=True); input()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    command = [sys.executable, "-c", code, str(run)]
    both = [subprocess.Popen(command, text=True, cwd=ROOT, **pipes) for _ in range(2)]
    for child in both:
        assert child.stdout.readline() == "ready\n"
    for child in both:
        child.stdin.write("\n")
        child.stdin.flush()
    told = [child.stdout.readline() for child in both]
    for child in both:
        child.communicate("\n", timeout=60)
    assert sorted(told) == ["", "claimed\n"]


def test_a_claim_withdraws_an_old_stop_and_a_take_over_keeps_a_new_one(run):
    folders.request_stop(run)
    assert folders.take_over(run)
    assert folders.stop_requested(run)
    folders.release(run)
    assert not folders.take_over(run)
    folders.claim(run)
    assert not folders.stop_requested(run)


def test_the_status_from_events_that_were_read_is_the_folders(run):
    for told in (ev.Progress("loading"), ev.Notice("x")):
        folders.append(run, told)
        assert folders.status_from(run, folders.events(run)) == folders.status(run) == "starting"
    folders.request_stop(run)
    assert folders.status_from(run, folders.events(run)) == "stopping"


def test_a_run_that_ended_since_its_events_were_read_is_not_taken_for_interrupted(run):
    read = folders.events(run)
    folders.append(run, ev.Finished(1.0))
    folders.release(run)
    assert folders.status_from(run, read) == "finished"


def test_a_folder_is_not_made_for_data_below_a_home_that_there_is_not(tmp_path):
    with pytest.raises(SettingsError, match=r"^--data is '~nosuchuser/x', and there is no such"):
        folders.create(tmp_path / "r", SCHEDULE, RunSettings(data="~nosuchuser/x"))
    assert not (tmp_path / "r").exists()


def test_a_stop_is_asked_for_and_withdrawn(run):
    folders.request_stop(run)
    assert folders.stop_requested(run)
    assert folders.status(run) == "stopping"
    folders.withdraw_stop(run)
    folders.withdraw_stop(run)
    assert folders.status(run) == "starting"


def test_a_run_without_a_process_is_not_asked_to_stop(run):
    (run / "pid").unlink()
    folders.request_stop(run)
    assert not folders.stop_requested(run)


def test_a_summary_comes_back(run):
    folders.append(run, ev.Failed("x"))
    written = folders.write_summary(run, SCHEDULE)
    assert folders.summary(run) == written
    assert written["status"] == "failed"
    (run / "summary.json").write_text("[1]")
    assert folders.summary(run) is None


@pytest.mark.parametrize("held", ["run", "file"])
def test_a_folder_that_is_not_empty_is_refused(run, tmp_path, held):
    if held == "run":
        with pytest.raises(InputError, match="holds a run: go on with: python -m core resume"):
            folders.create(run, SCHEDULE, SETTINGS)
        return
    (tmp_path / "x").touch()
    with pytest.raises(InputError, match=r"^--out is .* which is not empty: empty it, or name"):
        folders.create(tmp_path, SCHEDULE, SETTINGS)


def test_a_file_is_refused_as_a_run_folder(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InputError, match=r"^--out is .* which is no folder"):
            folders.create(path, SCHEDULE, SETTINGS)


def test_discarding_takes_away_what_was_made_and_nothing_else(run):
    (run / "mine.txt").touch()
    folders.discard(run)
    assert [path.name for path in run.iterdir()] == ["mine.txt"]
    (run / "mine.txt").unlink()
    folders.discard(run)
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
    with pytest.raises(InputError, match=r"^run is .* which is no run's id"):
        folders.run_folder(tmp_path, run_id)


def test_an_id_leads_to_its_folder_if_there_is_one(run, tmp_path):
    assert folders.run_folder(tmp_path, "run") == run
    with pytest.raises(InputError, match="which is not there"):
        folders.run_folder(tmp_path, "another")


def test_runs_are_listed_newest_first_and_junk_is_passed_over(tmp_path):
    for number, name in enumerate(["b", "a", "c"]):
        folders.create(tmp_path / name, SCHEDULE, SETTINGS)
        os.utime(tmp_path / name / "schedule.json", (number, number))
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "..x").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert [folder.name for folder in folders.list_runs(tmp_path)] == ["c", "a", "b"]
    assert folders.list_runs(tmp_path / "nowhere") == ()


def test_what_is_no_run_folder_is_refused_with_the_way_out(tmp_path):
    with pytest.raises(InputError, match=r"^DIR is .* which is no run folder: name one with"):
        folders.read(tmp_path)
