"""The Cost card of a phone: one phase at a time, that of the playhead."""

from __future__ import annotations

import streamlit as st

from core.design.layers import LayerTable
from core.design.spec import Schedule
from core.runs.settings import RunSettings
from pages.components import cost_words as words
from pages.components import frame
from pages.components.cost_figures import Figures, figures
from pages.components.cost_rows import about, phase_at, rows, told
from pages.components.cost_strip import NO_TABLE
from pages.components.names import OPTIMIZERS


def cost_card(schedule: Schedule, table: LayerTable | None, settings: RunSettings) -> None:
    """Draw the card; its arrows move the playhead into the phase before or after."""
    with frame.card("cost", "Cost", about(settings)):
        if table is None:
            st.caption(NO_TABLE.capitalize())
            return
        found = figures(schedule, table, settings)
        now = phase_at(found, st.session_state["playhead"])
        _arrows(found, now)
        st.html(_figures(found, schedule, settings, now))


def _arrows(found: Figures, now: int) -> None:
    parts = found.costs.phases
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="cost-phase"):
        for step, name in ((-1, "before"), (1, "after")):
            if step > 0:
                name_of = told(parts[now], now, len(parts))
                st.html(f'<p class="thaw-cost-name">{name_of}</p>', width="stretch")
            there = now + step
            st.button(
                "",
                icon=f":material/chevron_{'left' if step < 0 else 'right'}:",
                key=f"phase-{name}",
                help=f"To the phase {name}",
                disabled=not 0 <= there < len(parts),
                on_click=_go,
                args=(found, there),
            )


def _go(found: Figures, at: int) -> None:
    part = found.costs.phases[at]
    st.session_state["playhead"] = (part.start + part.end) / 2


def _figures(found: Figures, schedule: Schedule, settings: RunSettings, now: int) -> str:
    shown = rows(found, OPTIMIZERS[schedule.optimizer.name], settings)
    pairs = [(row.title, row.note or f"{row.cells[now].figures} {_of(row.total)}") for row in shown]
    if found.savings.phases:
        pairs.append(("Training begins at", f"<b>{words.begins(found.savings.phases[now])}</b>"))
    items = "".join(f"<div><dt>{title}</dt><dd>{figure}</dd></div>" for title, figure in pairs)
    whole = f"The cache {words.summary(found.savings, settings)}." if found.savings.passes else ""
    return f'<dl class="thaw-cost-list">{items}</dl><p class="thaw-cost-whole">{whole}</p>'


def _of(total: str) -> str:
    """The total where it says what the figure is a part of; it is not the run's own then."""
    return total if total.startswith("of ") else ""
