"""The progress of a run: its events by kind, for pages that draw them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from core.runs.events import (
    Audit,
    CacheDecision,
    EpochDone,
    Event,
    Failed,
    Forecast,
    Launched,
    Notice,
    Progress,
    Started,
    Step,
)
from core.runs.status import history
from core.runs.steps import StepColumns

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class RunProgress:
    """The events of a run so far, without those that a resume has made void.

    `progress` is the stage that it is in, None while it trains. `forecast` is that of the present
    session, up to the run's last epoch. `rare` are all events but Step and Progress; `last` has the
    very last event.
    """

    started: Started | None = None
    forecast: Forecast | None = None
    progress: Progress | None = None
    steps: StepColumns = field(default_factory=StepColumns)
    epochs: tuple[EpochDone, ...] = ()
    caches: tuple[CacheDecision, ...] = ()
    notices: tuple[Notice, ...] = ()
    audit: Audit | None = None
    failed: Failed | None = None
    rare: tuple[Event, ...] = ()
    last: tuple[Event, ...] = ()

    @property
    def steps_done(self) -> int:
        """The number of optimizer steps that are done."""
        return int(self.steps.step[-1]) + 1 if len(self.steps) else 0

    @property
    def seconds(self) -> float:
        """Seconds of the epochs that are done."""
        return sum(epoch.seconds for epoch in self.epochs)

    def share(self, epochs: int) -> float:
        """Return the share of its steps that a run of so many epochs has done, in [0, 1].

        A reader that is late with steps has at least those of the epochs that are done.
        """
        if self.started is None:
            return 0.0
        steps = self.started.steps_per_epoch
        whole = steps * (self.epochs[-1].epoch + 1) if self.epochs else 0
        return min(1.0, max(self.steps_done, whole) / (steps * epochs))


def run_progress(events: Iterable[Event]) -> RunProgress:
    """Return the progress of a run, given all its events."""
    return extended(RunProgress(), events)


def extended(known: RunProgress, events: Iterable[Event]) -> RunProgress:
    """Return the progress of a run with the events that have come since."""
    steps, rare, progress, last = known.steps, list(known.rare), known.progress, known.last
    new: list[Step] = []
    for event in events:
        last = (event,)
        if isinstance(event, Step):
            new.append(event)
        elif not isinstance(event, Progress):
            rare.append(event)
        if isinstance(event, Started):
            steps, new = steps.with_more(new).before(event.resumed_at), []
        if isinstance(event, Progress):
            progress = event
        elif isinstance(event, Step | Launched):
            progress = None
    if last is known.last:
        return known
    kept = history(rare)

    def of(kind: type[_T]) -> tuple[_T, ...]:
        return tuple(event for event in kept if isinstance(event, kind))

    def latest(kind: type[_T]) -> _T | None:
        return next(reversed(of(kind)), None)

    return RunProgress(
        started=latest(Started),
        forecast=_forecast(kept),
        progress=progress,
        steps=steps.with_more(new),
        epochs=of(EpochDone),
        caches=of(CacheDecision),
        notices=of(Notice),
        audit=latest(Audit),
        failed=latest(Failed),
        rare=kept,
        last=last,
    )


def _forecast(kept: Iterable[Event]) -> Forecast | None:
    """Return the last Forecast, or None if another session has begun since."""
    turns = [event for event in kept if isinstance(event, Forecast | Launched)]
    return turns[-1] if turns and isinstance(turns[-1], Forecast) else None
