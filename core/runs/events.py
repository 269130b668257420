"""The events of a run, a frozen dataclass for each kind.

Training yields them, the run folder stores each as a line of events.jsonl, the command line prints
them, and pages draw them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from core.schedule.document import MAX_EPOCHS

Stage = Literal["loading", "caching", "evaluating", "checkpoint", "auditing"]
Epoch = Annotated[int, Field(ge=0, le=MAX_EPOCHS)]
Count = Annotated[int, Field(ge=0, le=2**53)]
"""A number up to 2**53, the largest that JavaScript, and so every chart, can hold exactly."""
Length = Annotated[int, Field(ge=1, le=2**53)]
Amount = Annotated[float, Field(ge=0, le=1e18)]
"""Seconds, or another quantity that is neither negative nor infinite."""
Share = Annotated[float, Field(ge=0, le=1)]
Number = Annotated[float, Field(allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class Launched:
    """A process begins a session of the run; nothing is loaded yet."""

    event: Literal["launched"] = "launched"


@dataclass(frozen=True, slots=True)
class Started:
    """The session is about to train; its device, data and length are known.

    `time` is in seconds since 1970. `resumed_at` is the first epoch that will be run, 0 unless a
    resume goes on. `majority_accuracy` is the validation accuracy of always predicting the
    commonest class. `versions` are those of Python and of the libraries that do the arithmetic, by
    name; a run of an older Thaw has none.
    """

    time: Amount
    device: str
    device_name: str
    steps_per_epoch: Length
    train_images: Count
    validation_images: Count
    classes: tuple[str, ...]
    parameters: Count
    majority_accuracy: Share
    resumed_at: Epoch = 0
    versions: dict[str, str] = field(default_factory=dict)
    event: Literal["started"] = "started"


@dataclass(frozen=True, slots=True)
class Progress:
    """A stage has done `done` of `total` units of work; `total` is 0 if it is unknown."""

    stage: Stage
    done: Count = 0
    total: Count = 0
    event: Literal["progress"] = "progress"


@dataclass(frozen=True, slots=True)
class Notice:
    """A message for a person about something in the run that breaks no promise."""

    message: str
    event: Literal["notice"] = "notice"


@dataclass(frozen=True, slots=True)
class Forecast:
    """The expected time and space of a session, measured on a first batch.

    `epochs` are the seconds of each epoch from the session's first to the last, caching included.
    `seconds` is their sum, and `plain_seconds` the sum without the cache. `memory` and `disk` are
    the most bytes that stored tensors will take at any moment.
    """

    epochs: tuple[Amount, ...]
    seconds: Amount
    plain_seconds: Amount
    memory: Count = 0
    disk: Count = 0
    event: Literal["forecast"] = "forecast"


@dataclass(frozen=True, slots=True)
class CacheDecision:
    """The decision to cache the frozen part, or not, in the phase that starts at `epoch`.

    `bytes` are stored in memory and `disk` in a file, for this phase and for later ones. `saves` is
    the predicted share of the phase's seconds that are saved, the caching itself not counted.
    """

    epoch: Epoch
    on: bool
    reason: str
    bytes: Count = 0
    disk: Count = 0
    saves: Number = 0.0
    event: Literal["cache"] = "cache"


@dataclass(frozen=True, slots=True)
class Step:
    """An optimizer step: the rates by group, read from the optimizer, and the loss of the batch."""

    step: Count
    epoch: Epoch
    loss: Number
    lrs: dict[str, Amount]
    event: Literal["step"] = "step"


@dataclass(frozen=True, slots=True)
class EpochDone:
    """The metrics of an epoch: losses are means per image, accuracies from 0 to 1, memory in bytes.

    Those of training come from its steps, while the weights change. `seconds` counts the whole
    epoch, caching and evaluation included; `images_per_second` counts the steps alone.
    `peak_memory` is the sum over all processes.
    """

    epoch: Epoch
    open: tuple[str, ...]
    trainable_parameters: Count
    train_loss: Number
    train_accuracy: Share
    validation_loss: Number
    validation_accuracy: Share
    seconds: Amount
    images_per_second: Amount
    peak_memory: Count
    event: Literal["epoch"] = "epoch"


@dataclass(frozen=True, slots=True)
class FrozenSpan:
    """A group's frozen epochs [start, end), and whether its parameters and buffers are unchanged.

    If `buffers` is False, buffers may change and were not compared.
    """

    group: str
    start: Epoch
    end: Epoch
    unchanged: bool
    buffers: bool = True


@dataclass(frozen=True, slots=True)
class Audit:
    """The audit of a run: its rates against the planned ones, and its frozen groups.

    `max_lr_error` is the largest |actual - planned| / planned over all steps of training groups.
    With `precision: "fast"` or autocast, `precision_error` is the largest |logit - exact| over the
    largest |exact|, where exact is full float32: the first validation batch, with final weights.
    """

    steps: Count
    max_lr_error: Number
    frozen_groups_unchanged: bool
    spans: tuple[FrozenSpan, ...] = field(default=())
    precision_error: Number | None = None
    event: Literal["audit"] = "audit"


@dataclass(frozen=True, slots=True)
class Finished:
    """The run has done all its epochs; `seconds` counts every session."""

    seconds: Amount
    event: Literal["finished"] = "finished"


@dataclass(frozen=True, slots=True)
class Stopped:
    """The run was stopped on request; `epoch` is the first one a resume will run."""

    epoch: Epoch
    event: Literal["stopped"] = "stopped"


@dataclass(frozen=True, slots=True)
class Failed:
    """The run failed; `message` says what happened and what to change."""

    message: str
    event: Literal["failed"] = "failed"


Event = (
    Launched
    | Started
    | Progress
    | Notice
    | Forecast
    | CacheDecision
    | Step
    | EpochDone
    | Audit
    | Finished
    | Stopped
    | Failed
)

EVENT: TypeAdapter[Event] = TypeAdapter(Event)
"""Reads and writes one event as JSON."""
