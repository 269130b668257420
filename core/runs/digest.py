"""A run at a glance: its events sorted by kind, for pages that draw them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from core.runs import outcome
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

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Digest:
    """What is known of a run so far. `progress` is the stage it is in; None while it trains.

    `forecast` is that of the sitting which goes on, and lasts to the run's last epoch.
    """

    started: Started | None = None
    forecast: Forecast | None = None
    progress: Progress | None = None
    steps: tuple[Step, ...] = ()
    epochs: tuple[EpochDone, ...] = ()
    caches: tuple[CacheDecision, ...] = ()
    notices: tuple[Notice, ...] = ()
    audit: Audit | None = None
    failed: Failed | None = None

    @property
    def steps_done(self) -> int:
        """Optimizer steps that are done."""
        return self.steps[-1].step + 1 if self.steps else 0

    @property
    def seconds(self) -> float:
        """Seconds of the epochs that are done."""
        return sum(epoch.seconds for epoch in self.epochs)


def digest(told: Iterable[Event]) -> Digest:
    """The events of one run as a Digest, without what a resume has made void."""
    kept = outcome.history(told)

    def of(kind: type[_T]) -> tuple[_T, ...]:
        return tuple(event for event in kept if isinstance(event, kind))

    def last(kind: type[_T]) -> _T | None:
        return next(reversed(of(kind)), None)

    return Digest(
        started=last(Started),
        forecast=_forecast(kept),
        progress=_stage(kept),
        steps=of(Step),
        epochs=of(EpochDone),
        caches=of(CacheDecision),
        notices=of(Notice),
        audit=last(Audit),
        failed=last(Failed),
    )


def _stage(kept: Sequence[Event]) -> Progress | None:
    """The last Progress, unless a step or another sitting came after it: its stage is over then."""
    turns = (event for event in reversed(kept) if isinstance(event, Progress | Step | Launched))
    turn = next(turns, None)
    return turn if isinstance(turn, Progress) else None


def _forecast(kept: Sequence[Event]) -> Forecast | None:
    """The last Forecast, unless another sitting came after it, which will tell its own."""
    turns = (event for event in reversed(kept) if isinstance(event, Forecast | Launched))
    turn = next(turns, None)
    return turn if isinstance(turn, Forecast) else None
