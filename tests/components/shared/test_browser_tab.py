"""What a new session takes of the draft that its browser tab has kept of the one before."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core import presets
from core.runs.settings import RunSettings
from core.schedule import edits, link
from pages.components.shared.state import Session, session_in

EDITED = edits.set_field(presets.load("ulmfit"), "epochs", 9)
SETTINGS = '{"samples":64,"data":"/no.such/folder"}'


def script(draft: str | None, settings: str | None) -> None:
    import streamlit as st

    from pages.components.shared import browser_tab, frame
    from pages.components.shared import session as state

    frame.dress()
    st.session_state["browser-tab-script"] = {"event": {"draft": draft, "settings": settings}}
    browser_tab._take()
    st.session_state["kept"] = browser_tab._draft(), state.own_settings()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THAW_HOME", str(tmp_path))
    monkeypatch.delenv("THAW_DEMO", raising=False)


def opened(
    draft: str | None, settings: str | None = None, **address: str
) -> tuple[Session, tuple[str, str | None]]:
    """The session after it was opened with that, and what its browser tab keeps of it."""
    told = {"draft": draft, "settings": settings}
    app = AppTest.from_function(script, default_timeout=120, kwargs=told)
    for name, value in address.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception, app.exception
    return session_in(app.session_state), app.session_state["kept"]


def test_the_schedule_and_the_run_settings_are_those_of_before() -> None:
    session, kept = opened(f"ulmfit.{link.encode(EDITED)}", SETTINGS)
    assert session.schedule == EDITED
    assert session.settings == RunSettings(samples=64, data="/no.such/folder")
    again, _ = opened(*kept)
    assert again.settings == session.settings
    assert again.schedule == EDITED


def test_a_session_that_began_with_a_link_keeps_its_schedule_and_takes_the_run_settings() -> None:
    default = presets.load("gradual")
    session, _ = opened(f"ulmfit.{link.encode(EDITED)}", SETTINGS, s=link.encode(default))
    assert session.schedule == default
    assert session.settings.samples == 64


def test_settings_that_nobody_has_set_are_not_kept_so_that_earlier_ones_stay() -> None:
    _, kept = opened(f"ulmfit.{link.encode(EDITED)}")
    assert kept[1] is None


@pytest.mark.parametrize("settings", ["{", '{"samples":-1}', '{"more":1}', "[]"])
def test_settings_that_no_run_takes_are_dropped_with_a_word(settings: str) -> None:
    session, kept = opened(f"ulmfit.{link.encode(EDITED)}", settings)
    assert session.settings == RunSettings()
    assert session.schedule == EDITED
    assert (session.notice or "").startswith("The run settings from before")
    assert kept[1] == "{}"  # in their place, so that it is told once


def test_in_the_demo_settings_beyond_its_limits_are_dropped_with_a_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("THAW_DEMO", "1")
    session, _ = opened(f".{link.encode(EDITED)}", SETTINGS)
    assert session.settings.data == "fashion-mnist"
    assert (session.notice or "").startswith("The run settings from before")


def test_a_schedule_too_large_to_be_kept_is_told_and_its_settings_stay() -> None:
    session, _ = opened("ulmfit.", SETTINGS)
    assert session.settings.samples == 64
    assert (session.notice or "").startswith("The schedule was too large")
