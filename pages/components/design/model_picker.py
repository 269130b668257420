"""The choice of the model, and the progress of making its layer table."""

from __future__ import annotations

from functools import cache
from html import escape
from itertools import chain
from typing import Literal

import streamlit as st

from core.errors import one_line
from core.files.home import is_demo
from core.models import catalogue, table_cache
from core.runs.processes.tabulation import Tabulations
from pages.components.design.model_weights import model_labels
from pages.components.shared import session
from pages.components.shared.fields import bound
from pages.components.shared.state import current

_TABULATIONS = Tabulations()
"""The one owner of this process's children that read models."""
_SECONDS = 0.5


def model_box(width: int | Literal["stretch"] = 250) -> None:
    """Draw the searchable list of all models."""
    name = session.schedule().model.name
    known = plain_first(catalogue.with_stored_table() if is_demo() else catalogue.names())
    labels = model_labels()
    st.selectbox(
        "Model",
        known if name in known else (name, *known),
        format_func=lambda model: labels.get(model, model),
        filter_mode="contains",  # in the order of the list: fuzzy, a longer name may come first
        label_visibility="collapsed",
        icon=":material/network_node:",
        width=width,
        **bound("model", current().design.wanted_model or name, _take_model),
    )


@cache
def plain_first(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return full names of models in their order, but each after those that its own one contains.

    So a search that keeps the order finds `resnet50d` before `ecaresnet50d`.
    """
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(name.rpartition("/")[2], []).append(name)
    shortest = sorted(found, key=len)
    parts = (part for model in found for part in shortest if part in model)
    return tuple(chain.from_iterable(found[part] for part in dict.fromkeys(parts)))


def model_reading() -> None:
    """Draw a line with a Cancel button while a model's table is being made."""
    place = st.empty()  # always there, so that what follows is not made anew when it comes
    wanted = _wanted()
    if wanted is not None:
        with place.container():
            _watch(wanted)


def _wanted() -> str | None:
    """Return the model that was chosen, or else the schedule's own, if it has no layer table."""
    chosen = current().design.wanted_model
    name = session.schedule().model.name
    if chosen is None and session.table() is None and name in catalogue.names():
        return name
    return chosen


def _take_model(name: str) -> None:
    current().design.wanted_model = None
    table = table_cache.find(name, table_cache.cache_folder())
    if table is not None:
        session.use_model(table)
    elif name != session.schedule().model.name:
        current().design.wanted_model = name
        _ask(name)


@st.fragment(run_every=_SECONDS)
def _watch(model: str) -> None:
    chosen = current().design.wanted_model == model
    table = table_cache.find(model, table_cache.cache_folder())
    if table is not None:
        if chosen:
            current().design.wanted_model = None
            session.use_model(table)
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        _status(model, chosen)


def _status(model: str, chosen: bool) -> None:
    failure = _TABULATIONS.failure(model)
    if failure is None:
        if not _TABULATIONS.is_making(model):
            _ask(model)
        stays = " The schedule stays as it is until then." if chosen else ""
        _line("busy", f"Reading {model}: its layers and what they cost.{stays}")
        if chosen:
            st.button("Cancel", key="model-cancel", on_click=_forget)
        return
    way_out = "Choose another model, or try again."
    _line("failed", f"{model} could not be read: {one_line(failure).rstrip('.')}. {way_out}")
    st.button("Try again", key="model-again", on_click=_ask, args=(model,))
    if chosen:
        st.button("Keep the old one", key="model-cancel", on_click=_forget)


def _ask(model: str) -> None:
    _TABULATIONS.ask(model, table_cache.cache_folder())


def _forget() -> None:
    current().design.wanted_model = None


def _line(kind: str, text: str) -> None:
    st.html(
        f'<p class="thaw-reading {kind}" role="status">{escape(text)}</p>',
        width="content",
    )
