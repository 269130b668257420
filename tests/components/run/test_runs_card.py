"""Runs that are on while the page shows something else: told with the way back to them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core import presets
from core.demo import queue
from core.errors import InputError
from core.runs import estimate, event_log, label, run_folder, trash
from core.runs import events as ev
from core.runs.estimate import Estimate
from core.runs.label import Label
from core.runs.processes import in_turn, launch, run_lock
from core.runs.processes.in_turn import QueuedRun, RunsInTurn
from core.runs.settings import RunSettings
from core.schedule.spec import Schedule
from pages.components.run import data_picker
from pages.components.run import estimate as run_estimate
from pages.components.shared.runs_in_turn import runs_in_turn
from tests.pages.drawn import html
from tests.runs.made import finished_run


def script() -> None:
    import streamlit as st

    from pages import design, run
    from pages.components.shared import frame

    frame.dress()
    frame.navigate(
        {
            "run": st.Page(run.page, title="Run", url_path="run", default=True),
            "design": st.Page(design.page, title="Design", url_path="design"),
        }
    )


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("THAW_HOME", str(tmp_path))
    monkeypatch.setattr(launch, "prewarm", lambda: None)
    run_folder.create(tmp_path / "runs" / "r0", presets.load("ulmfit"), RunSettings())
    return AppTest.from_function(script, default_timeout=120).run()


def test_a_run_that_is_on_is_told_beside_the_next_one_until_it_ends(
    app: AppTest, tmp_path: Path
) -> None:
    told = "<strong>ULMFiT</strong><span>is starting</span>"
    assert told in html(app)
    app.button(key="show-r0").click().run()
    assert app.query_params["run"] == "r0"
    assert told not in html(app)  # it is what the page shows
    del app.query_params["run"]
    run_lock.release(tmp_path / "runs" / "r0")
    assert "is starting" not in html(app.run())


def test_a_run_of_another_machine_is_told_with_its_host_and_not_resumed(
    app: AppTest, tmp_path: Path
) -> None:
    pid = tmp_path / "runs" / "r0" / run_lock.PID
    pid.write_text(json.dumps(json.loads(pid.read_text()) | {"host": "node7", "boot": "another"}))
    assert "starting on node7 · " in app.run().button(key="listed-run-r0").label
    app.button(key="show-r0").click().run()
    told = " ".join(info.value.replace("\\", "") for info in app.info)
    assert "It runs on node7, another machine or container" in told
    assert f"If that machine is gone, delete {pid} and resume." in told
    assert "resume" not in {button.key for button in app.button}
    app.button(key="stop").click().run()
    app.button(key="force-stop").click().run()
    assert any("which runs on node7" in toast.value for toast in app.toast)


def test_the_run_that_is_shown_is_said_to_be_in_words(app: AppTest) -> None:
    assert "shown" not in app.button(key="listed-run-r0").label
    app.button(key="listed-run-r0").click().run()
    assert "shown" in app.button(key="listed-run-r0").label
    assert ".st-key-listed-run-r0 {" in html(app)


def test_a_run_gets_a_name_and_a_note_which_every_place_then_shows(
    app: AppTest, tmp_path: Path
) -> None:
    app.button(key="listed-run-r0").click().run()
    app.text_input(key="run-name-r0").set_value("Seed <3>").run()
    app.text_area(key="run-note-r0").set_value("lower <b>rates</b>\nno warmup").run()
    run = tmp_path / "runs" / "r0"
    assert label.read(run) == Label(name="Seed <3>", note="lower <b>rates</b>\nno warmup")
    assert '<h1 class="thaw-title">Seed &lt;3&gt;</h1>' in html(app)
    assert any("ULMFiT" in part.value for part in app.markdown)
    assert "lower &lt;b&gt;rates&lt;/b&gt;\nno warmup" in html(app)
    row = app.button(key="listed-run-r0").label.replace("\\", "")
    assert row.startswith("**Seed <3>**  \n:gray[:small[shown · starting · today ")
    del app.query_params["run"]
    app.run()
    assert "<strong>Seed &lt;3&gt;</strong><span>is starting</span>" in html(app)


def test_a_name_that_is_refused_is_told_and_the_one_before_stays(app: AppTest) -> None:
    app.button(key="listed-run-r0").click().run()
    app.text_input(key="run-name-r0").set_value("Mine").run()
    app.text_input(key="run-name-r0").set_value("a\u202eb").run()
    assert "control characters" in app.toast[0].value
    (field,) = [each for each in app.text_input if each.label == "Name of this run"]
    assert field.value == "Mine"
    field.set_value(" ").run()  # which is none: its schedule's again
    assert '<h1 class="thaw-title">ULMFiT</h1>' in html(app)


def deleted(app: AppTest) -> AppTest:
    app.button(key="listed-run-r0").click().run()
    return app.button(key="delete-run").click().run()


def test_a_second_click_on_delete_is_no_mistake(app: AppTest, tmp_path: Path) -> None:
    run_lock.release(tmp_path / "runs" / "r0")
    deleted(app)
    assert "**ULMFiT**  \ninterrupted · today " in app.toast[0].value
    app.query_params["run"] = "r0"  # as the browser still has it
    assert "Ready to run" in html(app.run())
    assert not app.toast
    assert "run" not in app.query_params


def test_a_deleted_run_is_gone_until_it_is_brought_back_or_the_trash_is_emptied(
    app: AppTest, tmp_path: Path
) -> None:
    run_lock.release(tmp_path / "runs" / "r0")
    deleted(app)
    assert run_folder.list_runs(tmp_path / "runs") == ()
    app.button(key="undelete-run").click().run()
    assert app.query_params["run"] == "r0"
    assert "Interrupted" in html(app)
    app.button(key="new-run").click().run()
    deleted(app).button(key="empty-trash").click().run()
    assert trash.trashed_runs(tmp_path / "runs") == ()
    assert not {"undelete-run", "empty-trash"} & {button.key for button in app.button}
    assert not app.toast


def pill(app: AppTest) -> list[str]:
    return [link.proto.label.replace("\\", "") for link in app.get("page_link")]


def test_every_page_shows_a_live_run_with_its_progress_until_it_ends(
    app: AppTest, tmp_path: Path
) -> None:
    run = tmp_path / "runs" / "r0"
    assert pill(app) == ["**Starting** ULMFiT"]
    event_log.append(run, ev.Started(time.time(), "cpu", "CPU", 4, 40, 20, ("a", "b"), 100, 0.5))
    epochs = presets.load("ulmfit").epochs
    event_log.append(run, ev.Forecast((2.0,) * epochs, 2.0 * epochs, 2.0 * epochs))
    for step in range(2):
        event_log.append(run, ev.Step(step, 0, 1.0, {}))
    (told,) = pill(app.run())
    assert told.startswith(f"**{2 / (4 * epochs):.0%}, ")
    assert told.endswith(" left** ULMFiT")
    assert app.get("page_link")[0].proto.query_string == "run=r0"
    assert pill(app.button(key="to-design").click().run()) == [told]
    event_log.append(run, ev.Finished(9.0))
    run_lock.release(run)
    assert pill(app.run()) == []


def test_a_second_run_begins_beside_a_live_one_only_once_that_was_said(
    app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(schedule: Schedule, *_: object) -> str:
        return finished_run(tmp_path, "r1", schedule, (0.5,)).partition(":")[2]

    monkeypatch.setattr(launch, "start", start)
    app.button(key="start").click().run()
    assert any("**ULMFiT**: starting" in part.value for part in app.markdown)
    app.button(key="begin-not").click().run()
    assert "begin-not" not in {button.key for button in app.button}
    assert not (tmp_path / "runs" / "r1").exists()
    app.button(key="start").click().run().button(key="begin-anyway").click().run()
    assert app.query_params["run"] == "r1"


def test_a_run_may_begin_if_the_other_one_ends_while_the_page_asks(
    app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Schedule] = []
    monkeypatch.setattr(launch, "start", lambda schedule, *_: begun.append(schedule) or "r0")
    app.button(key="start").click().run()
    assert app.button(key="begin-anyway").label == "Start anyway"
    run_lock.release(tmp_path / "runs" / "r0")
    assert app.run().button(key="begin-anyway").label == "Start"
    assert begun == []
    app.button(key="begin-anyway").click().run()
    assert len(begun) == 1
    assert "begin-anyway" not in {button.key for button in app.button}


@pytest.fixture
def turn(app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunsInTurn]:
    """The queue, with two runs that wait for another one."""
    monkeypatch.setattr(in_turn, "_LOOK_SECONDS", 0.01)
    turn, root = runs_in_turn(), tmp_path / "runs"
    turn.add([QueuedRun(presets.load("gradual"), RunSettings(seed=at), root) for at in range(2)])
    yield turn
    turn.cancel()
    turn.join()


def test_the_page_says_what_waits_and_cancels_it(app: AppTest, turn: RunsInTurn) -> None:
    assert "2 runs wait." in html(app.run())
    app.button(key="cancel-waiting").click().run()
    assert turn.waiting == ()
    assert "cancel-waiting" not in {button.key for button in app.button}


def test_a_refused_run_of_the_queue_is_said_until_it_is_dismissed(
    app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, turn: RunsInTurn
) -> None:
    def refuse(*_: object) -> str:
        raise InputError("THAW_HOME", "is full", "free some space there")

    monkeypatch.setattr(launch, "start", refuse)
    run_lock.release(tmp_path / "runs" / "r0")
    turn.join()
    assert "is full" in app.run().warning[0].value
    app.button(key="cancel-waiting").click().run()
    assert not app.warning


def test_the_header_looks_often_while_a_run_is_on_or_waits_and_else_now_and_then(
    app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    def seconds() -> float:
        app.run()
        (poll,) = (every for name, every in polls if name == "_pill")
        polls.clear()
        return poll

    polls: list[tuple[str, float]] = []
    fragment = st.fragment

    def spied(*given: Any, **options: Any) -> Any:
        def draw(part: Any) -> Any:
            polls.append((part.__name__, options["run_every"]))
            return fragment(**options)(part)

        return draw if "run_every" in options else fragment(*given, **options)

    monkeypatch.setattr(st, "fragment", spied)
    often = seconds()
    run_lock.release(tmp_path / "runs" / "r0")
    assert often < seconds() < 60
    monkeypatch.setattr(queue, "busy", lambda _: True)
    request.getfixturevalue("turn")
    assert seconds() == often


def test_runs_are_marked_and_the_list_shows_those_that_are_asked_for(
    app: AppTest, tmp_path: Path
) -> None:
    assert not [field for field in app.text_input if field.key == "runs-words"]  # one has no order
    finished_run(tmp_path, "r1", presets.load("gradual"), (0.5,))
    app.run().button(key="listed-run-r1").click().run().button(key="run-star").click().run()
    assert label.read(tmp_path / "runs" / "r1").starred

    def rows() -> set[str]:
        keys = {str(button.key) for button in app.button}
        return {key[-2:] for key in keys if key.startswith("listed-run-")}

    assert app.button(key="listed-run-r1").label.startswith("★ **Gradual unfreezing**")
    app.checkbox(key="runs-starred").check().run()
    assert rows() == {"r1"}
    app.text_input(key="runs-words").set_value("ulmfit").run()
    assert rows() == set()
    app.checkbox(key="runs-starred").uncheck().run()
    assert rows() == {"r0"}
    app.button(key="run-star").click().run()
    assert not label.read(tmp_path / "runs" / "r1").starred


def test_any_run_in_the_trash_comes_back(app: AppTest, tmp_path: Path) -> None:
    run_lock.release(tmp_path / "runs" / "r0")
    gone = trash.delete(tmp_path / "runs", "r0").path.name  # by another session
    app.run().button(key=f"restore-{gone}").click().run()
    assert app.query_params["run"] == "r0"
    assert "Interrupted" in html(app)


def test_what_a_run_will_take_is_said_beside_start_and_beside_what_it_took(
    app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_estimate, "run_device", lambda _: ("cpu", "CPU"))

    def figures() -> dict[str, str]:
        return {figure.label: figure.value for figure in app.metric}

    run_lock.release(tmp_path / "runs" / "r0")
    assert figures()["Time"] == "not known yet"
    finished_run(tmp_path, "r1", presets.load("gradual"), (0.5,) * 6)
    app.run()
    assert figures()["Time"].startswith("about ")
    assert any("“Gradual unfreezing” (" in told for told in captions(app))
    found = Estimate(60.0, 2 * 10**9, 10**8, 10**8, "same run", "r0")
    estimate.write(tmp_path / "runs" / "r1", found)
    app.button(key="listed-run-r1").click().run()
    assert any(
        "1 min 00 s, 2.0 GB" in told and "It took 9 s, 1.0 GB" in told for told in captions(app)
    )


def captions(app: AppTest) -> list[str]:
    return [caption.value.replace("\\", "") for caption in app.caption]


def test_with_a_folder_that_is_not_there_nothing_can_be_started(app: AppTest) -> None:
    assert not app.button(key="start").disabled
    app.selectbox(key="data-kind").set_value(data_picker.FOLDER).run()
    assert app.button(key="start").disabled  # until it is named
    app.text_input(key="data-folder").set_value("/no/such/folder").run()
    assert "does not exist" in app.error[0].value
    assert app.button(key="start").disabled
    assert "Not ready to run" in html(app)
