"""Controls that show one field of the schedule, and edit it."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from itertools import chain, count
from typing import Any

import streamlit as st

from core.errors import InputError
from core.schedule import edits, parse
from pages.components.shared import session
from pages.components.shared.setting_names import by_label
from pages.components.shared.state import current

_EXACT = 2**53
"""From here on not every whole number is a float."""


def value_at(path: str) -> Any:
    """Return the JSON value at a dotted path of the schedule; None where there is none by now."""
    part: Any = parse.to_raw(session.schedule())
    for key in path.split("."):
        part = part.get(key) if isinstance(part, dict) else None
    return part


@dataclass(frozen=True, slots=True)
class Field:
    """A field for a number, or for several.

    `name` is that of `fresh_key`, and `place` what errors call it. `current` returns the value in
    force, None where the field is gone; `take` puts another one in force, or raises InputError.
    `empty` is the hint in an empty field; None if a field of the kind cannot be empty.
    """

    label: str
    name: str
    place: str
    current: Callable[[], Any]
    take: Callable[[Any], object]
    empty: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A value that was typed into a field and refused, and the value in force; `why` is a sentence.

    `line` is the sentence below the field, which need not say the field's name.
    """

    field: Field
    typed: Any
    value: Any
    why: str
    line: str


@dataclass(slots=True)
class FieldState:
    """The state of a field's widget: the shown value, its text, and the number of earlier ones."""

    value: Any
    text: str = ""
    revision: int = 0


SETTING = "setting-"
"""The prefix of the names of the fields of run settings; the others are of the schedule."""


def refusals(*, of_schedule: bool = False) -> tuple[str, ...]:
    """Return why what was typed is not in force, field by field, or of the schedule's alone."""
    found = [_refusal(field) for field in [each.field for each in current().refusals.values()]]
    return tuple(
        each.why
        for each in found
        if each and not (of_schedule and each.field.name.startswith(SETTING))
    )


def number(label: str, path: str, **options: Any) -> None:
    """Draw a number input for the field at `path`.

    Other options are `st.number_input`'s.
    """
    take = partial(session.change, edits.set_field, path)
    number_input(Field(label, f"field:{path}", path, partial(value_at, path), take), **options)


def number_input(field: Field, *, disabled: bool = False, **options: Any) -> None:
    """Draw a number input that keeps a number which is refused, and says why in a line below it.

    It has no bounds, so that the browser refuses none, and shows the value in force again when it
    is emptied, unless empty is a value. Other options are `st.number_input`'s.
    """
    if disabled:
        current().refusals.pop(field.name, None)
    now = field.current()
    refusal = _refusal(field)
    st.number_input(
        field.label,
        value=float(now) if field.empty is None else None,
        placeholder=field.empty,
        disabled=disabled,
        **bound(field.name, refusal.typed if refusal else now, partial(_take, field)),
        **{"format": "%g", **options, "step": float(options["step"])},
    )
    _show_refusal(refusal)


def numbers(label: str, path: str, **options: Any) -> None:
    """Draw a text input for several numbers at `path`, separated by commas or blanks.

    Other options are `st.text_input`'s.
    """

    def take(typed: str) -> None:
        words = re.findall(r"[^\s,;]+", typed)
        session.change(edits.set_field, path, [_number(word) for word in words])

    field = Field(label, f"field:{path}", path, partial(value_at, path), take)
    refusal = _refusal(field)
    shown = refusal.typed if refusal else ", ".join(str(value) for value in value_at(path))
    st.text_input(label, **bound(field.name, shown, partial(_take, field)), **options)
    _show_refusal(refusal)


def choice(
    label: str,
    path: str,
    names: Sequence[str],
    verb: Callable[..., Any] | None = None,
    titles: Mapping[str, str] | None = None,
    **options: Any,
) -> None:
    """Draw a select box for the field at `path`; `verb(schedule, name)` replaces setting it.

    Other options are `st.selectbox`'s.
    """
    titles = titles or {}
    st.selectbox(
        label,
        names,
        format_func=lambda name: titles.get(name, name.capitalize()),
        **_bound_to(path, verb),
        **options,
    )


def switch(label: str, path: str, names: Sequence[str], **options: Any) -> None:
    """Draw a segmented control for a field with two or three values.

    Other options are `st.segmented_control`'s.
    """
    st.segmented_control(label, names, required=True, width="stretch", **_bound_to(path), **options)


