"""Files that are opened in the designer: a schedule, phases of another trainer, and bad ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core import presets
from core.schedule import edits, parse
from core.schedule.spec import Schedule
from pages.components.shared.state import session_in

APP = str(Path(__file__).parents[2] / "app.py")
OPEN = presets.load(presets.DEFAULT)


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("THAW_HOME", str(tmp_path))
    return AppTest.from_file(APP, default_timeout=120).run()


def bring(app: AppTest, name: str, content: str | bytes) -> Schedule:
    """Open a file in the File menu; returns the schedule that is there then."""
    raw = content.encode() if isinstance(content, str) else content
    app.file_uploader[0].upload(name, raw).run()
    assert not app.exception, app.exception
    return session_in(app.session_state).schedule


def test_a_file_is_opened_twice_and_undo_brings_back_what_was_there(app: AppTest) -> None:
    file = parse.dumps(edits.set_length(OPEN, 11))
    for _ in range(2):
        assert bring(app, "mine.json", file).epochs == 11
        app.button(key="undo").click().run()
        assert session_in(app.session_state).schedule == OPEN


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"\xff\xfe\x00", "not UTF-8"), (parse.dumps(OPEN).replace("adam", "adan"), "'adam'")],
)
def test_a_bad_file_is_refused_in_words_and_nothing_is_lost(
    app: AppTest, content: str | bytes, told: str
) -> None:
    app.number_input(key="field:epochs").set_value(11).run()
    assert bring(app, "bad.json", content).epochs == 11
    assert told in app.toast[0].value.replace("\\", "")


def test_phases_of_finetuning_scheduler_are_read_onto_what_is_open(app: AppTest) -> None:
    phases = "0: {params: [classifier.*], max_transition_epoch: 3}\n1: {params: ['conv_head.*']}"
    found = bring(app, "phases.YML", phases)
    assert found.group("conv_head").trainable == ((3, None),)
    assert found.model == OPEN.model
    app.button(key="undo").click().run()
    assert session_in(app.session_state).schedule == OPEN
