"""The style of each slot: a letter on a chip, and the dashes and colour of its lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import streamlit as st

from core.compare.align import GroupRow
from core.export.palette import Pair, group_colours
from core.schedule.spec import BaseGroup
from pages.components.shared import frame

DASHES: Mapping[str, tuple[int, ...]] = {"A": (4, 0), "B": (5, 3), "C": (2, 2), "D": (9, 3, 2, 3)}
"""Lengths of line and gap in pixels: A is solid."""

ROLES: Mapping[str, str] = {"A": "ink", "B": "accent", "C": "text-3", "D": "ink"}
"""The colour of a schedule's own lines, where no group has one; the dashes tell A and D apart."""


def chip(letter: str) -> str:
    """Return the letter on its ground, as HTML."""
    return f'<i class="thaw-slot thaw-slot-{letter.lower()}">{letter}</i>'


def line(letter: str) -> str:
    """Return a short piece of the schedule's line, for a legend, as HTML."""
    stops, at = [], 0
    for length, ground in zip(DASHES[letter], ("currentColor", "transparent") * 2, strict=False):
        stops.append(f"{ground} {at}px {at + length}px")
        at += length
    style = f"background:repeating-linear-gradient(90deg,{','.join(stops)})"
    return f'<i class="thaw-line" style="{style}"></i>'


def swatch(pair: Pair | None) -> str:
    """Return a swatch of a group's colour as HTML, or a grey dot for a line about no group."""
    if pair is None:
        return '<i class="thaw-about-all"></i>'
    return f'<i class="thaw-swatch" style="background:light-dark({pair[0]},{pair[1]})"></i>'


def row_colours(rows: Sequence[GroupRow[BaseGroup]]) -> tuple[Pair, ...]:
    """Return a colour for each row of groups, from stem to head."""
    return tuple(group_colours(len(rows)))


def colours_by_name(rows: Sequence[GroupRow[BaseGroup]], at: int) -> dict[str, Pair]:
    """Return the colour of each group of the schedule at that place, as its row has it."""
    return {
        group.name: colour
        for row, colour in zip(rows, row_colours(rows), strict=True)
        if (group := row[at]) is not None
    }


def name_of(row: GroupRow[BaseGroup]) -> str:
    """Return the row's name: its group's, or both where a schedule calls it otherwise."""
    names = dict.fromkeys(group.name for group in row if group is not None)
    return " / ".join(names)


def head(title: str, letters: Iterable[str], name: str, options: Sequence[str]) -> Any:
    """Draw a heading with a legend of the slots and a switch called `name`; return its choice."""
    legend = "".join(chip(letter) + line(letter) for letter in letters)
    with frame.heading_row(title, f"{name}-head"):
        st.html(f'<span class="thaw-legend">{legend}</span>', width="content")
        st.space("stretch")
        return frame.view_switch(name.capitalize(), options, f"compare-{name}")


def chosen(name: str, options: Sequence[str]) -> Any:
    """Return the choice of a `head` that is drawn further down."""
    return st.session_state.get(f"compare-{name}") or options[0]
