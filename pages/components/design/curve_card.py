"""The Curve card: the numbers that all groups share."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import streamlit as st

from core.schedule import edits, words
from core.schedule.document import Document, field_texts
from core.schedule.optimizers import OPTIMIZERS
from core.schedule.shapes import DECAYS, WARMUPS
from core.schedule.spec import Schedule
from pages.components.learn.glossary import tip
from pages.components.shared import frame, session
from pages.components.shared.fields import (
    bound,
    choice,
    number,
    numbers,
    sensible_step,
    switch,
)
from pages.components.shared.history import History
from pages.components.shared.state import current

_RATE = "%e"
"""How the browser writes a rate: 1e-3."""
_ABSOLUTE, _RELATIVE = "LR", "× peak"


def curve_panel(*, folded: bool = False) -> None:
    """Draw the card; every control edits the schedule at once.

    `folded` makes it one line until it is opened.
    """
    schedule = session.schedule()
    if folded:
        with frame.card("curve"), _fold("curve-fold", f"**Curve** {summary(schedule)}"):
            _controls(schedule, folded=True)
        return
    steps = session.steps_per_epoch()
    with frame.card("curve"):
        if stretched(current().history) is None:
            total = words.counted(schedule.epochs * steps, "step")
            frame.heading("Curve", f"{total}, {steps:,} per epoch")
        else:
            with frame.heading_row("Curve"):
                st.space("stretch")
                _offer_to_stretch()
        _controls(schedule, folded=False)


def stretched(history: History) -> Schedule | None:
    """Return the schedule with its thaws at the same shares of the run as before, if they are not.

    They are not where the last edits, all of them of the number of epochs, left them behind.
    """
    now = before = history.present
    for schedule, _ in reversed(history.versions[: history.at]):
        if schedule.model_copy(update={"epochs": now.epochs}) != now:
            break
        before = schedule
    moved = edits.set_length(before, now.epochs)
    return None if moved.groups == now.groups else moved


def _offer_to_stretch() -> None:
    """Draw the button that moves thaws and freezes with the end of the run."""
    st.button(
        "Stretch the windows too?",
        key="stretch-thaws",
        type="tertiary",
        icon=":material/arrow_range:",
        help="The run has another length, but every thaw and freeze stayed at its epoch. This "
        "moves them, and the end of the warmup, to the same shares of the run as before.",
        on_click=_stretch,
    )


def _stretch() -> None:
    moved = stretched(current().history)
    if moved is not None:
        session.edit(lambda _: moved)


def summary(schedule: Schedule) -> str:
    """Return the curve in a few words: `8 epochs, 1e-3, ×0.5, cosine`."""
    lr = schedule.lr
    rate, decay = words.rate(schedule.optimizer.base_lr), f"×{lr.group_decay:g}"
    return f"{words.epochs(schedule.epochs)}, {rate}, {decay}, {lr.decay.title()}"


def _controls(schedule: Schedule, *, folded: bool) -> None:
    lr = schedule.lr
    warms = lr.warmup.epochs > 0
    places = _places()
    with next(places):
        number("Epochs", "epochs", step=1, help=tip("epoch"))
    with next(places):
        _number(
            "Base LR",
            "optimizer.base_lr",
            schedule.optimizer.base_lr,
            shown=_RATE,
            help=tip("base-lr"),
        )
    if folded and stretched(current().history) is not None:
        _offer_to_stretch()
    with next(places):
        _number(
            "Decay per group",
            "lr.group_decay",
            lr.group_decay,
            most=0.05,
            help=tip("group-decay"),
        )
    with next(places):
        choice(
            "Optimizer",
            "optimizer.name",
            (*OPTIMIZERS,),
            edits.set_optimizer,
            {name: kind.title() for name, kind in OPTIMIZERS.items()},
            help=tip("optimizer"),
        )
    with next(places):
        number("Warmup epochs", "lr.warmup.epochs", step=0.5, help=tip("warmup"))
    with next(places):
        number(
            "Start × peak",
            "lr.warmup.start_factor",
            step=0.05,
            disabled=not warms,
            help=tip("warmup-start"),
        )
    with next(places):
        switch(
            "Warmup shape",
            "lr.warmup.shape",
            (*WARMUPS,),
            disabled=not warms,
            help=tip("warmup-shape"),
        )
    with next(places):
        names = ("follow", "restart")
        switch("After unfreeze", "lr.after_unfreeze", names, help=tip("restart"))
    with next(places):
        switch("LR steps by", "lr.interval", ("epoch", "step"), help=tip("interval"))
    with next(places):
        _floor_kind(schedule)
    with next(places):
        shapes = {name: shape.title().capitalize() for name, shape in DECAYS.items()}
        choice("Shape", "lr.decay.shape", (*shapes,), edits.set_shape, shapes, help=tip("shape"))
    with next(places):
        _floor(schedule)
    _own_fields(lr.decay, "lr.decay", places)
    _optimizer(schedule)


def _places() -> Iterator[AbstractContextManager[object]]:
    """Yield the places of the fields, two in each row."""
    while True:
        yield from st.columns(2, gap=8, wrap=False)


def _fold(key: str, label: str) -> AbstractContextManager[object]:
    return st.expander(label, key=key, type="compact")


def _number(
    label: str,
    path: str,
    value: float,
    *,
    shown: str = "%g",
    most: float = math.inf,
    **options: Any,
) -> None:
    """Draw a number input whose step grows with the value, up to `most`."""
    number(label, path, step=min(sensible_step(value), most), format=shown, **options)


def _floor_kind(schedule: Schedule) -> None:
    lr = schedule.lr
    st.segmented_control(
        "Floor is",
        (_RELATIVE, _ABSOLUTE),
        required=True,
        disabled=lr.decay.floor is None,
        width="stretch",
        help=tip("floor-kind"),
        **bound("floor-kind", _RELATIVE if lr.floor_lr is None else _ABSOLUTE, _set_floor_kind),
    )


def _set_floor_kind(kind: str) -> None:
    session.edit(edits.to_absolute_floor if kind == _ABSOLUTE else edits.to_relative_floor)


def _floor(schedule: Schedule) -> None:
    lr = schedule.lr
    if lr.decay.floor is None:
        st.text_input("Floor", "none", disabled=True, key="no-floor")
    elif lr.floor_lr is not None:
        path, value = "lr.decay.floor.lr", lr.floor_lr or 1e-6
        _number("Floor, LR", path, value, shown=_RATE)
    else:
        number("Floor × peak", "lr.decay.floor.factor", step=0.01, help=tip("floor"))


def _own_fields(
    of: Document, prefix: str, places: Iterator[AbstractContextManager[object]]
) -> None:
    """Draw what only some shapes or optimizers have."""
    for name, about in field_texts(type(of)).items():
        path, tip = f"{prefix}.{name}", about.help or None
        with next(places):
            if isinstance(value := getattr(of, name), tuple):
                numbers(about.label, path, help=tip)
            else:
                number(about.label, path, step=about.step or sensible_step(value), help=tip)


def _optimizer(schedule: Schedule) -> None:
    optimizer = schedule.optimizer
    with _fold("optimizer-fold", f"{optimizer.title()}: {optimizer.in_words()}"):
        places = _places()
        with next(places):
            _number(
                "Weight decay",
                "optimizer.weight_decay",
                optimizer.weight_decay or 0.01,
                help=optimizer.decay_help,
            )
        _own_fields(optimizer, "optimizer", places)
