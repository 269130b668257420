"""Where a person is in the lesson: language, step, and what they have ticked off."""

from __future__ import annotations

import streamlit as st

from pages.components.learn.language import LANGUAGES, Language
from pages.components.learn.texts import CHECKLIST, STEPS
from pages.components.shared import frame

PLACES = (*STEPS, CHECKLIST)
"""All that the list at the side leads to."""
_KEYS = {"lang": "lesson-language", "step": "lesson-step"}
"""Where the session keeps what the address calls so."""


def begin() -> None:
    """Take language and step from the address where that has changed, else keep the session's.

    What is not in it is what a new reader begins with; whoever comes back from another page, by an
    address without either, goes on reading where they were.
    """
    kept, defaults = st.session_state, _defaults()
    kept.setdefault("lesson-ticked", frozenset())
    address = {name: value for name, value in st.query_params.items() if name in _KEYS}
    news = address != kept.get(frame.ADDRESS, {})
    for name, known in (("lang", LANGUAGES), ("step", PLACES)):
        if news or _KEYS[name] not in kept:
            wanted = address.get(name)
            kept[_KEYS[name]] = wanted if wanted in known else defaults[name]
    kept[frame.ADDRESS] = address


def write_address() -> None:
    """Put language and step into the address, so that a reload or a sent link shows the same.

    Defaults are left out. Each message is an entry in the browser's history, so there is one.
    """
    others = {name: value for name, value in st.query_params.items() if name not in _KEYS}
    told = {name: st.session_state[key] for name, key in _KEYS.items()}
    st.query_params.from_dict(others | dict(told.items() - _defaults().items()))


def language() -> Language:
    """Return the language that is read."""
    return LANGUAGES[st.session_state["lesson-language"]]


def speak(code: str) -> None:
    """Read on in another language."""
    st.session_state["lesson-language"] = code
    st.session_state["lesson-focus"] = False
    write_address()


def step() -> str:
    """Return the step that is read, or the checklist."""
    found: str = st.session_state["lesson-step"]
    return found


def turn_to(place: str, *, focus: bool = True) -> None:
    """Read another step from its beginning; `focus` takes the keyboard there too."""
    st.session_state["lesson-step"] = place
    st.session_state["lesson-turns"] = turns() + 1
    st.session_state["lesson-focus"] = focus
    write_address()


def turns() -> int:
    """Return how often another step was turned to: after each, the page is shown from its top."""
    found: int = st.session_state.get("lesson-turns", 0)
    return found


def takes_focus() -> bool:
    """Return whether the last turn takes the keyboard to the step's title."""
    found: bool = st.session_state.get("lesson-focus", False)
    return found


def ticked() -> frozenset[str]:
    """Return the items of the checklist that are ticked off."""
    found: frozenset[str] = st.session_state["lesson-ticked"]
    return found


def tick(item: str, *, done: bool) -> None:
    """Tick an item off, or take that back."""
    st.session_state["lesson-ticked"] = ticked() | {item} if done else ticked() - {item}


def _defaults() -> dict[str, str]:
    """Return what a new reader begins with, by its name in the address."""
    return {"lang": _spoken(), "step": STEPS[0]}


def _spoken() -> str:
    """Return the browser's language, where the lesson has it."""
    code = (st.context.locale or "").partition("-")[0]
    return code if code in LANGUAGES else next(iter(LANGUAGES))
