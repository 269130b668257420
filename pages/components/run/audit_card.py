"""The Audit card: each promise with the result of its check, in words."""

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
"""A mark (yes, no, open, note), the promise, and the result of its check."""
_AT_THE_END = "their bits are compared when a run reaches its end."


def audit_card(
    schedule: Schedule,
    settings: RunSettings,
    progress: RunProgress,
    error: float,
    *,
    live: bool = True,
) -> None:
    """Draw the card; before the run's end it checks the events so far.

    `error` is the `largest_error` of all steps. Of a run that is no longer `live` and has no audit
    it says what was not checked.
    """
    goes_on = "checked as the run goes; complete when it ends"
    broke_off = "incomplete: the run did not reach its end"
    aside = "complete" if progress.audit else goes_on if live else broke_off
    with frame.card("audit", "Audit", aside):
        cells = "".join(
            f'<div class="thaw-check thaw-{mark}"><b>{escape(title)}</b><p>{escape(text)}</p></div>'
            for mark, title, text in items(schedule, settings, progress, error, live=live)
        )
        st.html(f'<div class="thaw-checks">{cells}</div>')


def items(
    schedule: Schedule,
    settings: RunSettings,
    progress: RunProgress,
    error: float,
    *,
    live: bool = True,
) -> Iterator[Item]:
    """Yield each promise with the result of its check.

    A promise that is not checked yet is open while the run is `live`, and a note after that.
    """
    yield _rates(progress, error, live=live)
    yield _frozen(schedule, progress, live=live)
    yield _cache(progress, exact=settings.precision == "exact", live=live)
    if progress.audit is not None and progress.audit.precision_error is not None:
        title = f"Autocast to {settings.autocast}"
        if settings.precision == "fast":
            title = "Fast arithmetic"
        yield _precision(title, progress.audit.precision_error)


def _rates(progress: RunProgress, error: float, *, live: bool) -> Item:
    steps = len(progress.steps)
    if progress.audit is not None:
        steps, error = progress.audit.steps, progress.audit.max_lr_error
    if not steps:
        found = "Nothing has been trained yet." if live else "Not checked: no step was trained."
        return _unknown("Rates equal the plan", found, live=live)
    compared = f"{counted(steps, 'step')} of every open group"
    found = f"{compared}, largest relative difference {error:.2g}."
    if error <= curves.RATES_EQUAL:
        return "yes", "Rates equal the plan", found
    return "no", "Rates differ from the plan", found


def largest_error(schedule: Schedule, progress: RunProgress, since: int = 0) -> float:
    """Return the largest relative error of a training group's rate since a step."""
    if progress.started is None or since == len(progress.steps):
        return 0.0
    largest = 0.0
    epoch = progress.steps.epoch[since:]
    t = curves.time_of_step(schedule, progress.steps.step[since:], progress.started.steps_per_epoch)
    for group in schedule.groups:
        trains = np.zeros(len(epoch), bool)
        for start, end in plan.training_spans(group, schedule.epochs):
            trains |= (start <= epoch) & (epoch < end)
        actual = progress.steps.rates(group.name)[since:][trains]
        errors = curves.relative_error(actual, curves.lr(schedule, group, t[trains]))
        largest = float(errors.max(initial=largest))
    return largest


def _frozen(schedule: Schedule, progress: RunProgress, *, live: bool) -> Item:
    if progress.audit is None:
        due = sum(len(plan.frozen_spans(g, schedule.epochs)) for g in schedule.groups)
        count = counted(due, "frozen span")
        found = f"{count}, checked at the end." if live else f"{count} not checked: {_AT_THE_END}"
        return _unknown("Frozen groups hold still", found, live=live)
    spans = progress.audit.spans
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


def _cache(progress: RunProgress, *, exact: bool, live: bool) -> Item:
    on = [str(cache.epoch) for cache in progress.caches if cache.on]
    if on:
        where = f"In the phases from epoch {', '.join(on)}"
        if exact:
            found = f"{where}, images gave the same bits with it as without.{_seconds(progress)}"
            return "yes", "The cache changes nothing", found
        found = f"{where}; fast arithmetic is not exact, with it or without.{_seconds(progress)}"
        return "note", "The cache is not compared", found
    if progress.caches:
        return "yes", "No cache was used", by_label(progress.caches[-1].reason)
    found = "Decided when training begins." if live else "Not checked: nothing was cached yet."
    return _unknown("Frozen-part cache", found, live=live)


def _unknown(title: str, text: str, *, live: bool) -> Item:
    return "open" if live else "note", title, text


def _seconds(progress: RunProgress) -> str:
    """Return the predicted and the actual seconds of the session's epochs, as a sentence."""
    if progress.forecast is None or progress.started is None:
        return ""
    with_it, without = (
        duration(progress.forecast.seconds),
        duration(progress.forecast.plain_seconds),
    )
    took = sum(e.seconds for e in progress.epochs if e.epoch >= progress.started.resumed_at)
    end = f"; it took {duration(took)}" if progress.audit else ""
    return f" Predicted {with_it}, and {without} without it{end}."


def _precision(title: str, error: float) -> Item:
    share = f"at most {error:.1%}" if error >= 0.001 else "less than 0.1%"
    found = (
        f"Logits differ from full float32's by {share} of the largest: the first validation "
        "batch, with the final weights."
    )
    return "yes", title, found
