"""The status and the summary of a run, as pure functions of its events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar

from pydantic import Field, TypeAdapter

from core.runs import events as ev
from core.schedule.spec import Schedule

Status = Literal["starting", "running", "stopping", "stopped", "finished", "failed", "interrupted"]

LIVE: tuple[Status, ...] = ("starting", "running", "stopping")
"""The statuses of a run that a process is running."""
_ENDS: dict[type[ev.Event], Status] = {
    ev.Finished: "finished",
    ev.Failed: "failed",
    ev.Stopped: "stopped",
}
_UNDER_WAY = (ev.Started, ev.Step, ev.EpochDone)
"""Events that a session writes only once it has started."""
_METRICS = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")
_Event = TypeVar("_Event")
_Line = Annotated[str, Field(max_length=200)]
"""A name of a schedule, model or device."""


@dataclass(frozen=True, slots=True)
class Summary:
    """The end of a run: its status, the last epoch's metrics, the audit.

    What the run has not reached is None; `seconds` counts every session.
    """

    status: Status
    name: _Line
    model: _Line
    epochs: ev.Epoch
    epochs_done: ev.Epoch
    train_loss: ev.Number | None
    train_accuracy: ev.Share | None
    validation_loss: ev.Number | None
    validation_accuracy: ev.Share | None
    majority_accuracy: ev.Share | None
    seconds: ev.Amount
    device: _Line | None
    audit: ev.Audit | None


SUMMARY_JSON: TypeAdapter[Summary] = TypeAdapter(Summary)
"""Reads and writes a summary as JSON."""


def status_of(events: Iterable[ev.Event], *, alive: bool, stop_requested: bool) -> Status:
    """Return the status of a run, by the first of these conditions that holds.

    1. finished, failed or stopped, if the last event says so;
    2. interrupted, unless `alive`, which says that its process lives, perhaps on another machine;
    3. stopping, if a stop is requested;
    4. running, if it has started since it was last launched;
    5. starting.
    """
    session: list[ev.Event] = []
    for event in events:
        if isinstance(event, ev.Launched):
            session.clear()
        session.append(event)
    end = _ENDS.get(type(session[-1])) if session else None
    if end is not None:
        return end
    if not alive:
        return "interrupted"
    if stop_requested:
        return "stopping"
    return "running" if any(isinstance(event, _UNDER_WAY) for event in session) else "starting"


def is_end(events: tuple[ev.Event, ...]) -> bool:
    """Return whether the last of these events ends a session."""
    return bool(events) and type(events[-1]) in _ENDS


def is_under_way(events: tuple[ev.Event, ...]) -> bool:
    """Return whether the last of these events is one of a session that has started."""
    return bool(events) and isinstance(events[-1], _UNDER_WAY)


def history(events: Iterable[ev.Event]) -> tuple[ev.Event, ...]:
    """Return the events without those that a resume has made void.

    A run that is resumed at epoch e does that and all later epochs anew, so their older events are
    dropped, and so is every end but the last. A notice that a resume repeats is kept once.
    """
    kept: list[ev.Event] = []
    noticed: set[ev.Notice] = set()
    for event in events:
        if isinstance(event, ev.Started):
            kept = [old for old in kept if not _void(old, event.resumed_at)]
        if isinstance(event, ev.Notice):
            if event in noticed:
                continue
            noticed.add(event)
        kept.append(event)
    return tuple(kept)


def summary_of(schedule: Schedule, events: Iterable[ev.Event]) -> Summary:
    """Return the summary of a run of that schedule, which has ended or was interrupted."""
    kept = history(events)
    started, epoch = _last(kept, ev.Started), _last(kept, ev.EpochDone)
    finished = _last(kept, ev.Finished)
    in_epochs = sum(event.seconds for event in kept if isinstance(event, ev.EpochDone))
    return Summary(
        status=status_of(kept, alive=False, stop_requested=False),
        name=schedule.name,
        model=schedule.model.name,
        epochs=schedule.epochs,
        epochs_done=epoch.epoch + 1 if epoch else 0,
        **{name: getattr(epoch, name) if epoch else None for name in _METRICS},
        majority_accuracy=started.majority_accuracy if started else None,
        seconds=finished.seconds if finished else in_epochs,
        device=started.device_name if started else None,
        audit=_last(kept, ev.Audit),
    )


def final_accuracy(epochs: Sequence[ev.EpochDone]) -> float | None:
    """Return a run's validation accuracy after its last epoch, in [0, 1]; None before the first.

    It is the accuracy of the weights that the run leaves.
    """
    return epochs[-1].validation_accuracy if epochs else None


def _void(event: ev.Event, resumed_at: int) -> bool:
    if isinstance(event, ev.Step | ev.EpochDone | ev.CacheDecision):
        return event.epoch >= resumed_at
    return type(event) in _ENDS or isinstance(event, ev.Audit)


def _last(events: Iterable[ev.Event], kind: type[_Event]) -> _Event | None:
    return next((event for event in reversed(tuple(events)) if isinstance(event, kind)), None)
