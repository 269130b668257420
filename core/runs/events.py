"""What a run tells while it goes, one frozen dataclass per kind; a line each in events.jsonl.

Training yields these; the command line prints them, the run folder stores them, pages draw them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from core.schedule.document import MAX_EPOCHS

Stage = Literal["loading", "caching", "evaluating", "checkpoint", "auditing"]
Epoch = Annotated[int, Field(ge=0, le=MAX_EPOCHS)]
Count = Annotated[int, Field(ge=0, le=2**53)]
"""Up to what every drawing of it can hold."""
Length = Annotated[int, Field(ge=1, le=2**53)]
Amount = Annotated[float, Field(ge=0, le=1e18)]
"""Seconds, or whatever else is neither negative nor endless."""
Share = Annotated[float, Field(ge=0, le=1)]
Number = Annotated[float, Field(allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class Launched:
    """A process takes up the run, for the first time or again; nothing is loaded yet."""

    event: Literal["launched"] = "launched"


@dataclass(frozen=True, slots=True)
class Started:
    """The run knows its device, data and length. `time` is seconds since the Unix epoch.

    `resumed_at` is the first epoch that will be run: 0, or where a resume goes on.
    `majority_accuracy` is the validation accuracy of always saying the commonest class.
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
    event: Literal["started"] = "started"


@dataclass(frozen=True, slots=True)
class Progress:
    """A stage has come to `done` of `total` units (0 of 0: length unknown)."""

    stage: Stage
    done: Count = 0
    total: Count = 0
    event: Literal["progress"] = "progress"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a person should know of the run, which changes nothing in what was promised."""

    message: str
    event: Literal["notice"] = "notice"


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the session is expected to take, measured on a first batch, with the cache and without.

    `epochs` are the seconds of each epoch from the session's first to the last, passes included;
    `seconds` is their sum, `plain_seconds` the same for a run that stores nothing. `memory` and
    `disk` are the most bytes that stored tensors will take at any moment.
    """

    epochs: tuple[Amount, ...]
    seconds: Amount
    plain_seconds: Amount
    memory: Count = 0
    disk: Count = 0
    event: Literal["forecast"] = "forecast"


@dataclass(frozen=True, slots=True)
class CacheDecision:
    """Whether the frozen part is cached in the phase that starts at `epoch`, and why.

    `bytes` are held in memory and `disk` in a file, for this phase and for later ones. `saves` is
    the predicted share of the phase's seconds that it need not spend, without the pass itself.
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
    """One optimizer step: the rates it used, read from the optimizer, and its batch's loss."""

    step: Count
    epoch: Epoch
    loss: Number
    lrs: dict[str, Amount]
    event: Literal["step"] = "step"


@dataclass(frozen=True, slots=True)
class EpochDone:
    """Metrics of one epoch; losses are means per image, accuracies shares, memory in bytes.

    The training ones are those of the steps themselves, taken while the weights move. `seconds`
    counts all of the epoch, caching and evaluation included; `images_per_second` its steps alone.
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
    """A group's frozen epochs [start, end) and whether its parameters and buffers held still.

    Without `buffers` they were not compared, since they may move: the parameters alone were.
    """

    group: str
    start: Epoch
    end: Epoch
    unchanged: bool
    buffers: bool = True


@dataclass(frozen=True, slots=True)
class Audit:
    """What was promised against what happened.

    `max_lr_error` is the largest |actual - planned| / planned over all steps and open groups.
    A span of a group whose BatchNorm goes on moving while it is frozen (`when_frozen: "train"`
    without `batchnorm: "eval"`) is judged by its parameters alone. `precision_error` is given for
    `precision: "fast"`: the largest |fast - exact| over the first validation batch's logits, over
    the largest |exact|, with the final weights.
    """

    steps: Count
    max_lr_error: Number
    frozen_groups_unchanged: bool
    spans: tuple[FrozenSpan, ...] = field(default=())
    precision_error: Number | None = None
    event: Literal["audit"] = "audit"


@dataclass(frozen=True, slots=True)
class Finished:
    """The run went to its end. `seconds` counts every session."""

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
