"""The model's weights: pretrained or random, on this machine or to be downloaded before a run."""

from __future__ import annotations

from functools import lru_cache

import streamlit as st

from core.models import catalogue, layer_table
from core.models.catalogue import CatalogueEntry, Weights
from core.presets import BUNDLED_MODEL
from core.runs.weight_downloads import Downloaded, download_server, downloaded, is_reachable
from core.schedule import edits
from core.schedule.spec import ModelRef
from core.schedule.words import counted
from pages.components.shared import session
from pages.components.shared.cost_words import size
from pages.components.shared.fields import bound

_RANDOM = "Random"
_HERE = "here"
_SECONDS = 2.0
"""What a server may take to answer, while the page waits."""


def model_labels() -> dict[str, str]:
    """Return each model's label: whether its weights are on this machine, or their size."""
    return _labels(downloaded())


def weights_menu() -> None:
    """Draw the menu of the weights, with the number of classes of the head."""
    label = "Pretrained" if session.schedule().model.weights else "Random"
    with st.popover(label, key="weights-menu", help="The model's weights and classes"):
        weights_choice()


def weights_choice() -> None:
    """Draw what is in that menu."""
    model = session.schedule().model
    entry = catalogue.entries().get(model.name)
    if entry is not None:
        _choice(model, entry)
    found = session.classes()
    if found is None:
        st.caption("The number of classes is unknown, so the head is the library's own.")
    else:
        st.caption(f"The head is new, for {counted(found, 'class')} of the data.")


def unavailable(model: ModelRef) -> str | None:
    """Return why a run cannot get the model's weights now; None if nothing is known against it."""
    missing = _missing(model)
    if missing is None or _is_reachable(download_server(missing)):
        return None
    return (
        f"The weights {missing.name} of {model.name} are not on this machine, and "
        f"{download_server(missing)} does not answer: a run could not begin."
    )


def download_note(model: ModelRef) -> str:
    """Return what a run downloads before it trains; empty if nothing."""
    if _missing(model) is None:
        return ""
    return f"It first downloads about {size(catalogue.entries()[model.name].bytes)} of weights."


def use_bundled_button() -> None:
    """Draw a button that changes to the model whose weights come with Thaw."""
    st.button(
        f"Use {BUNDLED_MODEL}, whose weights are on this machine",
        key="use-offline-model",
        on_click=session.edit,
        args=(edits.use_model, layer_table.load(BUNDLED_MODEL)),
    )


def _choice(model: ModelRef, entry: CatalogueEntry) -> None:
    here = downloaded()
    notes = {w.name: _HERE if here.has(w) else size(entry.bytes) for w in entry.weights}
    shown = model.weights or _RANDOM
    st.selectbox(
        "Weights",
        tuple(dict.fromkeys((*notes, _RANDOM, shown))),
        format_func=lambda name: f"{name} · {notes[name]}" if name in notes else name,
        help="What is not on this machine is downloaded once, when a run starts.",
        **bound("model-weights", shown, _take),
    )


def _take(name: str) -> None:
    session.edit(edits.set_field, "model.weights", None if name == _RANDOM else name)


@lru_cache(maxsize=2)
def _labels(here: Downloaded) -> dict[str, str]:
    """Return the labels of all models, made anew when something has been downloaded."""
    return {name: f"{name} · {_have(entry, here)}" for name, entry in catalogue.entries().items()}


def _have(entry: CatalogueEntry, here: Downloaded) -> str:
    if any(map(here.has, entry.weights)):
        return _HERE
    return size(entry.bytes) if entry.weights else "no weights"


def _missing(model: ModelRef) -> Weights | None:
    """Return the weights that a run would have to download."""
    entry = catalogue.entries().get(model.name)
    named = [w for w in entry.weights if w.name == model.weights] if entry else []
    return named[0] if named and not downloaded().has(named[0]) else None


@st.cache_data(ttl=60, max_entries=8, show_spinner=False)
def _is_reachable(address: str) -> bool:
    return is_reachable(address, _SECONDS)
