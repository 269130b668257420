"""The output of a run in a terminal: a line per epoch, and a progress bar."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from typing import Any

import numpy as np
from tqdm import tqdm

from core.errors import one_line
from core.runs import events as ev
from core.runs.forecast import duration, remaining
from core.runs.progress import RunProgress
from core.runs.status import Summary
from core.runs.steps import StepColumns
from core.schedule.spec import Schedule
from core.schedule.words import counted

_PROGRESS_EVERY = 0.5
"""Seconds between two progress events of one stage that are shown and stored."""


def discard_output() -> None:
    """Discard standard output from now on, since nobody reads it any more."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())
    os.close(devnull)


class Console:
    """The output of a session of a run: results on standard output, progress on standard error."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._known = RunProgress()
        self._bar: tqdm[Any] | None = None
        self._stage = ""
        self._shown_at = 0.0

    def show(self, event: ev.Event) -> bool:
        """Show an event; return False for a Progress too soon after another, which is not shown."""
        match event:
            case ev.Progress():
                return self._progress(event)
            case ev.Started():
                self._started(event)
            case ev.Notice():
                self._line(f"note    {event.message}")
            case ev.Forecast():
                self._forecast(event)
            case ev.CacheDecision():
                state = f"on, {_held(event.bytes, event.disk)}" if event.on else "off"
                self._line(f"cache   {state}: {event.reason}")
            case ev.Step():
                self._step(event)
            case ev.EpochDone():
                self._epoch(event)
            case ev.Audit():
                self._audit(event)
        return True

    def close(self) -> None:
        """Remove the progress bar."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        self._stage = ""

    def show_end(self, summary: Summary) -> None:
        """Print the status, epochs and seconds of a run that has ended."""
        done = f"{summary.epochs_done} of {summary.epochs} epochs"
        self._line(f"{summary.status} after {done} and {summary.seconds:.1f} s")

    def _started(self, event: ev.Started) -> None:
        self._known = RunProgress(started=event)
        images = f"{event.train_images:,} + {event.validation_images:,} images"
        self._line(f"device  {event.device_name}")
        self._line(f"data    {images}, {counted(len(event.classes), 'class')}")
        self._line(f"model   {self._schedule.model.name}, {event.parameters:,} parameters")
        if event.resumed_at:
            self._line(f"resume  continues with epoch {event.resumed_at}")

    def _forecast(self, event: ev.Forecast) -> None:
        self._known = replace(self._known, forecast=event)
        text = f"plan    about {duration(event.seconds)}"
        if event.memory or event.disk:
            without = duration(event.plain_seconds)
            text += f", {without} without the cache; holds {_held(event.memory, event.disk)}"
        self._line(text)

    def _step(self, event: ev.Step) -> None:
        # only the last step counts for the time left, and a run may have millions
        self._known = replace(self._known, steps=StepColumns(np.array([event.step])))
        steps = self._known.started.steps_per_epoch if self._known.started else 0
        self._advance(f"epoch {event.epoch}", steps)
        if self._bar is not None and (left := self._left()):
            self._bar.set_postfix_str(left, refresh=False)

    def _left(self) -> str:
        left = remaining(self._known, self._schedule.epochs, time.time())
        return "" if left is None else f"about {duration(left)} left"

    def _epoch(self, event: ev.EpochDone) -> None:
        self.close()
        self._known = replace(self._known, epochs=(*self._known.epochs, event))
        left = self._left()
        self._line(
            f"epoch   {event.epoch} done, {event.epoch + 1} of {self._schedule.epochs}  "
            f"train {event.train_loss:.4f} {event.train_accuracy:.3f}  "
            f"validation {event.validation_loss:.4f} {event.validation_accuracy:.3f}  "
            f"{event.seconds:.1f} s{left and f', {left}'}  "
            f"trains: {', '.join(event.open) or 'nothing'}"
        )

    def _audit(self, event: ev.Audit) -> None:
        held = "unchanged" if event.frozen_groups_unchanged else "CHANGED"
        self._line(
            f"audit   {event.steps} steps, largest rate error {event.max_lr_error:.1e}; "
            f"{len(event.spans)} frozen spans {held}"
        )
        if event.precision_error is not None:
            share = f"{event.precision_error:.1e} of the largest"
            self._line(f"logits  differ from those of full float32 by at most {share}")

    def _progress(self, event: ev.Progress) -> bool:
        now = time.monotonic()
        if event.stage == self._stage and now - self._shown_at < _PROGRESS_EVERY:
            return False
        self._shown_at = now
        self._advance(event.stage, event.total, event.done)
        self._stage = event.stage
        return True

    def _advance(self, stage: str, total: int, done: int | None = None) -> None:
        if not sys.stderr.isatty():
            return
        if stage != self._stage or self._bar is None:
            self.close()
            self._stage = stage
            self._bar = tqdm(total=total or None, desc=stage, leave=False, file=sys.stderr)
        if done is None:
            self._bar.update()
        else:
            self._bar.update(done - self._bar.n)

    def _line(self, text: str) -> None:
        """Print a line on standard output; discard it and all later ones if that fails."""
        try:
            tqdm.write(one_line(text), file=sys.stdout)
            sys.stdout.flush()
        except OSError:  # nobody reads it, or a log's disk is full; the run folder has all events
            discard_output()


def _held(memory: int, disk: int) -> str:
    """Return sizes in words, as in `214 MB in memory and 1,300 MB on disk`; zeros are left out."""
    places = ((memory, "in memory"), (disk, "on disk"))
    return " and ".join(f"{size / 1e6:,.0f} MB {place}" for size, place in places if size)
