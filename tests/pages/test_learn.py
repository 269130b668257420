"""The Learn page without a browser: its steps, languages, live figures and checklist."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from core import presets
from pages.components.learn import checks, numbers, texts
from pages.components.learn.language import LANGUAGES, Language
from pages.components.learn.visit import PLACES
from pages.components.shared.history import History
from pages.components.shared.state import session_in
from tests.pages.drawn import html


def _script() -> None:
    from pages import learn
    from pages.components.shared import frame

    frame.dress()
    learn.page()


@pytest.fixture
def app() -> AppTest:
    return AppTest.from_function(_script, default_timeout=120)


def _opened(app: AppTest, step: str, code: str = "en") -> AppTest:
    app.query_params["lang"], app.query_params["step"] = code, step
    return _ran(app.run())


def _ran(app: AppTest) -> AppTest:
    assert not app.exception, app.exception
    return app


def _prose(app: AppTest) -> str:
    return " ".join(part.value for part in app.markdown)


@pytest.mark.parametrize("language", LANGUAGES.values(), ids=LANGUAGES)
@pytest.mark.parametrize("step", PLACES)
def test_every_step_is_shown_whole_in_every_language(
    app: AppTest, step: str, language: Language
) -> None:
    shown = _opened(app, step, language.code)
    text = texts.read(language.code, step).filled(numbers.numbers(language))
    assert f">{text.title}</h1>" in html(shown)
    prose = _prose(shown)
    assert "${" not in prose
    for section in text.sections:
        assert section.body.startswith("```") or section.body in prose


def _step(app: AppTest) -> str:
    return str(app.radio(key="lesson-place").value)


def test_a_new_session_begins_with_the_first_step_in_english_and_writes_no_address(
    app: AppTest,
) -> None:
    _ran(app.run())
    assert _step(app) == "setup"
    assert app.segmented_control(key="lesson-speaks").value == "en"
    assert not app.query_params


def test_an_unknown_language_or_step_in_the_address_is_passed_over(app: AppTest) -> None:
    assert _step(_opened(app, "nowhere", "xx")) == "setup"
    assert app.segmented_control(key="lesson-speaks").value == "en"


def test_the_way_back_in_the_history_leads_to_the_step_before(app: AppTest) -> None:
    _ran(app.run())
    _ran(app.button(key="lesson-next").click().run())
    assert _step(app) == "groups"
    app.query_params.clear()
    assert _step(_ran(app.run())) == "setup"


def test_whoever_comes_back_from_another_page_reads_on_where_they_were(app: AppTest) -> None:
    _opened(app, "rates", "es")
    app.query_params.clear()
    session_in(app.session_state).address = {}  # as another page does
    for _ in range(2):
        assert _step(_ran(app.run())) == "rates"
    assert app.segmented_control(key="lesson-speaks").value == "es"
    assert not app.query_params


def test_the_switch_changes_the_language_and_the_address_and_keeps_the_step(app: AppTest) -> None:
    shown = _opened(app, "freezing")
    shown.segmented_control(key="lesson-speaks").set_value("es").run()
    assert ">Congelación</h1>" in html(_ran(app))
    assert app.query_params["lang"] == "es"
    assert app.query_params["step"] == "freezing"


def test_next_leads_through_all_steps_to_the_checklist_and_previous_back(app: AppTest) -> None:
    _ran(app.run())
    seen = [_step(app)]
    while any(button.key == "lesson-next" for button in app.button):
        _ran(app.button(key="lesson-next").click().run())
        seen.append(app.query_params["step"])
    assert tuple(seen) == PLACES
    _ran(app.button(key="lesson-previous").click().run())
    assert app.radio(key="lesson-place").value == "warmup"


def test_the_count_follows_the_groups_that_are_switched_on(app: AppTest) -> None:
    shown = _opened(app, "freezing")
    pills = shown.get("button_group")
    assert any(part.key == "lesson-open" for part in pills)
    assert "**513,000** of 11,689,512 parameters train (4.4%)." in _prose(shown)
    shown.session_state["lesson-open"] = ["head", "layer4"]
    assert "**8,906,728** of 11,689,512 parameters train (76%)." in _prose(_ran(shown.run()))
    shown.session_state["lesson-open"] = []
    assert "would raise an error" in _prose(_ran(shown.run()))


def test_another_factor_gives_other_rates(app: AppTest) -> None:
    shown = _opened(app, "rates")
    assert "<td>1e-8</td>" in html(shown)
    shown.session_state["lesson-factor"] = 0.5
    told = html(_ran(shown.run()))
    assert "<td>3.1e-5</td>" in told
    assert "<td>1e-8</td>" not in told


def test_a_resume_loses_the_thaws_that_are_past(app: AppTest) -> None:
    shown = _opened(app, "unfreezing")
    assert "lost: layer4, layer3" in html(shown)
    shown.slider(key="lesson-epoch").set_value(0).run()
    assert "the same groups" in html(_ran(shown))


def test_the_last_step_has_both_tables_and_marks_only_rates_that_rise(app: AppTest) -> None:
    told = html(_opened(app, "warmup"))
    assert told.count('<table class="thaw-lesson-table">') == 2
    assert '<span class="thaw-lesson-no">99</span>' in told
    assert '<span class="thaw-lesson-no">9.9</span>' in told
    assert told.count('<span class="thaw-lesson-no">') == 2


def test_ticks_are_kept_while_one_reads_elsewhere(app: AppTest) -> None:
    shown = _opened(app, "checklist")
    shown.checkbox(key="lesson-tick-resume").check().run()
    _ran(shown.button(key="lesson-to-resume").click().run())
    assert app.query_params["step"] == "unfreezing"
    shown.segmented_control(key="lesson-speaks").set_value("es").run()
    _ran(app.radio(key="lesson-place").set_value("checklist").run())
    assert [box.value for box in app.checkbox] == [item == "resume" for item in checks.ITEMS]
    assert f"1 de {len(checks.ITEMS)}" in html(app)
    _ran(app.checkbox(key="lesson-tick-resume").uncheck().run())
    assert not any(box.value for box in app.checkbox)


def test_the_checklist_looks_at_the_schedule_in_the_designer(app: AppTest) -> None:
    shown = _opened(app, "checklist")
    session_in(shown.session_state).history = History.start(presets.load("exercise"))
    told = html(_ran(shown.run()))
    assert told.count('class="thaw-lesson-live thaw-lesson-no"') == 2
    assert "20 BatchNorm layers drift" in told
    session_in(shown.session_state).history = History.start(presets.load("exercise-mended"))
    assert 'class="thaw-lesson-live thaw-lesson-no"' not in html(_ran(shown.run()))
