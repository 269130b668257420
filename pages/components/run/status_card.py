"""The status card of a run: phase, progress, time left, and the latest figures."""

from __future__ import annotations

import time
from html import escape
from pathlib import Path

import psutil
import streamlit as st

from core.checks import Problem
from core.demo import limits
from core.files.home import is_demo
from core.runs import run_folder
from core.runs.description import interruption_reason, other_host_message
from core.runs.forecast import duration, remaining
from core.runs.processes import run_lock
from core.runs.processes.stopping import epochs_kept
from core.runs.progress import RunProgress
from core.runs.settings import RunSettings
from core.runs.status import LIVE, final_accuracy
from core.schedule import plan
from core.schedule.spec import Schedule
from core.schedule.words import epochs, listed, one_or_more
from pages.components.design.model_weights import download_note, unavailable, use_bundled_button
from pages.components.run.estimate import compared_row, estimate_row
from pages.components.shared import frame
from pages.components.shared.cost_words import size
from pages.components.shared.data_preview import train_images
from pages.components.shared.setting_names import by_label

_TITLES = {
    "starting": "Starting",
    "running": "Training",
    "stopping": "Stopping",
    "stopped": "Stopped",
    "finished": "Finished",
    "failed": "Failed",
    "interrupted": "Interrupted",
}
_STAGES = {
    "loading": "loading the data and the model",
    "caching": "running the frozen part once over the images",
    "evaluating": "evaluating",
    "checkpoint": "writing a checkpoint",
    "auditing": "auditing",
}
_FIRST_SECONDS = 5.0
"""Seconds of a process that say nothing about those to come."""
_ENOUGH = 0.5
"""Processors that a run gets on a machine that has no other work; it uses one at least."""
_RESUME = "Resume continues from the newest checkpoint."
_ANEW = "No checkpoint was written, so Resume starts again from the first epoch."


def empty_card(
    schedule: Schedule,
    settings: RunSettings,
    refused: tuple[Problem, ...],
    no_data: str | None = None,
) -> None:
    """Draw what Start would do, or why it is off: the schedule is refused, or there is no data."""
    off = refused or no_data is not None
    with frame.card("status", "Not ready to run" if off else "Ready to run"):
        if refused:
            st.error(frame.escape_markdown(refused[0].message), icon=":material/error:")
            st.caption("Start is off until this is fixed on the Design page.")
            return
        if no_data is not None:
            st.info(frame.escape_markdown(no_data), icon=":material/info:")
            return
        first = plan.phases(schedule)[0]
        known = train_images(settings)
        images = f"up to {settings.samples:,}" if known is None else f"{known:,}"
        st.markdown(
            f"Start trains **{frame.escape_markdown(schedule.model.name)}** for "
            f"{epochs(schedule.epochs)} on {images} images at "
            f"{settings.image_size} px, beginning with "
            f"{frame.escape_markdown(', '.join(first.training))}. It runs in a separate process, "
            f"so this page may be closed. {download_note(schedule.model)}"
        )
        if refused_weights := unavailable(schedule.model):
            st.warning(frame.escape_markdown(refused_weights), icon=":material/cloud_off:")
            use_bundled_button()
        estimate_row()


def status_card(
    schedule: Schedule, settings: RunSettings, status: str, progress: RunProgress, run: Path
) -> None:
    """Draw the card of a run."""
    with frame.card("status"):
        with st.container(gap=None):
            # on its own: with the headline, the time left would be read out at every look
            st.html(f'<p class="thaw-unseen" role="status">{_TITLES[status]}</p>')
            st.html(_headline(schedule, status, progress))
        st.html(_bar(schedule, progress))
        figures = st.grid(4, min_column_width=110, gap="xsmall")
        for label, value in _numbers(schedule, settings, progress).items():
            figures.metric(label, frame.escape_markdown(value))
        if status == "failed" and progress.failed is not None:
            st.error(
                frame.escape_markdown(by_label(progress.failed.message)), icon=":material/error:"
            )
        elif advice := _advice(status, progress, run):
            st.info(frame.escape_markdown(advice), icon=":material/info:")
        compared_row(run, progress)
        if status in LIVE and is_demo() and (busy := _busy(run)):
            st.caption(busy)
        for notice in progress.notices:
            st.caption(frame.escape_markdown(by_label(notice.message)))
        if status in ("failed", "interrupted"):
            _log(run)


def _busy(run: Path) -> str | None:
    """Return a sentence if the run gets less than half of a processor: other work takes them."""
    process = run_lock.process(run)
    if process is None:
        return None
    try:
        used, lives = process.cpu_times(), time.time() - process.create_time()
    except psutil.Error:
        return None
    share = (used.user + used.system) / max(lives, 1.0)
    if lives < _FIRST_SECONDS or share > _ENOUGH:
        return None
    return f"This machine is busy: the run has had {share:.0%} of one processor so far."


