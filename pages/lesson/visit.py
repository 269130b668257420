"""Where a person is in the lesson: language, step, and what they have ticked off."""

from __future__ import annotations

import streamlit as st

from pages.lesson.language import LANGUAGES, Language
from pages.lesson.texts import CHECKLIST, STEPS

PLACES = (*STEPS, CHECKLIST)
"""All that the list at the side leads to."""


def begin() -> None:
    """Take language and step from the address, or keep what the session has."""
    kept = st.session_state
    kept.setdefault("lesson-language", _spoken())
    kept.setdefault("lesson-step", STEPS[0])
    kept.setdefault("lesson-ticked", frozenset())
    for name, known in (("lang", LANGUAGES), ("step", PLACES)):
        wanted = st.query_params.get(name)
        key = "lesson-language" if name == "lang" else "lesson-step"
        if wanted in known:
            kept[key] = wanted
    write_address()


def write_address() -> None:
    """Put language and step into the address, so that a reload or a sent link shows the same."""
    for name, value in (("lang", language().code), ("step", step())):
        if st.query_params.get(name) != value:
            st.query_params[name] = value


def language() -> Language:
    """The language that is read."""
    return LANGUAGES[st.session_state["lesson-language"]]


def speak(code: str) -> None:
    """Read on in another language."""
    st.session_state["lesson-language"] = code
    st.session_state["lesson-focus"] = False
    write_address()


def step() -> str:
    """The step that is read, or the checklist."""
    found: str = st.session_state["lesson-step"]
    return found


def turn_to(place: str, *, focus: bool = True) -> None:
    """Read another step from its beginning; `focus` takes the keyboard there too."""
    st.session_state["lesson-step"] = place
    st.session_state["lesson-turns"] = turns() + 1
    st.session_state["lesson-focus"] = focus
    write_address()


def turns() -> int:
    """How often another step was turned to: after each, the page is shown from its top."""
    found: int = st.session_state.get("lesson-turns", 0)
    return found


def takes_focus() -> bool:
    """Whether the last turn takes the keyboard to the step's title."""
    found: bool = st.session_state.get("lesson-focus", False)
    return found


def ticked() -> frozenset[str]:
    """The items of the checklist that are ticked off."""
    found: frozenset[str] = st.session_state["lesson-ticked"]
    return found


def tick(item: str, *, done: bool) -> None:
    """Tick an item off, or take that back."""
    st.session_state["lesson-ticked"] = ticked() | {item} if done else ticked() - {item}


def _spoken() -> str:
    """The browser's language, where the lesson has it."""
    code = (st.context.locale or "").partition("-")[0]
    return code if code in LANGUAGES else next(iter(LANGUAGES))
