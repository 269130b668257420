"""The curve of a schedule, field by field: warmup, the shapes of the decay, and their floors.

The rates that they give are computed in `core.design.curves`. A shape's `formula` says the same in
Python's notation for people: what is left of (peak - floor) at x from 0 to 1 after the warmup.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag

from core.design.document import MAX_EPOCHS, MOST_RATE, Document, refused


class FloorFactor(Document):
    """The lowest rate as a share of each group's own peak, from 0 to 1."""

    factor: Annotated[float, Field(ge=0, le=1)]


class FloorLR(Document):
    """The lowest rate as one absolute number for all groups: PyTorch's `eta_min`."""

    lr: Annotated[float, Field(ge=0, le=MOST_RATE)]


def _kind_of_floor(floor: Any) -> str:
    absolute = "lr" in floor if isinstance(floor, dict) else isinstance(floor, FloorLR)
    return "lr" if absolute else "factor"


Floor = Annotated[
    Annotated[FloorFactor, Tag("factor")] | Annotated[FloorLR, Tag("lr")],
    Discriminator(_kind_of_floor),
]
NO_FLOOR = FloorFactor(factor=0.0)


class Cosine(Document):
    """Half a cosine from the peak to the floor (SGDR, arXiv:1608.03983)."""

    formula: ClassVar = "(1 + cos(pi * x)) / 2"
    shape: Literal["cosine"]
    floor: Floor = NO_FLOOR


class Linear(Document):
    """A straight line from the peak to the floor."""

    formula: ClassVar = "1 - x"
    shape: Literal["linear"]
    floor: Floor = NO_FLOOR


class Constant(Document):
    """The peak, to the end."""

    formula: ClassVar = "1"
    shape: Literal["constant"]


class WSD(Document):
    """Warmup, stable, decay: flat, then 1 - sqrt over the last `cooldown` (arXiv:2405.18392).

    `cooldown` is a share, from 0.001 to 1, of what is left after warmup.
    """

    formula: ClassVar = "1 - sqrt(max(0, x - 1 + cooldown) / cooldown)"
    shape: Literal["wsd"]
    cooldown: Annotated[float, Field(ge=0.001, le=1)] = 0.2
    floor: Floor = NO_FLOOR


class Polynomial(Document):
    """(1 - x) ** power, as `torch.optim.lr_scheduler.PolynomialLR`."""

    formula: ClassVar = "(1 - x) ** power"
    shape: Literal["polynomial"]
    power: Annotated[float, Field(ge=0.01, le=100)] = 2.0
    floor: Floor = NO_FLOOR


LEAST_GAMMA = 0.001
MOST_MILESTONES = 20


def _ascend(milestones: tuple[float, ...]) -> tuple[float, ...]:
    if any(later <= earlier for earlier, later in pairwise(milestones)):
        raise refused("do not ascend", "write each once, the earliest first")
    return milestones


class Steps(Document):
    """`gamma` times less at each milestone, as `torch.optim.lr_scheduler.MultiStepLR`.

    Milestones are shares of what is left after warmup, and ascend.
    """

    formula: ClassVar = "gamma ** sum(x >= m for m in milestones)"
    shape: Literal["steps"]
    milestones: Annotated[
        tuple[Annotated[float, Field(ge=1e-6, lt=1)], ...],
        Field(min_length=1, max_length=MOST_MILESTONES),
        AfterValidator(_ascend),
    ] = (0.3, 0.6, 0.9)
    gamma: Annotated[float, Field(ge=LEAST_GAMMA, le=1)] = 0.1


Decay = Annotated[
    Cosine | Linear | Constant | WSD | Polynomial | Steps, Field(discriminator="shape")
]

FLOORLESS = ("constant", "steps")
"""Shapes that have no floor."""


class Warmup(Document):
    """The rise from `start_factor` · peak to the peak over the first `epochs` epochs.

    A formula gives the share of the rise that is done at y from 0 to 1 over those epochs.
    """

    formulas: ClassVar[Mapping[str, str]] = {"linear": "y", "cosine": "(1 - cos(pi * y)) / 2"}
    epochs: Annotated[float, Field(ge=0, le=MAX_EPOCHS)] = 0.0
    start_factor: Annotated[float, Field(ge=0, le=1)] = 0.1
    shape: Literal["linear", "cosine"] = "linear"


LEAST_GROUP_DECAY, MOST_GROUP_DECAY = 1e-6, 10.0
GroupDecay = Annotated[float, Field(ge=LEAST_GROUP_DECAY, le=MOST_GROUP_DECAY)]
"""A group's peak as a share of the next one's, towards the input."""


class LearningRate(Document):
    """The curve that every group follows, and how the groups' peaks differ."""

    group_decay: GroupDecay = 1.0
    interval: Literal["epoch", "step"] = "step"
    warmup: Warmup = Warmup()
    decay: Decay = Cosine(shape="cosine")
    after_unfreeze: Literal["follow", "restart"] = "follow"
