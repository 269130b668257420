"""The verdict of a comparison: result, time and cost of each schedule, and what it rests on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape

import streamlit as st

from core.compare.align import group_rows
from core.compare.average import MUCH, at_rate_of, rate_factor
from core.compare.verdict import in_words, judge, points
from core.data.uploads import data_title
from core.errors import InputError
from core.records.model import Record
from core.runs.results import RunResults
from core.schedule.spec import Schedule
from core.schedule.words import listed
from pages.components.compare import figures, slot_style
from pages.components.compare import slots as compared
from pages.components.compare.conditions import measured_alike, setting_conflicts
from pages.components.compare.figures import FigureLine
from pages.components.compare.repeat import repeat_row
from pages.components.compare.slots import LETTERS, Slot
from pages.components.shared import frame

SHOWN = (figures.ACCURACY, figures.TIME, figures.COMPUTE)
"""The figures that the card has, and the card of all others leaves out."""
_HALF = 560
"""Pixels of the words, and of the table, below which one is above the other."""


def verdict_card(
    slots: Sequence[Slot], results: Mapping[str, RunResults], lines: Sequence[FigureLine]
) -> None:
    """Draw the card; `lines` are all figures of the slots."""
    with frame.card("verdict"):
        cells = st.grid(min_column_width=_HALF, gap="medium")
        with cells.cell():
            for heading, reasons in verdicts(slots):
                st.html(
                    f'<h2 class="thaw-verdict">{escape(heading)}</h2>'
                    f'<p class="thaw-verdict-why">{escape(reasons)}</p>'
                )
            for other in slots[1:]:
                _average_rates(slots, other)
            repeat_row(slots, results)
        with cells.cell():
            st.html(_table(slots, [line for line in lines if line.title in SHOWN]))


def _average_rates(slots: Sequence[Slot], other: Slot) -> None:
    """Say where A or the other trains much faster, and offer the worse one at the rate of both."""
    first = slots[0]
    a, b = first.plan, other.plan
    if isinstance(a, Record) or isinstance(b, Record):
        return
    factor = rate_factor(a, b, group_rows((a, b)))
    if factor is None or 1 / MUCH < factor < MUCH:
        return
    faster, slower = (other, first) if factor > 1 else (first, other)
    lost = bool(first.trials and other.trials) and judge(first.trials, other.trials).gap < 0
    tried, model = (other, first) if lost else (first, other)
    try:
        offer = at_rate_of(b, 1 / factor, a.name) if lost else at_rate_of(a, factor, b.name)
    except InputError:
        return
    if any(_are_one(slot.plan, offer) for slot in slots):
        return
    times = frame.escape_markdown(f"{max(factor, 1 / factor):.2g}")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(
            f":material/speed: **{faster.letter}** trains {times} times as fast as "
            f"**{slower.letter}** on average: try **{tried.letter}** at {model.letter}’s rate "
            "before you judge.",
            width="stretch",
        )
        if len(slots) < len(LETTERS):
            st.button(
                f"Add {tried.letter} at {model.letter}’s rate",
                key=f"same-rate-{other.letter}",
                on_click=compared.bring,
                args=("at another rate", offer),
            )


def verdicts(slots: Sequence[Slot]) -> Iterator[tuple[str, str]]:
    """Yield the verdict on each schedule and the first one: a heading, and sentences of reasons."""
    first, *others = slots
    if all(slot.run is None for slot in slots):
        yield "Not run yet", "Only costs can be compared, until each schedule has been run."
        return
    for other in others:
        yield _verdict(first, other, len(others))


def _verdict(first: Slot, other: Slot, comparisons: int) -> tuple[str, str]:
    a, b = names = first.letter, other.letter
    lacking = [slot.letter for slot in (first, other) if not slot.trials]
    differ = setting_conflicts([first, other])
    if lacking:
        is_record = any(isinstance(slot.plan, Record) for slot in (first, other))
        verb = "have" if len(lacking) > 1 else "has"
        heading = f"{listed(lacking)} {verb} no finished run to compare"
        return heading, "A record of a loop has no results." if is_record else differ
    if not measured_alike([first, other]):
        return f"The results of {a} and {b} cannot be compared", differ
    found = judge(first.trials, other.trials, comparisons)
    if found.is_beyond_noise:
        better, worse = (b, a) if found.gap > 0 else (a, b)
        heading = f"{better} is better than {worse} by {points(found.gap)}"
    else:
        same = ", the same schedule," if _are_one(first.plan, other.plan) else ""
        heading = f"{a} and {b}{same} differ by no more than noise"
    cause = f" {differ} That may be the cause." if differ else ""
    return heading, in_words(found, first.trials, other.trials, names) + cause


def _are_one(plan: Schedule | Record, other: Schedule | Record) -> bool:
    return (
        isinstance(plan, Schedule)
        and isinstance(other, Schedule)
        and plan.equals_but_for_name(other)
    )


def _table(slots: Sequence[Slot], lines: Sequence[FigureLine]) -> str:
    heads = "".join(f'<th scope="col">{escape(line.title)}</th>' for line in lines)
    body = "".join(
        f'<tr><th scope="row">{slot_style.chip(slot.letter)}<span>{escape(slot.plan.name)}'
        f"<small>{escape(rests_on(slot))}</small></span></th>"
        f"{''.join(map(figures.cell, cells))}</tr>"
        for slot, *cells in zip(slots, *(line.cells for line in lines), strict=True)
    )
    return (
        '<table class="thaw-figures thaw-verdicts"><thead><tr><th scope="col">Schedule</th>'
        f"{heads}</tr></thead><tbody>{body}</tbody></table>"
    )


def rests_on(slot: Slot) -> str:
    """Return what the result of a slot rests on: its data, images and seeds."""
    if not slot.trials:
        return "no finished run"
    images = min(trial.images for trial in slot.trials)
    seeds = [str(trial.seed) for trial in slot.trials]
    settings = slot.settings
    return (
        f"{data_title(settings.data)}, {images:,} validation images of {settings.image_size} px, "
        f"{'seeds' if len(seeds) > 1 else 'seed'} {listed(seeds)}"
    )
