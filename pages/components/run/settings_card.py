"""The Data and settings card: how the schedule is run, locked while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import streamlit as st

from core.demo import limits
from core.errors import ThawError
from core.files.home import is_demo
from core.runs.processes import launch
from core.runs.settings import RunSettings, make_settings
from pages.components.run.data_picker import data_choice
from pages.components.run.demo_card import limits_note
from pages.components.shared import frame, session
from pages.components.shared.fields import SETTING, Field, bound, number_input
from pages.components.shared.setting_names import LABELS

_AUGMENT = {
    "none": ("none", "Every epoch sees the same images, so the frozen part runs on them once."),
    "flip": ("flip", "Each image has 2 views, flipped or not, and is cached view by view."),
    "crops": ("ten crops", "Each image has 10 views, crops and flips, and is cached view by view."),
    "random": (
        "random crops",
        "Every epoch takes new crops: open-ended, so training is not cached.",
    ),
    "color": (
        "crops and colors",
        "Every epoch takes new crops in new colors: open-ended, so training is not cached.",
    ),
}
"""Titles of the augmentations, and what each means for the cache."""
_PRECISION = {
    "exact": "Exact: the cache changes no bit.",
    "fast": "Fast is neither bit-exact nor repeatable; the audit reports the difference.",
}
_PROCESSES = (
    "A batch is split over the processes, and in each of them into micro-batches, which take less "
    "memory; each of those has BatchNorm statistics of its own."
)
_STEP = "Fused steps are torch's faster ones; plain ones have the bits of a loop written by hand."
_AUTOCAST = {
    "off": "",
    "bf16": "bf16 has the range of float32, and 8 of its 24 bits.",
    "fp16": "fp16 has 11 bits; a scaler skips the steps whose gradients overflow.",
}
_DECODE = (
    "Images of a folder are decoded ahead and held, or streamed: decoded batch by batch in so many "
    "processes (0: the run's own), which changes no bit."
)


def run_settings(of_run: RunSettings | None, *, live: bool) -> None:
    """Draw the card: the settings of the run that is shown, or those of the next one."""
    shown = of_run or session.settings()
    locked = of_run is not None
    aside = "locked while running" if live else "of this run" if locked else ""
    with frame.card("settings", "Data and settings", aside):
        limits_note()
        data_choice(shown.data, partial(_put, "data"), locked=locked)
        left, right = st.columns(2, wrap=False)
        with left:
            _number("samples", shown, locked, step=100)
            _number("image_size", shown, locked, step=16)
            devices = ("cpu",) if is_demo() else ("auto", "cpu", "cuda", "mps")
            _choice("device", devices, shown, locked)
            _choice("augment", tuple(_AUGMENT), shown, locked)
        with right:
            _number("validation_samples", shown, locked, step=100)
            _number("batch_size", shown, locked, step=8)
            _choice("cache", ("auto", "off"), shown, locked)
            _choice("precision", tuple(_PRECISION), shown, locked)
        if _devices() > 1:
            _number("processes", shown, locked)
        st.caption(f"{_AUGMENT[shown.augment][1]} {_PRECISION[shown.precision]}")
        with st.expander("Advanced"):
            _advanced(shown, locked)


def _advanced(shown: RunSettings, locked: bool) -> None:
    left, right = st.columns(2, wrap=False)
    with left:
        _number("cache_memory", shown, locked, step=100, empty="auto")
        _number("seed", shown, locked)
        _number("clip_norm", shown, locked, empty="none")
        _choice("decode", ("ahead", "stream"), shown, locked)
        _number("accumulate", shown, locked)
    with right:
        _number("cache_disk", shown, locked, step=100, empty="auto")
        _choice("optimizer_step", ("fused", "plain"), shown, locked)
        _choice("autocast", tuple(_AUTOCAST), shown, locked)
        _choice("memory_format", ("contiguous", "channels_last"), shown, locked)
        _number("workers", shown, locked)
        if _devices() == 1:
            _number("processes", shown, locked)
    empty = "" if is_demo() else "Empty: a quarter of what is free when the run begins. "
    disk = "The disk is used only for what does not fit in memory."
    st.caption(f"{empty}{disk} {_STEP} {_AUTOCAST[shown.autocast]}")
    st.caption(f"{_PROCESSES} {_DECODE}")


def device_chip() -> None:
    """Show the device that `auto` means on this machine, as soon as it is known."""
    found = _device()
    with st.container(width="content", key="device"):
        st.fragment(run_every=None if found.done() else 1.0)(_chip)(found.done())


def run_device(settings: RunSettings) -> tuple[str, str]:
    """Return the type and name of the device of a run, empty where they are not known yet."""
    found = _device()
    known = found.result() if found.done() and found.exception() is None else {}
    if settings.device not in ("auto", known.get("type")):
        return settings.device, ""
    return known.get("type", ""), "" if is_demo() else known.get("name", "")


def _chip(known: bool) -> None:
    found = _device()
    if found.done() and not known:
        st.rerun()
    if not found.done():
        name = "finding the device…"
    elif isinstance(found.exception(), ThawError):
        name = f"device unknown: {found.exception()}"
    else:
        name = found.result()["name"]
    st.badge(frame.escape_markdown(name), color="gray")


@st.cache_resource
def _device() -> Future[Mapping[str, Any]]:
    """Return the device, found in the background by a process that imports torch first."""
    return ThreadPoolExecutor(max_workers=1).submit(launch.device)


def _devices() -> int:
    """Return how many devices of its kind this machine has, as far as is known."""
    found = _device()
    known = found.done() and found.exception() is None
    return int(found.result()["count"]) if known else 1


def _number(
    field: str, shown: RunSettings, locked: bool, *, step: int = 1, empty: str | None = None
) -> None:
    number_input(
        Field(
            LABELS[field],
            f"{SETTING}{field}",
            f"--{field.replace('_', '-')}",
            lambda: getattr(shown if locked else session.settings(), field),
            partial(_set, field),
            empty,
        ),
        step=step,
        disabled=locked,
    )


def _choice(field: str, names: tuple[str, ...], shown: RunSettings, locked: bool) -> None:
    st.selectbox(
        LABELS[field],
        names,
        format_func=lambda name: _AUGMENT[name][0] if field == "augment" else name,
        disabled=locked,
        # a second tap on New run may bring what the run had, when the same fields show one's own
        **bound(f"{SETTING}{field}", getattr(shown, field), partial(_put, field)),
    )


def _put(field: str, value: object) -> None:
    session.attempt(_set, field, value)


def _set(field: str, value: object) -> None:
    new = make_settings(**{**session.settings().model_dump(), field: value})
    limits.refuse_settings(new)
    session.use_settings(new)
