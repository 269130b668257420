"""The Learn page: the exercise that Thaw grew out of, step by step, on live numbers."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import streamlit as st

from core import presets
from pages.components.learn import checklist, figures, numbers, texts, visit
from pages.components.learn.language import LANGUAGES, Language
from pages.components.learn.texts import CHECKLIST, STEPS, Section, Text
from pages.components.shared import frame, session
from pages.components.shared.state import current

_PRESETS: Mapping[str, str] = {"exercise": "exercise", "mended": "exercise-mended"}
_WIDE_FIGURES = ("warmup",)

# In a block, as it runs again at every turn and a name may be declared only once.
_ARRIVE = """<script>/* turn {turns} */ {{
  const lesson = document.querySelector(".st-key-lesson");
  lesson.lang = "{code}";
  if ({turns}) document.querySelector('[data-testid="stMain"]').scrollTo(0, 0);
  if ({focus}) lesson.querySelector("h1").focus({{ preventScroll: true }});
}}</script>"""


def page() -> None:
    """Draw the page."""
    visit.begin()
    frame.show_notice()
    language, step = visit.language(), visit.step()
    text = texts.read(language.code, step).filled(numbers.numbers(language))
    with st.container(key="lesson"):
        _top(text, step, language)
        side, article = st.columns([232, 1144])
        with side:
            _steps(step, language)
        with article, st.container(key=f"lesson-{step}"):
            if step == CHECKLIST:
                checklist.draw(text, language)
                _open(language)
            else:
                _step(step, text, language)
            _onward(step, language)


def _top(text: Text, step: str, language: Language) -> None:
    number = visit.PLACES.index(step) + 1
    place = (
        language.word("page.eyebrow")
        if step == CHECKLIST
        else language.word("page.step", number=str(number), count=str(len(STEPS)))
    )
    with st.container(horizontal=True, vertical_alignment="center", key="lesson-top"):
        arrive = _ARRIVE.format(
            turns=current().learn.turns, focus=int(current().learn.takes_focus), code=language.code
        )
        st.html(
            f'<h1 class="thaw-title" tabindex="-1">{escape(text.title)}</h1>{arrive}',
            width="content",
            unsafe_allow_javascript=True,
        )
        st.badge(place, color="gray")
        st.space("stretch")
        st.session_state["lesson-speaks"] = language.code
        st.segmented_control(
            language.word("page.language"),
            list(LANGUAGES),
            required=True,
            format_func=lambda code: LANGUAGES[code].name,
            key="lesson-speaks",
            label_visibility="collapsed",
            on_change=lambda: visit.speak(st.session_state["lesson-speaks"]),
        )


def _steps(step: str, language: Language) -> None:
    """Draw the list of steps, at the side or on top of a phone."""
    st.session_state["lesson-place"] = step
    with frame.card("steps"):
        st.radio(
            language.word("page.steps"),
            visit.PLACES,
            format_func=lambda place: _name(place, language),
            key="lesson-place",
            label_visibility="collapsed",
            # the keyboard stays in the list, to go on from there
            on_change=lambda: visit.turn_to(st.session_state["lesson-place"], focus=False),
        )


def _name(place: str, language: Language) -> str:
    if place == CHECKLIST:
        return language.word("page.checklist")
    return f"{STEPS.index(place) + 1}. {language.word(f'short.{place}')}".replace(". ", "\u2002", 1)


def _step(step: str, text: Text, language: Language) -> None:
    wide = step in _WIDE_FIGURES
    left, right = st.columns([600, 528])
    with left:
        _card("why", text.part("why"))
    with right if wide else left:
        code = text.part("code")
        with frame.card("lesson-code", code.heading):
            st.code(texts.code_of(code.body), language="python")
    with st.container() if wide else right:
        _figure(step, text.part("figure"), language)
    if wide or frame.is_phone():  # where what goes wrong comes after the figure too
        left, right = st.columns([600, 528])
    with left:
        _card("fault", text.part("fault"))
    with right:
        _question(step, text)
        _open(language)


def _card(name: str, section: Section) -> None:
    with frame.card(f"lesson-{name}", section.heading):
        st.markdown(section.body)


def _figure(step: str, section: Section, language: Language) -> None:
    with frame.card("lesson-figure", section.heading):
        st.markdown(section.body)
        figures.draw(step, language)


def _question(step: str, text: Text) -> None:
    question, answer = text.part("question"), text.part("answer")
    with frame.card("lesson-question", question.heading):
        st.markdown(question.body)
        with st.expander(answer.heading, key=f"lesson-answer-{step}"):
            st.markdown(answer.body)


def _open(language: Language) -> None:
    with frame.card("lesson-open", language.word("page.open")):
        with st.container(horizontal=True, gap="small"):
            for name, preset in _PRESETS.items():
                if st.button(language.word(f"page.{name}"), key=f"lesson-open-{name}"):
                    session.open_schedule(presets.load, preset, preset=preset)
                    frame.go("design")
        st.caption(language.word("page.open-note"))


def _onward(step: str, language: Language) -> None:
    at = visit.PLACES.index(step)
    with st.container(horizontal=True, gap="small", key="lesson-onward"):
        for name, to, icon in (
            ("previous", at - 1, "arrow_back"),
            ("next", at + 1, "arrow_forward"),
        ):
            if name == "next":
                st.space("stretch")
            if 0 <= to < len(visit.PLACES):
                st.button(
                    f"{language.word(f'page.{name}')}: {_name(visit.PLACES[to], language)}",
                    icon=f":material/{icon}:",
                    icon_position="right" if name == "next" else "left",
                    type="primary" if name == "next" else "secondary",
                    key=f"lesson-{name}",
                    on_click=visit.turn_to,
                    args=(visit.PLACES[to],),
                )


if __name__ == "__main__":
    import app

    app.main()
