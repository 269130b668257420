"""The schedule document: what a valid schedule looks like, field by field.

Only the structure is checked here; `core.checks` finds what is wrong or unwise in its meaning. Text
becomes a schedule in `core.schedule.parse` and nowhere else.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Annotated, Literal, Self, TypeVar

from pydantic import AfterValidator, Field, StringConstraints, field_validator, model_validator

from core.schedule.document import (
    MAX_EPOCHS,
    MAX_EXPONENT,
    MAX_GROUPS,
    Document,
    ModulePath,
    Name,
    Scale,
    Window,
    as_seen,
    validation_error,
)
from core.schedule.optimizers import Optimizer
from core.schedule.shapes import Cosine, Decay, FloorLR, Warmup


class ModelRef(Document):
    """A network, as `library/name`, and the name of its pretrained weights (null: random)."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=r"^[\w./-]+$")]
    weights: Name | None = None


MIN_GROUP_DECAY, MAX_GROUP_DECAY = 1e-6, 10.0
GroupDecay = Annotated[float, Field(ge=MIN_GROUP_DECAY, le=MAX_GROUP_DECAY)]
"""A group's peak as a share of the peak of its neighbour towards the head."""


class LearningRate(Document):
    """The curve that every group follows, and how the groups' peaks differ."""

    group_decay: GroupDecay = 1.0
    interval: Literal["epoch", "step"] = "step"
    warmup: Warmup = Warmup()
    decay: Decay = Cosine(shape="cosine")
    after_unfreeze: Literal["follow", "restart"] = "follow"

    @property
    def floor_lr(self) -> float | None:
        """The floor, if it is one rate for all groups."""
        floor = self.decay.floor
        return floor.lr if isinstance(floor, FloorLR) else None


class BaseGroup(Document):
    """Base of the groups of schedules and records: parameters, and when they train."""

    name: Name
    modules: Annotated[tuple[ModulePath, ...], Field(min_length=1)]
    trainable: tuple[Window, ...] = ()

    @field_validator("trainable")
    @classmethod
    def _windows_in_order(cls, windows: tuple[Window, ...]) -> tuple[Window, ...]:
        for start, end in windows:
            if end is not None and end <= start:
                raise validation_error(f"has the window [{start}, {end}]", "end it after it starts")
        for (start, end), (following, _) in pairwise(windows):
            if end is None or following < end:
                last = "null" if end is None else end
                raise validation_error(
                    f"has [{start}, {last}] and then a window from {following}",
                    "put windows in order, and start each after the one before has ended",
                )
        return windows


AnyGroup = TypeVar("AnyGroup", bound=BaseGroup)


class Group(BaseGroup):
    """Layers that thaw together; one param group of the optimizer, by the same name.

    With `batchnorm: "eval"` its BatchNorm layers keep their pretrained statistics also while the
    group trains (their weights train), which small batches and small images need.
    """

    lr_scale: Scale | None = None
    when_frozen: Literal["eval", "train"] = "eval"
    batchnorm: Literal["eval"] | None = None


def refuse_equal_names(groups: tuple[AnyGroup, ...]) -> tuple[AnyGroup, ...]:
    """Return the groups; refuse two with one name, or with names that look the same."""
    names: dict[str, str] = {}
    for group in groups:
        name, look = group.name, as_seen(group.name)
        if names.get(look) == name:
            raise validation_error(f"has two groups named {name!r}", "rename one of them")
        if look in names:  # in ASCII, or they would look the same here too
            both = f"{names[look]!a} and {name!a}"
            raise validation_error(
                f"has groups named {both}, which look the same", "rename one of them"
            )
        names[look] = name
    return groups


class Schedule(Document):
    """A whole fine-tuning schedule; README.md beside this file has an example."""

    format: Literal["thaw.schedule"]
    version: Literal[1]
    name: Name
    model: ModelRef
    epochs: Annotated[int, Field(ge=1, le=MAX_EPOCHS)]
    optimizer: Optimizer
    lr: LearningRate = LearningRate()
    groups: Annotated[
        tuple[Group, ...],
        Field(min_length=1, max_length=MAX_GROUPS),
        AfterValidator(refuse_equal_names),
    ]

    @model_validator(mode="after")
    def _rates_are_numbers(self) -> Self:
        decay = self.lr.group_decay
        scaled = [group.lr_scale is not None for group in reversed(self.groups)]
        deepest = max((i for i, is_scaled in enumerate(scaled) if not is_scaled), default=0)
        exponent = deepest * math.log10(decay)
        if abs(exponent) > MAX_EXPONENT:
            raise validation_error(
                f"is {decay:g}, which makes a scale of 1e{exponent:.0f} {deepest} groups deep",
                "bring it closer to 1, or give the deep groups an lr_scale",
                field="lr.group_decay",
            )
        return self

    def equals_but_for_name(self, other: Schedule) -> bool:
        """Return whether both are equal in all fields except the name."""
        return self.model_copy(update={"name": other.name}) == other

    def group(self, name: str) -> Group:
        """Return the group of that name; KeyError if there is none."""
        for group in self.groups:
            if group.name == name:
                return group
        raise KeyError(name)
