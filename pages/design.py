"""The Design page: shape a schedule by eye, and see every group's learning rate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core import checks
from core.checks import Problem
from pages.components.design.cost_card import cost_card
from pages.components.design.cost_strip import cost_strip
from pages.components.design.curve_card import curve_panel, stretched
from pages.components.design.group_editor import group_editor
from pages.components.design.problems.mount import problem_list
from pages.components.design.rates_dialog import table_button
from pages.components.design.timeline import merge
from pages.components.design.timeline.data import timeline_data
from pages.components.design.timeline.events import (
    Event,
    FieldsEvent,
    GroupsEvent,
    HistoryEvent,
    View,
    ViewEvent,
)
from pages.components.design.timeline.mount import timeline
from pages.components.design.toolbar import has_open_menu, toolbar
from pages.components.design.window_card import window_panel
from pages.components.shared import chart_style, crosshair, frame, session
from pages.components.shared.axis import Span
from pages.components.shared.browser_tab import keep_draft
from pages.components.shared.downloads import csv_button
from pages.components.shared.fields import refusals
from pages.components.shared.help_dialog import welcome
from pages.components.shared.rates.chart import DESCRIPTION, rate_chart, rate_reading
from pages.components.shared.state import current


class _Switch(NamedTuple):
    label: str
    key: str
    options: tuple[str, str]


_SWITCHES = (
    _Switch("Scale", "chart-scale", ("log", "linear")),
    _Switch("Unit", "chart-unit", ("rate", "of peak")),
    _Switch("Axis", "chart-axis", ("epoch", "step")),
)


_DESIGNER = "designer"


def page() -> None:
    """Draw the page. It reruns as fragments, so that a drag costs little more than itself."""
    current().after_edit = _redraw_designer
    _designer()


@st.fragment(key=_DESIGNER)
def _designer() -> None:
    """Draw all that an edit may change; what a drag of windows changes is a fragment of its own."""
    frame.show_notice()
    narrow = _is_narrow()
    current().design.outside_timeline = None  # `_timeline` notes what is drawn now
    top = st.container(key="top", gap=None)
    with top:  # so that it has its place before the toolbar comes
        frame.unseen_title("Design a schedule")
        welcome()
    above = st.container(key="above")
    wide, side = st.columns([1040, 336], gap="small")
    with side:  # a phone has them below each other: what is in hand comes first
        first, middle, last = (st.container() for _ in range(3))
    with wide, frame.card("timeline"):
        place = st.container()
        head = st.container(
            horizontal=True, vertical_alignment="center", gap="small", key="rates-head"
        )
        with head:
            st.html('<h2 class="thaw-heading">Learning rate per group</h2>', width="content")
        rates = st.container(key="rates-chart")
        with place:
            errors = _timeline(rates, first if narrow else last, last)
    with head:
        _rates_head(narrow=narrow)
    with top:
        toolbar(errors, narrow=narrow)
    with above if narrow else middle:
        group_editor()
    with middle:
        curve_panel(folded=narrow)


@st.fragment
def _timeline(rates: DeltaGenerator, panels: DeltaGenerator, cost: DeltaGenerator) -> list[Problem]:
    """Draw what a drag of windows, a choice or the playhead changes, timeline and rates first.

    The window's card and the problems go into `panels`, a phone's costs into `cost`. Gives the
    problems that are errors.
    """
    found = checks.problems(
        session.schedule(),
        session.table(),
        session.settings().batch_size,
        session.steps_per_epoch(),
    )
    errors = [problem for problem in found if problem.severity == "error"]
    view, outside = current().design, _outside_timeline(errors)
    if view.outside_timeline not in (None, outside):
        st.rerun()  # of the app: only a callback, `_redraw_designer`, can ask for one fragment
    view.outside_timeline = outside
    data = timeline_data(
        session.schedule(),
        session.table(),
        steps_per_epoch=session.steps_per_epoch(),
        image_size=session.settings().image_size,
        unit=_chosen(_SWITCHES[1]),
        playhead=current().design.playhead,
        selected=session.selected(),
        problems=found,
        revision=current().revision,
        span=_span(),
        folded=current().design.folded_stages,
        narrow=(narrow := _is_narrow()),
    )
    timeline(data, key="timeline", on_event=_take)
    with rates:
        _rates(narrow=narrow, span=_span())
        below = st.container(key="costs")
    if not narrow:
        with below:
            playhead = current().design.playhead
            cost_strip(session.schedule(), session.table(), session.settings(), playhead, _span())
    with panels:
        window_panel(narrow=narrow)
        problem_list(found)
    if narrow:
        with cost:
            cost_card(session.schedule(), session.table(), session.settings())
    keep_draft()
    return errors


def _span() -> Span | None:
    """Return the part of the run that was shown last, or None for all of it."""
    epochs, span = current().design.span
    return span if epochs == session.schedule().epochs else None


def _is_narrow() -> bool:
    """Return whether the timeline is narrow; until it has told, whether the browser is a phone's.

    Held upright, a phone's page is then drawn only once.
    """
    narrow = current().design.narrow
    return frame.is_phone() if narrow is None else narrow


def _outside_timeline(errors: Sequence[Problem]) -> tuple[object, ...]:
    """Return what `_designer` draws itself, which a drag of windows usually leaves as it is."""
    schedule, history = session.schedule(), current().history
    groups = tuple(group.model_copy(update={"trainable": ()}) for group in schedule.groups)
    return (
        schedule.model_copy(update={"groups": groups}),
        (history.can_undo, history.can_redo),
        session.preset_in_use() or (session.preset_origin(),),
        [problem.message for problem in errors],
        refusals(of_schedule=True),
        _is_narrow(),
        current().notice is not None,
        stretched(current().history) is not None,
        current().dialog in ("rates", "presets"),  # the click may come in one message with an edit
        schedule if has_open_menu() else None,
    )


def _take(event: Event) -> None:
    """Carry out what was done in the timeline."""
    match event:
        case GroupsEvent():
            session.edit(merge.with_groups, event)
        case FieldsEvent():
            session.edit(merge.with_fields, event)
    _look(event.view)
    if isinstance(event, HistoryEvent):
        step = session.undo if event.way == "undo" else session.redo
        step()
    if not isinstance(event, ViewEvent):
        session.redraw()


def _look(view: View) -> None:
    """Keep what is looked at in the timeline, as far as it has changed."""
    design, changed = current().design, view.model_fields_set
    if "playhead" in changed:
        design.playhead = view.playhead
    if "selected" in changed:
        chosen = view.selected
        design.selected_window = None if chosen is None else (chosen.group, chosen.window)
    if "span" in changed:
        design.span = (session.schedule().epochs, view.span)
    if "folded" in changed:
        design.folded_stages = view.folded
    if "narrow" in changed:
        design.narrow = view.narrow


def _redraw_designer() -> None:
    """Redraw `_designer` at the end of a callback that has changed what only that draws."""
    errors = checks.errors(session.schedule(), session.table())
    if _outside_timeline(errors) != current().design.outside_timeline:
        st.rerun(_DESIGNER)


def _rates_head(*, narrow: bool) -> None:
    st.html('<span class="thaw-aside">solid trains, dashed frozen</span>', width="content")
    if not narrow:  # where the switches have rows of their own
        st.space("stretch")
    for switch in _SWITCHES:
        frame.view_switch(switch.label, switch.options, switch.key)
    table_button()
    csv_button("CSV", _chosen(_SWITCHES[-1]), key="rates-csv")


def _rates(*, narrow: bool, span: Span | None) -> None:
    scale, unit, axis = (_chosen(each) for each in _SWITCHES)
    view = chart_style.View(frame.is_dark(), narrow, scale, unit, axis, span)
    schedule, steps = session.schedule(), session.steps_per_epoch()
    chart = rate_chart(schedule, steps, current().design.playhead, view)
    reading = rate_reading(schedule, steps, view)
    crosshair.show(chart, reading, "rates", DESCRIPTION, legend=narrow)


def _chosen(switch: _Switch) -> Any:
    """Return what stands in a switch, before it is drawn."""
    return st.session_state.get(switch.key, switch.options[0])


if __name__ == "__main__":
    import app

    app.main()
