"""The Audit card: what was promised, checked against what happened, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

import numpy as np
import streamlit as st

from core.runs.events import FrozenSpan
from core.runs.forecast import duration
from core.runs.progress import RunProgress
from core.runs.settings import RunSettings
from core.schedule import curves, plan
from core.schedule.spec import Schedule
from core.schedule.words import counted
from pages.components.shared import frame
from pages.components.shared.setting_names import by_label

Item = tuple[str, str, str]
"""Mark (yes, no, open, note), what was promised, and what was found."""
_AT_THE_END = "their bits are compared when a run reaches its end."


def audit_card(
    schedule: Schedule, settings: RunSettings, told: RunProgress, error: float, *, live: bool = True
) -> None:
    """Draw the card; before the end it checks what the run has told so far.

    `error` is the `largest_error` of all steps. Of a run that is no longer `live` and has no audit
    it says what was not checked.
    """
    goes_on = "checked as the run goes; complete when it ends"
    broke_off = "incomplete: the run did not reach its end"
    aside = "complete" if told.audit else goes_on if live else broke_off
    with frame.card("audit", "Audit", aside):
        cells = "".join(
            f'<div class="thaw-check thaw-{mark}"><b>{escape(title)}</b><p>{escape(text)}</p></div>'
            for mark, title, text in items(schedule, settings, told, error, live=live)
        )
        st.html(f'<div class="thaw-checks">{cells}</div>')


def items(
    schedule: Schedule, settings: RunSettings, told: RunProgress, error: float, *, live: bool = True
) -> Iterator[Item]:
    """Yield what was promised and what was found, one by one.

    A promise that is not checked yet is told as open while the run is `live`, then as not checked.
    """
    yield _rates(told, error, live=live)
    yield _frozen(schedule, told, live=live)
    yield _cache(told, exact=settings.precision == "exact", live=live)
    if told.audit is not None and told.audit.precision_error is not None:
        yield _precision(told.audit.precision_error)


def _rates(told: RunProgress, error: float, *, live: bool) -> Item:
    steps = len(told.steps)
    if told.audit is not None:
        steps, error = told.audit.steps, told.audit.max_lr_error
    if not steps:
        found = "Nothing has been trained yet." if live else "Not checked: no step was trained."
        return _unknown("Rates equal the plan", found, live=live)
    said = f"{counted(steps, 'step')} of every open group"
    found = f"{said}, largest relative difference {error:.2g}."
    if error <= curves.RATES_EQUAL:
        return "yes", "Rates equal the plan", found
    return "no", "Rates differ from the plan", found


def largest_error(schedule: Schedule, told: RunProgress, since: int = 0) -> float:
    """The largest relative difference of an open group's rate from the plan, from one step on."""
    if told.started is None or since == len(told.steps):
        return 0.0
    largest = 0.0
    epoch = told.steps.epoch[since:]
    t = curves.time_of_step(schedule, told.steps.step[since:], told.started.steps_per_epoch)
    for group in schedule.groups:
        is_open = np.zeros(len(epoch), bool)
        for start, end in plan.open_spans(group, schedule.epochs):
            is_open |= (start <= epoch) & (epoch < end)
        actual = told.steps.rates(group.name)[since:][is_open]
        errors = curves.relative_error(actual, curves.lr(schedule, group, t[is_open]))
        largest = float(errors.max(initial=largest))
    return largest


def _frozen(schedule: Schedule, told: RunProgress, *, live: bool) -> Item:
    if told.audit is None:
        due = sum(len(plan.frozen_spans(g, schedule.epochs)) for g in schedule.groups)
        count = counted(due, "frozen span")
        found = f"{count}, checked at the end." if live else f"{count} not checked: {_AT_THE_END}"
        return _unknown("Frozen groups hold still", found, live=live)
    spans = told.audit.spans
    if not spans:
        return "yes", "No group was frozen", "Every group trained in every epoch."
    moved = [span for span in spans if not span.unchanged]
    if moved:
        return "no", "A frozen group moved", f"{_named(moved)}: its bits differ."
    whole = [span for span in spans if span.buffers]
    weights = [span for span in spans if not span.buffers]
    texts = []
    if whole:
        texts.append(f"{_named(whole)}: parameters and buffers are bit-identical.")
    if weights:
        texts.append(
            f"{_named(weights)}: parameters are bit-identical; BatchNorm's statistics moved on, "
            "as the schedule says (when_frozen: train)."
        )
    return "yes", "Frozen groups did not move", " ".join(texts)


def _named(spans: Iterable[FrozenSpan]) -> str:
    return ", ".join(f"{span.group} {span.start}–{span.end}" for span in spans)


def _cache(told: RunProgress, *, exact: bool, live: bool) -> Item:
    on = [str(cache.epoch) for cache in told.caches if cache.on]
    if on:
        where = f"In the phases from epoch {', '.join(on)}"
        if exact:
            found = f"{where}, images gave the same bits with it as without.{_seconds(told)}"
            return "yes", "The cache changes nothing", found
        found = f"{where}; fast arithmetic is not exact, with it or without.{_seconds(told)}"
        return "note", "The cache is not compared", found
    if told.caches:
        return "yes", "No cache was used", by_label(told.caches[-1].reason)
    found = "Decided when training begins." if live else "Not checked: nothing was cached yet."
    return _unknown("Frozen-part cache", found, live=live)


def _unknown(title: str, text: str, *, live: bool) -> Item:
    return "open" if live else "note", title, text


def _seconds(told: RunProgress) -> str:
    """Return the seconds that were predicted of the session's epochs, and those that they took."""
    if told.forecast is None or told.started is None:
        return ""
    with_it, without = duration(told.forecast.seconds), duration(told.forecast.plain_seconds)
    took = sum(e.seconds for e in told.epochs if e.epoch >= told.started.resumed_at)
    end = f"; it took {duration(took)}" if told.audit else ""
    return f" Predicted {with_it}, and {without} without it{end}."


def _precision(error: float) -> Item:
    share = f"at most {error:.1%}" if error >= 0.001 else "less than 0.1%"
    found = (
        f"Logits differ from exact arithmetic's by {share} of the largest: the first validation "
        "batch, with the final weights."
    )
    return "yes", "Fast arithmetic", found
