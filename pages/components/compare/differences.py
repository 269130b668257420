"""The card of the differences between a schedule and the first one, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import streamlit as st

from core.compare.align import GroupRow
from core.compare.difference import by_weight
from core.compare.schedules import Difference, alike, diff
from core.export.palette import Pair
from core.records.model import Record
from core.schedule.spec import BaseGroup
from core.schedule.words import counted
from pages.components.compare import slot_style
from pages.components.compare.conditions import setting_differences
from pages.components.compare.slots import Slot
from pages.components.shared import frame

_FEW = 5
_NAME = ("name",)
"""Every slot shows its schedule's name, so that it is told only if nothing else differs."""


def differences(first: Slot, other: Slot) -> tuple[Difference, ...]:
    """Return what the other does differently; the schedule's own name only where that is all."""
    found = diff(first.plan, other.plan)
    others = tuple(line for line in found if line.groups or line.fields != _NAME)
    return others or found


def difference_card(first: Slot, other: Slot, rows: Sequence[GroupRow[BaseGroup]], at: int) -> None:
    """Draw the card; `at` is the other's place among the schedules of the rows.

    It begins with the settings of their runs, and then has the differences that weigh most.
    """
    settings, found = setting_differences(first, other), by_weight(differences(first, other))
    colours = {**slot_style.colours_by_name(rows, 0), **slot_style.colours_by_name(rows, at)}
    with frame.card(f"diff-{other.letter.lower()}"):
        shown = [_item(line, colours) for line in (*settings, *found[:_FEW])]
        if not found:
            shown.append(f"<li>{_nothing(first, other)}</li>")
        rest = [_item(line, colours) for line in found[_FEW:]]
        content = _head(other, len(settings) + len(found)) + _list(shown)
        if rest:
            content += (
                f'<details class="thaw-more"><summary>{len(rest)} more</summary>'
                f"{_list(rest)}</details>"
            )
        st.html(content + _alike(first, other))


def _list(items: Sequence[str]) -> str:
    return f'<ul class="thaw-diff">{"".join(items)}</ul>'


def _head(other: Slot, count: int) -> str:
    return (
        f'<div class="thaw-diff-head"><h2 class="thaw-heading">What {other.letter} does '
        f"differently</h2><span>{counted(count, 'difference')}</span></div>"
    )


def _nothing(first: Slot, other: Slot) -> str:
    records = [slot.plan for slot in (first, other) if isinstance(slot.plan, Record)]
    if not records:
        return "Nothing: the two are the same schedule."
    within = max(record.within for record in records)
    return f"Nothing that a record shows: groups, epochs, optimizer, and rates to {within:g}."


def _item(line: Difference, colours: Mapping[str, Pair]) -> str:
    colour = colours.get(line.groups[0]) if line.groups else None
    detail = f"<small>{escape(line.detail)}</small>" if line.detail else ""
    text = _sentence(line)
    return f"<li>{slot_style.swatch(colour)}<div>{text}{detail}</div></li>"


def _sentence(line: Difference) -> str:
    """Return the text as HTML, with the group's name set off, or begun with a capital."""
    name = line.groups[0] if line.groups else ""
    if name:
        return f"<b>{escape(name)}</b>{escape(line.text[len(name) :])}"
    return escape(line.text[:1].upper() + line.text[1:])


def _alike(first: Slot, other: Slot) -> str:
    words = alike(first.plan, other.plan)
    if not words or first.plan == other.plan:
        return ""
    return f'<p class="thaw-alike"><b>Alike:</b> {escape(", ".join(words))}</p>'