def _advice(status: str, progress: RunProgress, run: Path) -> str:
    if status == "interrupted":
        why = interruption_reason(run)
    elif status == "stopped":
        late = limits.was_out_of_time(progress.notices)
        why = "Stopped because its time limit was reached." if late else "Stopped on request."
    else:
        return "" if is_demo() else other_host_message(run)
    return why if is_demo() else f"{why} {_RESUME if epochs_kept(run) else _ANEW}"


def _log(run: Path) -> None:
    tail = run_folder.end_of_log(run)
    if tail is not None:
        with st.expander("The end of its log"):
            st.code(tail or "The log is empty.", language=None)


def _headline(schedule: Schedule, status: str, progress: RunProgress) -> str:
    return (
        f'<div class="thaw-headline"><span class="thaw-dot thaw-{status}"></span>'
        f"<strong>{_TITLES[status]}</strong>"
        f"<span>{escape(_doing(schedule, status, progress))}</span>"
        f"<em>{_time_left(schedule, status, progress)}</em></div>"
    )


def _doing(schedule: Schedule, status: str, progress: RunProgress) -> str:
    if status == "running" and progress.progress and progress.progress.stage in _STAGES:
        return _STAGES[progress.progress.stage]
    if status in ("running", "stopping") and progress.steps_done:
        phases = plan.phases(schedule)
        epoch = min(int(progress.steps.epoch[-1]), schedule.epochs - 1)
        number = next(i for i, p in enumerate(phases, 1) if p.start <= epoch < p.end)
        return f"phase {number} of {len(phases)}: {_training(phases[number - 1].training)}"
    if status == "finished" and progress.epochs:
        return f"validation accuracy {_accuracy(progress)}, after the last epoch"
    if status in ("stopped", "failed", "interrupted") and progress.started and progress.steps_done:
        done = progress.steps_done / progress.started.steps_per_epoch
        reached = f"after {done:.2f} of {epochs(schedule.epochs)}"
        if progress.epochs:
            reached += f", validation accuracy {_accuracy(progress)}"
        return reached
    return ""


def _training(names: tuple[str, ...]) -> str:
    verb = one_or_more(names, "trains", "train")
    return f"{listed(names[::-1])} {verb}" if names else "no group trains"


def _time_left(schedule: Schedule, status: str, progress: RunProgress) -> str:
    if status == "finished":
        return f"in {duration(progress.seconds)}"
    if status != "running":
        return ""
    left = remaining(progress, schedule.epochs, time.time())
    return "" if left is None else f"about <b>{duration(left)}</b> left"


def _bar(schedule: Schedule, progress: RunProgress) -> str:
    total = progress.started.steps_per_epoch if progress.started else 1
    done = progress.steps_done / total
    parts = []
    for phase in plan.phases(schedule):
        share = min(1.0, max(0.0, (done - phase.start) / (phase.end - phase.start)))
        parts.append(
            f'<span style="flex:{phase.end - phase.start}"><i style="width:{share:.2%}"></i></span>'
        )
    value = done / schedule.epochs
    return (
        f'<div class="thaw-bar" role="progressbar" aria-label="Training" aria-valuemin="0" '
        f'aria-valuemax="100" aria-valuenow="{value * 100:.0f}">{"".join(parts)}</div>'
    )


def _numbers(schedule: Schedule, settings: RunSettings, progress: RunProgress) -> dict[str, str]:
    started, last = progress.started, progress.epochs[-1] if progress.epochs else None
    steps = started.steps_per_epoch if started else 0
    epoch = progress.steps_done / steps if steps else 0.0
    in_epoch = (progress.steps_done - 1) % steps + 1 if steps and progress.steps_done else 0
    return {
        "Epoch": f"{epoch:.2f} of {schedule.epochs}",
        "Batch": f"{in_epoch} of {steps}" if steps else "–",
        "Trained for": duration(progress.seconds),
        "Images per second": f"{last.images_per_second:,.0f}" if last else "–",
        "Peak memory": size(last.peak_memory) if last else "–",
        "Validation accuracy": _accuracy(progress),
        "Cache": _cache(settings, progress),
        "Device": started.device.upper() if started else "–",
    }


def _accuracy(progress: RunProgress) -> str:
    share = final_accuracy(progress.epochs)
    return "–" if share is None else f"{share:.1%}"


def _cache(settings: RunSettings, progress: RunProgress) -> str:
    on = [cache for cache in progress.caches if cache.on]
    if on:
        held = max(on, key=lambda cache: cache.bytes + cache.disk)
        kept = size(held.bytes, held.disk)
        return kept if settings.precision == "fast" else f"{kept}, exact"
    return "off" if settings.cache == "off" or progress.caches else "–"
