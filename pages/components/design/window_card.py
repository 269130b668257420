"""The card of the selected window: its epochs and its rate, as fields."""

from __future__ import annotations

from typing import Any, Literal

import streamlit as st

from core.errors import InputError, quoted
from core.schedule import curves, edits, words
from core.schedule.budget import budget
from core.schedule.curves import scale
from core.schedule.document import Window
from core.schedule.spec import Group, Schedule
from core.schedule.words import percent
from pages.components.learn.glossary import tip
from pages.components.shared import frame, session
from pages.components.shared.fields import Field, bound, number_input, sensible_step


def window_panel(*, narrow: bool) -> None:
    """Draw the card of the selected window, or say how to select one.

    A `narrow` one has no room for its three fields side by side.
    """
    chosen = session.selected()
    if chosen is None:
        with frame.card("window", "Window"):
            st.caption("Select a bar in the timeline to type its epochs and its rate.")
        return
    name, index = chosen
    schedule = session.schedule()
    group = schedule.group(name)
    windows = len(group.trainable)
    aside = f"window {index + 1} of {windows}" if windows else "never trains"
    with frame.card("window", name, aside, frame.group_tints(schedule)[name]):
        start, end, *beside = st.columns(2 if narrow else 3, gap=8, wrap=False)
        with start:
            tip = f"Epoch from 0; {schedule.epochs} means that it never trains."
            _edge_field("Thaws at", group, index, 0, tip)
        with end:
            tip = f"{schedule.epochs} means that it trains to the end."
            _edge_field("Freezes at", group, index, 1, tip)
        with beside[0] if beside else st.container():
            _lr_scale(group, index)
        if text := learning(schedule, group, index):
            st.html(f'<p class="thaw-said">{text}</p>')
        _batchnorm(group)


def learning(schedule: Schedule, group: Group, index: int) -> str:
    """Return the group's share of epochs and learning, and the window's first rate, as HTML."""
    received = budget(schedule, group)
    if received is None:
        return ""
    epochs, gets = (percent(share) for share in (received.epochs, received.learning))
    joined = "but" if received.learning < 0.8 * received.epochs else "and"
    start = group.trainable[index][0]
    if start >= schedule.epochs:
        begins = "This window begins when the run is over."
    else:
        rate = float(curves.lr(schedule, group, start))
        of_peak = percent(rate / curves.peak(schedule, group))
        begins = (
            f"At epoch {start} it begins with <b>{words.rate(rate, 2)}</b>, {of_peak} of its peak."
        )
    return (
        f"Trains in <b>{epochs}</b> of the epochs {joined} gets <b>{gets}</b> of the learning "
        f"that it would get if it trained throughout. {begins}"
    )


def _edge_field(label: str, group: Group, index: int, edge: Literal[0, 1], tip: str) -> None:
    """Draw the field of the window's start (0) or end (1)."""

    def take(epoch: Any) -> None:
        edges = _edges(group, index)
        if edges is None:
            return
        start, end = edges
        least, most = (start + 1 if edge else 0), session.schedule().epochs
        if not isinstance(epoch, int) or not least <= epoch <= most:
            way_out = f"use a whole number from {least} to {most}"
            raise InputError(label, f"is {quoted(epoch)}", way_out)
        start, end = (start, epoch) if edge else (epoch, end)
        at_end = end is None or end >= most
        session.change(edits.set_window, group.name, index, start, None if at_end else end)

    name = label.lower().replace(" ", "-")
    number_input(
        Field(label, name, label, lambda: _shown(group, index, edge), take),
        step=1,
        disabled=edge == 1 and not group.trainable,
        help=tip,
    )


def _shown(group: Group, index: int, edge: int) -> int | None:
    """Return an edge of the window in hand as its field shows it; None for any other window."""
    edges = _edges(group, index) if session.selected() == (group.name, index) else None
    if edges is None:
        return None
    epoch, epochs = edges[edge], session.schedule().epochs
    return epochs if epoch is None else min(epoch, epochs)


def _edges(group: Group, index: int) -> Window | None:
    """Return a window as the timeline may just have moved it; None if it has taken it away.

    That of a group without windows is past the run's end.
    """
    schedule = session.schedule()
    windows = {each.name: each.trainable for each in schedule.groups}.get(group.name)
    if windows == () and index == 0:
        return schedule.epochs, None
    return windows[index] if windows and index < len(windows) else None


def _lr_scale(group: Group, index: int) -> None:
    def now() -> float | None:
        if session.selected() != (group.name, index):
            return None
        schedule = session.schedule()
        # 0.1 ** 2 is 0.010000000000000002
        return float(f"{scale(schedule, schedule.group(group.name)):.12g}")

    def take(value: object) -> None:
        if now() is not None:
            session.change(edits.set_group, group.name, lr_scale=value)

    place = f"groups[{session.schedule().groups.index(group)}].lr_scale"
    number_input(
        Field("LR scale", "lr-scale", place, now, take, empty=""),
        step=sensible_step(now() or 1.0),
        help=tip("lr-scale"),
    )


def _batchnorm(group: Group) -> None:
    _toggle(
        group,
        "when_frozen",
        "train",
        "eval",
        "BatchNorm moves while frozen",
        "As in the classroom recipe and in fastai; dropout stays random too.",
    )
    _toggle(
        group,
        "batchnorm",
        "eval",
        None,
        "BatchNorm keeps its statistics",
        "Also while the group trains: for small batches and small images.",
    )


def _toggle(group: Group, field: str, on: str, off: str | None, label: str, why: str) -> None:
    def take(is_on: bool) -> None:
        session.edit(edits.set_group, group.name, **{field: on if is_on else off})
        session.redraw()

    st.toggle(label, help=why, **bound(f"toggle-{field}", getattr(group, field) == on, take))
