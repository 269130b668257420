"""The Curve card: the numbers that all groups share."""

from __future__ import annotations

import math

import streamlit as st

from core.design import edits
from core.design.curves import SHAPES
from core.design.spec import MAX_EPOCHS, FloorLR
from pages.components import frame, state
from pages.components.fields import choice, number, switch

_OPTIMIZERS = {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD"}
_SHAPES = {"wsd": "Warmup, stable, decay"}


def curve_panel() -> None:
    """Draw the card; every control edits the schedule at once."""
    steps = state.steps_per_epoch()
    total = state.schedule().epochs * steps
    with frame.card("curve", "Curve", f"{total:,} steps, {steps:,} per epoch"):
        left, right = st.columns(2, gap="small")
        with left:
            number("Epochs", "epochs", min_value=1, max_value=MAX_EPOCHS, step=1)
            number("Decay per group", "lr.group_decay", min_value=1e-6, step=0.05, format="%g")
            number("Warmup epochs", "lr.warmup.epochs", min_value=0.0, step=0.5, format="%g")
            choice("Shape", "lr.decay.shape", tuple(SHAPES), edits.set_shape, _SHAPES)
            _shape_detail()
            switch("LR steps by", "lr.interval", ("epoch", "step"))
        with right:
            _base_lr()
            choice(
                "Optimizer", "optimizer.name", tuple(_OPTIMIZERS), edits.set_optimizer, _OPTIMIZERS
            )
            number(
                "Warmup from × peak",
                "lr.warmup.start_factor",
                min_value=0.0,
                max_value=1.0,
                step=0.05,
                format="%g",
            )
            _floor()
            switch("After unfreeze", "lr.after_unfreeze", ("follow", "restart"))


def _base_lr() -> None:
    base = state.schedule().optimizer.base_lr
    step = 10.0 ** math.floor(math.log10(base))
    number("Base LR", "optimizer.base_lr", min_value=1e-12, step=step, format="%g")


def _floor() -> None:
    floor = getattr(state.schedule().lr.decay, "floor", None)
    if floor is None:
        st.text_input("Floor", "the peak", disabled=True, key="no-floor")
    elif isinstance(floor, FloorLR):
        number("Floor, absolute LR", "lr.decay.floor.lr", min_value=0.0, step=1e-6, format="%g")
    else:
        number(
            "Floor × peak",
            "lr.decay.floor.factor",
            min_value=0.0,
            max_value=1.0,
            step=0.01,
            format="%g",
        )


def _shape_detail() -> None:
    shape = state.schedule().lr.decay.shape
    if shape == "wsd":
        number(
            "Cooldown, last part",
            "lr.decay.cooldown",
            min_value=0.001,
            max_value=1.0,
            step=0.05,
            format="%g",
        )
    elif shape == "polynomial":
        number("Power", "lr.decay.power", min_value=0.01, step=0.5, format="%g")