def sensible_step(value: float) -> float:
    """Return what a press of + adds to a rate: 1e-4 from 1e-3 on, 1e-3 from 2e-3 on, and so forth.

    The way down has the same stops as the way up, and never ends at 0.
    """
    half = max(value / 2.0, sys.float_info.min)  # half of the smallest float is 0
    return float(f"1e{math.floor(math.log10(half))}")


def bound(name: str, value: Any, take: Callable[[Any], object], text: str = "") -> dict[str, Any]:
    """Return options of a widget that shows `value`, and calls `take` with what it is changed to.

    `name` and `text` are those of `fresh_key`.
    """
    key = fresh_key(name, value, text)

    def changed() -> None:
        if not _is_stale(key):
            take(st.session_state[key])

    return {"key": key, "on_change": changed}


def fresh_key(name: str, value: Any, text: str = "") -> str:
    """Return a key whose widget shows `value`: a new one where something else changed the value.

    The key changes, too, with the `text` that is shown for a value, since a browser sends that.

    Every message from the browser brings along every widget's value, and one that was under way
    when the timeline changed the schedule brings old ones. Streamlit would take them for edits, and
    they would undo the drag: `bound` ignores a key that is stale. Under one lasting key, an
    old value that is under way and the same value chosen anew could not be told apart.
    """
    field = current().fields.setdefault(name, FieldState(value, text))
    renamed = field.value == value and field.text != text
    if renamed or st.session_state.get(_key(name, field.revision), value) != value:
        field.revision += 1
    field.value, field.text = value, text
    key = _key(name, field.revision)
    st.session_state[key] = value
    return key


def unique_labels(labels: Mapping[str, str]) -> Mapping[str, str]:
    """Return the labels, with numbers where they are alike: a choice is sent by its label."""
    unique: dict[str, str] = {}
    for key, label in labels.items():
        numbered = (f"{label} ({number})" for number in count(2))
        unique[key] = next(n for n in chain([label], numbered) if n not in unique.values())
    return unique


def _is_stale(key: str) -> bool:
    """Return whether a key of `fresh_key` has given way to another, or has the value it showed.

    Streamlit also calls back for the latter: where a message cuts a run of the script short, it
    takes what a widget was given in that run for a change.
    """
    name, _, revision = key.partition("#")
    field = current().fields[name]
    return int(revision or 0) != field.revision or bool(st.session_state[key] == field.value)


def _key(name: str, revision: int) -> str:
    return f"{name}#{revision}" if revision else name


def _bound_to(path: str, verb: Callable[..., Any] | None = None) -> dict[str, Any]:
    return bound(f"field:{path}", value_at(path), partial(_set, path, verb))


def _refusal(field: Field) -> Refusal | None:
    """Return what was refused in a field; it is forgotten once another value is in force."""
    found = current().refusals.get(field.name)
    if found is not None and found.field.current() != found.value:
        found = None
        del current().refusals[field.name]
    return found


def _show_refusal(refusal: Refusal | None) -> None:
    if refusal is not None:
        st.html(f'<p class="thaw-refused" role="alert">{escape(refusal.line)}</p>')


def _take(field: Field, typed: Any) -> None:
    """Put what was typed in force, and try again what was refused elsewhere: it may fit now."""
    if field.current() is None and field.empty is None:
        return
    whole = isinstance(typed, float) and typed.is_integer() and abs(typed) < _EXACT
    _try(field, int(typed) if whole else typed)
    for other in [*current().refusals.values()]:
        if other.field.name != field.name and _refusal(other.field):
            _try(other.field, other.typed)
    session.redraw()


def _try(field: Field, typed: Any) -> None:
    current().refusals.pop(field.name, None)
    try:
        field.take(typed)
    except InputError as error:
        why = line = by_label(error)
        if re.fullmatch(rf"{re.escape(field.place)}(\[\d+\])?", error.field):
            line = by_label(f"{error.wrong}: {error.way_out}")
            why, line = f"“{field.label}” {line}", f"{line[0].upper()}{line[1:]}"
        current().refusals[field.name] = Refusal(field, typed, field.current(), why, line)


def _number(word: str) -> float | str:
    """Return the number that a word is, or the word, which is refused as it was written."""
    try:
        return float(word)
    except ValueError:
        return word


def _set(path: str, verb: Callable[..., Any] | None, value: Any) -> None:
    if value is None or value_at(path) is None:
        return
    if verb is None:
        session.edit(edits.set_field, path, value)
    else:
        session.edit(verb, value)
