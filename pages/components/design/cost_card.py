"""The Cost card of a phone: one phase at a time, that of the playhead."""

from __future__ import annotations

import streamlit as st

from core.models.layer_table import LayerTable
from core.runs.settings import RunSettings
from core.schedule.spec import Schedule
from pages.components.design.cost_rows import about, phase_at, phase_name, rows
from pages.components.design.cost_strip import NO_TABLE
from pages.components.learn.glossary import label
from pages.components.shared import cost_words as words
from pages.components.shared import frame
from pages.components.shared.cost_figures import Figures, figures
from pages.components.shared.state import current


def cost_card(schedule: Schedule, table: LayerTable | None, settings: RunSettings) -> None:
    """Draw the card; its arrows move the playhead into the phase before or after."""
    with frame.card("cost", "Cost", about(settings)):
        if table is None:
            st.caption(NO_TABLE.capitalize())
            return
        found = figures(schedule, table, settings)
        now = phase_at(found, current().design.playhead)
        _arrows(found, now)
        st.html(_figures(found, schedule, settings, now))


def _arrows(found: Figures, now: int) -> None:
    parts = found.costs.phases
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="cost-phase"):
        _arrow(found, now - 1, "before", "left")
        name = phase_name(parts[now], now, len(parts))
        st.html(f'<p class="thaw-cost-name">{name}</p>', width="stretch")
        _arrow(found, now + 1, "after", "right")


def _arrow(found: Figures, there: int, name: str, way: str) -> None:
    st.button(
        f"Phase {name}",  # for screen readers: streamlit.css shows the icon alone
        icon=f":material/chevron_{way}:",
        key=f"phase-{name}",
        disabled=not 0 <= there < len(found.costs.phases),
        on_click=_go,
        args=(found, there),
    )


def _go(found: Figures, at: int) -> None:
    part = found.costs.phases[at]
    current().design.playhead = (part.start + part.end) / 2


def _figures(found: Figures, schedule: Schedule, settings: RunSettings, now: int) -> str:
    shown = rows(found, schedule.optimizer.title(), settings)
    pairs = [(label(row.term, row.title), row.note or row.cells[now].figures) for row in shown]
    if found.savings.phases:
        pairs.append(("Training begins at", f"<b>{words.begins(found.savings.phases[now])}</b>"))
    items = "".join(f"<div><dt>{title}</dt><dd>{figure}</dd></div>" for title, figure in pairs)
    saves = found.savings.precompute_passes and settings.cache != "off"
    whole = f"The cache: {words.summary(found.savings, settings)}." if saves else ""
    return f'<dl class="thaw-cost-list">{items}</dl><p class="thaw-cost-whole">{whole}</p>'
