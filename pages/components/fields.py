"""Controls that show one field of the schedule, and edit it."""

from __future__ import annotations

import math
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from core.design import edits, parse
from pages.components import state

_UNDER_WAY = 3.0
"""Seconds that a message from a browser may be under way."""


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


def numbers(label: str, path: str, **options: Any) -> None:
    """A text input for several numbers at `path`, with commas or blanks between them.

    Other options are `st.text_input`'s.
    """
    key = fresh_key(f"field:{path}", ", ".join(str(value) for value in value_at(path)))
    st.text_input(label, key=key, on_change=_set_numbers, args=(path, key), **options)


def choice(
    label: str,
    path: str,
    names: Sequence[str],
    verb: Callable[..., Any] | None = None,
    titles: Mapping[str, str] | None = None,
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


def switch(label: str, path: str, names: Sequence[str], **options: Any) -> None:
    """A segmented control for a field with two or three values.

    Other options are `st.segmented_control`'s.
    """
    key = _shown(path)
    st.segmented_control(
        label,
        names,
        key=key,
        required=True,
        on_change=_set,
        args=(path, key),
        width="stretch",
        **options,
    )


def sensible_step(value: float) -> float:
    """What a press of + adds to a rate: 1e-4 from 1e-3 on, 1e-3 from 2e-3 on, and so forth.

    The way down has the same stops as the way up, and never ends at 0.
    """
    half = max(value / 2.0, sys.float_info.min)  # half of the smallest float is 0
    return float(f"1e{math.floor(math.log10(half))}")


def fresh_key(name: str, value: Any) -> str:
    """A key whose widget shows `value`: another one each time something else changed the value.

    Every message from the browser brings along every widget's value, and one that was under way
    when the timeline changed the schedule brings old ones. Streamlit would take them for edits,
    and they would undo what the hand has just done: callbacks must ignore a key that `is_stale`.
    """
    turn = st.session_state.setdefault(f"turn of {name}", 0)
    if st.session_state.get(_key(name, turn), value) != value:
        turn += 1
        st.session_state[f"turn of {name}"] = turn
    st.session_state[_key(name, turn)] = value
    st.session_state[f"shown as {name}"] = value
    return _key(name, turn)


def is_stale(key: str) -> bool:
    """Whether a key of `fresh_key` has given way to another one, or has the value that it showed.

    Streamlit also calls back for the latter: where a message cuts a run of the script short, it
    takes what a widget was given in that run for a change.
    """
    name, _, turn = key.partition("#")
    if int(turn or 0) != st.session_state[f"turn of {name}"]:
        return True
    return bool(st.session_state[key] == st.session_state[f"shown as {name}"])


def put(key: str, value: Any) -> None:
    """Have the widget of a lasting key show `value`, whatever it was told before.

    For a widget that must not give way to another one, as the first of a row: there the browser
    may keep both. Its callback must ignore what `is_outdated`, for the reason of `fresh_key`.
    """
    shown = st.session_state.get(f"shown in {key}", value)
    if st.session_state.get(key) == value:  # so the browser knows it
        st.session_state.pop(f"shown before in {key}", None)
    elif shown != value:
        st.session_state[f"shown before in {key}"] = shown, time.monotonic()
    st.session_state[f"shown in {key}"] = st.session_state[key] = value


def is_outdated(key: str) -> bool:
    """Whether a message brings what a widget of `put` showed a moment ago; a second one counts."""
    before, when = st.session_state.pop(f"shown before in {key}", (None, 0.0))
    recent = time.monotonic() - when < _UNDER_WAY
    return bool(before is not None and recent and st.session_state[key] == before)


def _key(name: str, turn: int) -> str:
    return f"{name}#{turn}" if turn else name


def _is_there(path: str) -> bool:
    """Whether the schedule has that field: an old message may name one that has just gone."""
    try:
        value_at(path)
    except (KeyError, TypeError):
        return False
    return True


def _shown(path: str) -> str:
    return fresh_key(f"field:{path}", value_at(path))


def _set_numbers(path: str, key: str) -> None:
    if not is_stale(key) and _is_there(path):
        words = re.findall(r"[^\s,;]+", st.session_state[key])
        state.edit(edits.set_field, path, [_number(word) for word in words])


def _number(word: str) -> float | str:
    """A word that is no number stays one, and is refused as it was written."""
    try:
        return float(word)
    except ValueError:
        return word


def _set(path: str, key: str, verb: Callable[..., Any] | None = None) -> None:
    value = st.session_state[key]
    if value is None or is_stale(key) or not _is_there(path):
        return
    if verb is None:
        state.edit(edits.set_field, path, value)
    else:
        state.edit(verb, value)
