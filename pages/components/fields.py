"""Controls that show one field of the schedule, and edit it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from core.design import edits, parse
from pages.components import state


def value_at(path: str) -> Any:
    """The JSON value at a dotted path of the schedule."""
    part: Any = parse.to_raw(state.schedule())
    for key in path.split("."):
        part = part[key]
    return part


def number(label: str, path: str, **options: Any) -> None:
    """A number input for the field at `path`; clearing it changes nothing.

    Other options are `st.number_input`'s.
    """
    key = _shown(path)
    st.number_input(label, value=None, key=key, on_change=_set, args=(path, key), **options)


def choice(
    label: str,
    path: str,
    names: Sequence[str],
    verb: Callable[..., Any] | None = None,
    titles: dict[str, str] | None = None,
) -> None:
    """A select box for the field at `path`; `verb(schedule, name)` replaces setting it."""
    key = _shown(path)
    titles = titles or {}
    st.selectbox(
        label,
        names,
        key=key,
        format_func=lambda name: titles.get(name, name.capitalize()),
        on_change=_set,
        args=(path, key, verb),
    )


def switch(label: str, path: str, names: Sequence[str]) -> None:
    """A segmented control for a field with two or three values."""
    key = _shown(path)
    st.segmented_control(
        label, names, key=key, required=True, on_change=_set, args=(path, key), width="stretch"
    )


def _shown(path: str) -> str:
    key = f"field:{path}"
    st.session_state[key] = value_at(path)
    return key


def _set(path: str, key: str, verb: Callable[..., Any] | None = None) -> None:
    value = st.session_state[key]
    if value is None:
        return
    if verb is None:
        state.edit(edits.set_field, path, value)
    else:
        state.edit(verb, value)
