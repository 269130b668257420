"""The state of the lesson: language, step, and the items that are ticked off."""

from __future__ import annotations

import streamlit as st

from pages.components.learn.language import LANGUAGES, Language
from pages.components.learn.texts import CHECKLIST, STEPS
from pages.components.shared.state import current

PLACES = (*STEPS, CHECKLIST)
"""All that the list at the side leads to."""
_IN_ADDRESS = ("lang", "step")


def begin() -> None:
    """Take language and step from the address if it has changed.

    What is not in it is what a new reader begins with; whoever comes back from another page, by an
    address without either, goes on reading where they were.
    """
    mine = current()
    address = {name: value for name, value in st.query_params.items() if name in _IN_ADDRESS}
    if address != mine.address or not mine.learn.step:
        wanted = _defaults() | address
        mine.learn.language = wanted["lang"] if wanted["lang"] in LANGUAGES else _spoken()
        mine.learn.step = wanted["step"] if wanted["step"] in PLACES else STEPS[0]
    mine.address = address


def write_address() -> None:
    """Put language and step into the address, so that a reload or a sent link shows the same.

    Defaults are left out. Each message is an entry in the browser's history, so there is one.
    """
    others = {name: value for name, value in st.query_params.items() if name not in _IN_ADDRESS}
    address = {"lang": current().learn.language, "step": current().learn.step}
    st.query_params.from_dict(others | dict(address.items() - _defaults().items()))


def language() -> Language:
    """Return the language that is read; before the lesson is, the browser's."""
    return LANGUAGES[current().learn.language or _spoken()]


def speak(code: str) -> None:
    """Change the language, and stay at the step."""
    mine = current().learn
    mine.language, mine.takes_focus = code, False
    write_address()


def step() -> str:
    """Return the step that is read, or the checklist."""
    return current().learn.step


def turn_to(place: str, *, focus: bool = True) -> None:
    """Go to a step; with `focus` its heading gets the keyboard focus."""
    mine = current().learn
    mine.step, mine.turns, mine.takes_focus = place, mine.turns + 1, focus
    write_address()


def tick(item: str, *, done: bool) -> None:
    """Tick an item off, or untick it."""
    mine = current().learn
    mine.ticked = mine.ticked | {item} if done else mine.ticked - {item}


def _defaults() -> dict[str, str]:
    """Return what a new reader begins with, by its name in the address."""
    return {"lang": _spoken(), "step": STEPS[0]}


def _spoken() -> str:
    """Return the browser's language, where the lesson has it."""
    code = (st.context.locale or "").partition("-")[0]
    return code if code in LANGUAGES else next(iter(LANGUAGES))
