"""What a run tells while it goes, one frozen dataclass per kind; a line each in events.jsonl.

Training yields these; the command line prints them, the run folder stores them, pages draw them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from pydantic import TypeAdapter

Stage = Literal["loading", "caching", "evaluating", "checkpoint", "auditing"]


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

    time: float
    device: str
    device_name: str
    steps_per_epoch: int
    train_images: int
    validation_images: int
    classes: tuple[str, ...]
    parameters: int
    majority_accuracy: float
    resumed_at: int = 0
    event: Literal["started"] = "started"


@dataclass(frozen=True, slots=True)
class Progress:
    """A stage has come to `done` of `total` units (0 of 0: length unknown)."""

    stage: Stage
    done: int = 0
    total: int = 0
    event: Literal["progress"] = "progress"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a person should know of the run, which changes nothing in what was promised."""

    message: str
    event: Literal["notice"] = "notice"


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the sitting is expected to take, measured on a first batch, with the cache and without.

    `epochs` are the seconds of each epoch from the sitting's first to the last, passes included;
    `seconds` is their sum, `plain_seconds` the same for a run that stores nothing. `memory` and
    `disk` are the most bytes that stored tensors will take at any moment.
    """

    epochs: tuple[float, ...]
    seconds: float
    plain_seconds: float
    memory: int = 0
    disk: int = 0
    event: Literal["forecast"] = "forecast"


@dataclass(frozen=True, slots=True)
class CacheDecision:
    """Whether the frozen part is cached in the phase that starts at `epoch`, and why.

    `bytes` are held in memory and `disk` in a file, for this phase and for later ones. `saves` is
    the predicted share of the phase's seconds that it need not spend, without the pass itself.
    """

    epoch: int
    on: bool
    reason: str
    bytes: int = 0
    disk: int = 0
    saves: float = 0.0
    event: Literal["cache"] = "cache"


@dataclass(frozen=True, slots=True)
class Step:
    """One optimizer step: the rates it used, read from the optimizer, and its batch's loss."""

    step: int
    epoch: int
    loss: float
    lrs: dict[str, float]
    event: Literal["step"] = "step"


@dataclass(frozen=True, slots=True)
class EpochDone:
    """Metrics of one epoch; losses are means per image, accuracies shares, memory in bytes.

    The training ones are those of the steps themselves, taken while the weights move. `seconds`
    counts all of the epoch, caching and evaluation included; `images_per_second` its steps alone.
    """

    epoch: int
    open: tuple[str, ...]
    trainable_parameters: int
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    seconds: float
    images_per_second: float
    peak_memory: int
    event: Literal["epoch"] = "epoch"


@dataclass(frozen=True, slots=True)
class FrozenSpan:
    """A group's frozen epochs [start, end) and whether its parameters and buffers held still.

    Without `buffers` they were not compared, since they may move: the parameters alone were.
    """

    group: str
    start: int
    end: int
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

    steps: int
    max_lr_error: float
    frozen_groups_unchanged: bool
    spans: tuple[FrozenSpan, ...] = field(default=())
    precision_error: float | None = None
    event: Literal["audit"] = "audit"


@dataclass(frozen=True, slots=True)
class Finished:
    """The run went to its end. `seconds` counts every sitting."""

    seconds: float
    event: Literal["finished"] = "finished"


@dataclass(frozen=True, slots=True)
class Stopped:
    """The run was stopped on request; `epoch` is the first one a resume will run."""

    epoch: int
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
