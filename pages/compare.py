"""The Compare page: two to four schedules side by side, and what their runs came to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from html import escape
from urllib.parse import parse_qs

import streamlit as st

from core import presets
from core.compare.align import group_rows
from core.records.model import Record
from core.runs.description import describe
from core.runs.results import run_results
from core.schedule import link
from core.schedule.words import rate
from pages.components.compare import slot_style
from pages.components.compare import slots as compared
from pages.components.compare.differences import difference_card
from pages.components.compare.figures import FigureLine, lines, table
from pages.components.compare.markdown import markdown
from pages.components.compare.metrics import metrics_cards
from pages.components.compare.rates_card import SCALES, rates_card
from pages.components.compare.slot_style import chip
from pages.components.compare.slots import LETTERS, Slot
from pages.components.compare.verdict_card import SHOWN, verdict_card
from pages.components.compare.windows_card import rate_bars
from pages.components.design import opening
from pages.components.shared import frame, session
from pages.components.shared.fields import bound
from pages.components.shared.library_card import library_card
from pages.components.shared.state import NOW, current

_MIN_SLOTS = 2
_WIDE_SLOT, _SLOT = 330, 250
"""Pixels of a slot beside one other, and beside more."""


def page() -> None:
    """Draw the page."""
    slots = compared.slots()
    frame.show_notice()
    overlaid = _top(slots)
    if len(slots) < _MIN_SLOTS:
        _empty()
        return
    rows = group_rows([slot.plan for slot in slots])
    results = {slot.letter: run_results(slot.run) for slot in slots if slot.run is not None}
    shown = lines(slots, results)
    verdict_card(slots, results, shown)
    wide, side = st.columns([1040, 336], gap="small")
    with wide:
        scale = slot_style.chosen("scale", SCALES)
        drawn = rate_bars(slots, rows, scale)
        aside = (
            f"hatched is frozen; height and tint are the rate, on one {scale} scale up to "
            f"{rate(drawn.top)}"
        )
        with frame.card("bars", "When each group trains, and how fast", aside):
            st.html(drawn.html)
        rates_card(slots, rows, overlaid=overlaid)
        if results:
            metrics_cards(results)
    with side:
        for at, other in enumerate(slots[1:], 1):
            difference_card(slots[0], other, rows, at)
        _figures(slots, shown)
        library_card()


def _top(slots: Sequence[Slot]) -> bool:
    """Draw the row of slots, and return whether schedules are drawn over each other."""
    names = compared.sources()
    shown = min(len(LETTERS), max(_MIN_SLOTS, len(slots) + 1))
    view = "overlay"
    with st.container(gap=None):
        frame.unseen_title("Compare schedules")
        row = st.container(horizontal=True, vertical_alignment="center", key="slots")
    with row:
        filled = max(_MIN_SLOTS, len(slots))
        drawn = shown if current().compare.adding_slot else filled
        for place in range(drawn):
            _slot(place, names, _WIDE_SLOT if drawn == _MIN_SLOTS else _SLOT)
        if len(slots) == _MIN_SLOTS:
            st.button("Swap", icon=":material/swap_horiz:", key="swap", on_click=compared.swap)
        if _MIN_SLOTS <= len(slots) < len(LETTERS) and not current().compare.adding_slot:
            st.button("Add", icon=":material/add:", key="add-slot", on_click=_add_slot)
        _bring()
        st.space("stretch")
        if len(slots) >= _MIN_SLOTS:
            view = frame.view_switch("View", ("overlay", "side by side"), "compare-view")
    runs = [(slot.letter, describe(slot.run).line) for slot in slots if slot.run is not None]
    if runs:  # of which the fields show the beginning only
        lines = (f"<span>{chip(letter)} {escape(line)}</span>" for letter, line in runs)
        st.html(f'<p class="thaw-said thaw-slot-runs">{"".join(lines)}</p>')
    return view == "overlay"


def _slot(place: int, names: Mapping[str, str], width: int) -> None:
    now = current().compare.slots
    value = now[place] if place < len(now) else None
    with st.container(horizontal=True, vertical_alignment="center", gap="xxsmall", width=width):
        st.html(chip(LETTERS[place]), width="content")
        st.selectbox(
            f"Schedule {LETTERS[place]}",
            list(names),
            index=None,
            format_func=lambda source: names.get(source, source),
            placeholder="Choose a schedule",
            label_visibility="collapsed",
            required=value is not None,  # else Escape in the open list would empty it
            **bound(f"slot-{place}", value, partial(_choose, place), names.get(str(value), "")),
        )
        if value is not None and now != [NOW]:
            st.button(
                "",
                icon=":material/close:",
                type="tertiary",
                help=f"Remove schedule {LETTERS[place]}",
                key=f"remove-slot-{place}",
                on_click=_remove,
                args=(place, value),
            )


def _choose(place: int, source: str | None) -> None:
    if source is not None:
        current().compare.adding_slot = False
        compared.put(source, place)


def _remove(place: int, source: str) -> None:
    mine = current().compare
    if mine.slots[place : place + 1] == [source]:  # else it is the second of two clicks
        mine.adding_slot = False
        compared.take_out(place)


def _add_slot() -> None:
    current().compare.adding_slot = True


def _bring() -> None:
    with st.popover("File or link", icon=":material/attach_file:"):
        turn = current().compare.inputs
        file, text = f"compare-file-{turn}", f"compare-link-{turn}"
        st.file_uploader(
            "A file",
            type=opening.TYPES,
            key=file,
            on_change=_bring_file,
            args=(file,),
            help="A schedule as JSON; the record of your own training loop, which "
            "`core.record_json` makes; or a YAML file of finetuning-scheduler, whose thaws and "
            "rates are applied to the schedule in Design.",
        )
        st.text_input(
            "A share link",
            key=text,
            placeholder="https://…?s=…",
            on_change=_bring_link,
            args=(text,),
        )


def _bring_file(key: str) -> None:
    upload = st.session_state[key]
    _emptied()
    if upload is not None:
        session.attempt(_bring_content, upload.name, upload.getvalue(), lead="")


def _bring_content(name: str, content: bytes) -> None:
    plan = opening.comparable_in(name, content)
    kind = "finetuning-scheduler" if opening.are_phases(name) else "file"
    compared.bring("record" if isinstance(plan, Record) else kind, plan)


def _bring_link(key: str) -> None:
    text = st.session_state[key].strip()
    _emptied()
    if text:
        session.attempt(lambda: compared.bring("link", link.decode(_code(text))), lead="")


def _code(text: str) -> str:
    """Return the part of a pasted address that holds the schedule, or the text itself."""
    found = parse_qs(text.partition("?")[2].partition("#")[0]).get(link.PARAMETER)
    return found[0] if found else text


def _emptied() -> None:
    """Give both fields new keys, which empties them, so that the same file can be brought again."""
    current().compare.inputs += 1


def _empty() -> None:
    wide, side = st.columns([1040, 336], gap="small")
    with wide, frame.card("compare-empty", "Two to four schedules, side by side"):
        st.markdown(
            "**A** is the schedule now in Design. Choose another one as **B**: a preset, one from "
            "your library, a past run, a file, a link, or the record of your own training loop. "
            "You will see when each group trains in both, every rate, what they cost, the results "
            "of their runs, and in words what B does differently."
        )
        with st.container(horizontal=True, gap="small", key="suggestions"):
            for source, label in _suggestions():
                st.button(label, key=f"suggest-{source}", on_click=compared.put, args=(source,))
    with side:
        library_card()


def _suggestions() -> list[tuple[str, str]]:
    """Return a few sources to begin with: the newest run, and presets not in use."""
    names = compared.sources()
    runs = [source for source in names if source.startswith("run:")][:1]
    others = [
        f"preset:{name}"
        for name in (presets.DEFAULT, "discriminative", "head-only")
        if name != session.preset_in_use()
    ]
    return [(source, f"With {frame.escape_markdown(names[source])}") for source in runs + others]


def _figures(slots: Sequence[Slot], shown: Sequence[FigureLine]) -> None:
    with frame.card("figures", "More figures"):
        st.html(table(slots, [line for line in shown if line.title not in SHOWN]))
        st.html(f'<p class="thaw-note">{_note(slots)}</p>')
        with st.container(horizontal=True, gap="xsmall", key="figures-actions"):
            for slot in slots:
                if slot.source == NOW or isinstance(slot.plan, Record):
                    continue
                if st.button(f"Use {slot.letter} in Design", key=f"use-{slot.letter}"):
                    chosen = slot.plan
                    session.open_schedule(lambda found=chosen: found)
                    frame.go("design")
            with st.popover("Markdown"):
                text = markdown(slots, shown)
                st.code(text, language="markdown", wrap_lines=True, height=320)


def _note(slots: Sequence[Slot]) -> str:
    note = "Compute is counted in epochs with every group open; the share is of the run's epochs."
    if any(isinstance(slot.plan, Record) for slot in slots):
        note += " A record has no model, images or batch size, so its compute is unknown."
    return note


if __name__ == "__main__":
    import app

    app.main()
