"""The schedule document: what a valid schedule looks like, field by field.

Only the structure is checked here. What a schedule means, and whether that is wise, is said by
`core.design.problems`. Text becomes a schedule in `core.design.parse` and nowhere else.
"""

from __future__ import annotations

import math
import unicodedata
from itertools import pairwise
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from core.errors import shown

MAX_EPOCHS = 10_000
MAX_GROUPS = 512

_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Fillers and blanks that Unicode counts among letters, marks and symbols."""


def can_be_seen(name: str) -> bool:
    """Whether a character of it is drawn: not all are blanks, fillers, or only steer others."""
    return any(
        unicodedata.category(c) not in ("Cc", "Cf", "Zl", "Zp", "Zs")
        and c not in _UNSEEN
        and not unicodedata.name(c, "").startswith(("VARIATION SELECTOR", "MONGOLIAN FREE VAR"))
        for c in name
    )


def _seen(name: str) -> str:
    if not can_be_seen(name):
        raise refused(f"is {shown(name)}", "write at least one character that can be seen")
    return name


Name = Annotated[
    str,
    StringConstraints(
        min_length=1,
        max_length=80,
        pattern=r"^[^\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff]+$",
    ),
    AfterValidator(_seen),
]
"""A name for people: 1 to 80 characters, none that control a terminal or turn what follows, and not
only such as cannot be seen.

Nor U+FFFE and U+FFFF, which are no characters, and which no XML can hold: no SVG, no page.
"""

ModulePath = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$"),
]
"""A module's or parameter's dotted path, as in `model.named_modules()`: `layer4.0.bn1`."""

Rate = Annotated[float, Field(ge=1e-12, le=1e3)]
"""A learning rate, far beyond what trains at both ends, so that no rate overflows or is 0."""

Epoch = Annotated[int, Field(ge=0, le=MAX_EPOCHS)]
Window = tuple[Epoch, Epoch | None]
"""Epochs in which a group trains, `[start, end)`; `null` means to the end."""

MAX_EXPONENT = 100
"""Scales lie within 1e-100 and 1e100: beyond, rates would be 0 or infinite."""

Scale = Annotated[float, Field(ge=10.0**-MAX_EXPONENT, le=10.0**MAX_EXPONENT)]
"""A group's peak as a share of the base rate; wide enough for all that a decay gives."""


def refused(wrong: str, way_out: str, field: str = "") -> PydanticCustomError:
    """What a validator raises; `core.design.explain` makes of it field, what is wrong, way out."""
    context = {"field": field, "wrong": wrong, "way_out": way_out}
    return PydanticCustomError("refused", "{wrong}: {way_out}", context)


class Document(BaseModel):
    """A part of the schedule: immutable, strict about types, without unknown fields."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


class ModelRef(Document):
    """Which network: `library/name`, and the name of its pretrained weights (null: random)."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=r"^[\w./-]+$")]
    weights: Name | None = None


class Adam(Document):
    """`torch.optim.Adam` (Kingma & Ba 2015, arXiv:1412.6980); weight decay is an L2 term."""

    name: Literal["adam"]
    base_lr: Rate
    weight_decay: Annotated[float, Field(ge=0)] = 0.0


class AdamW(Document):
    """`torch.optim.AdamW` (Loshchilov & Hutter 2019, arXiv:1711.05101): decoupled decay."""

    name: Literal["adamw"]
    base_lr: Rate
    weight_decay: Annotated[float, Field(ge=0)] = 0.01


class SGD(Document):
    """`torch.optim.SGD` with momentum in [0, 1)."""

    name: Literal["sgd"]
    base_lr: Rate
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9


Optimizer = Annotated[Adam | AdamW | SGD, Field(discriminator="name")]

OPTIMIZERS = {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD"}
"""By their names here, what papers and `torch.optim` call them."""


class FloorFactor(Document):
    """The lowest rate as a share of each group's own peak, from 0 to 1."""

    factor: Annotated[float, Field(ge=0, le=1)]


class FloorLR(Document):
    """The lowest rate as one absolute number for all groups: PyTorch's `eta_min`."""

    lr: Annotated[float, Field(ge=0, le=1e3)]


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

    shape: Literal["cosine"]
    floor: Floor = NO_FLOOR


class Linear(Document):
    """A straight line from the peak to the floor."""

    shape: Literal["linear"]
    floor: Floor = NO_FLOOR


class Constant(Document):
    """The peak, to the end."""

    shape: Literal["constant"]


class WSD(Document):
    """Warmup, stable, decay: flat, then 1 - sqrt over the last `cooldown` (arXiv:2405.18392).

    `cooldown` is a share, from 0.001 to 1, of what is left after warmup.
    """

    shape: Literal["wsd"]
    cooldown: Annotated[float, Field(ge=0.001, le=1)] = 0.2
    floor: Floor = NO_FLOOR


class Polynomial(Document):
    """(1 - x) ** power, as `torch.optim.lr_scheduler.PolynomialLR`."""

    shape: Literal["polynomial"]
    power: Annotated[float, Field(ge=0.01, le=100)] = 2.0
    floor: Floor = NO_FLOOR


def _ascend(milestones: tuple[float, ...]) -> tuple[float, ...]:
    if any(later <= earlier for earlier, later in pairwise(milestones)):
        raise refused("do not ascend", "write each once, the earliest first")
    return milestones


class Steps(Document):
    """`gamma` times less at each milestone, as `torch.optim.lr_scheduler.MultiStepLR`.

    Milestones are shares of what is left after warmup, and ascend.
    """

    shape: Literal["steps"]
    milestones: Annotated[
        tuple[Annotated[float, Field(gt=0, lt=1)], ...],
        Field(min_length=1, max_length=20),
        AfterValidator(_ascend),
    ] = (0.3, 0.6, 0.9)
    gamma: Annotated[float, Field(ge=0.001, le=1)] = 0.1


Decay = Annotated[
    Cosine | Linear | Constant | WSD | Polynomial | Steps, Field(discriminator="shape")
]

FLOORLESS = ("constant", "steps")
"""Shapes that have no floor."""


class Warmup(Document):
    """The rise from `start_factor` · peak to the peak over the first `epochs` epochs."""

    epochs: Annotated[float, Field(ge=0, le=MAX_EPOCHS)] = 0.0
    start_factor: Annotated[float, Field(ge=0, le=1)] = 0.1
    shape: Literal["linear", "cosine"] = "linear"


class LearningRate(Document):
    """The curve that every group follows, and how the groups' peaks differ."""

    group_decay: Annotated[float, Field(ge=1e-6, le=10)] = 1.0
    interval: Literal["epoch", "step"] = "step"
    warmup: Warmup = Warmup()
    decay: Decay = Cosine(shape="cosine")
    after_unfreeze: Literal["follow", "restart"] = "follow"


class Part(Document):
    """Parameters of a network under one name, and the epochs in which they train."""

    name: Name
    modules: Annotated[tuple[ModulePath, ...], Field(min_length=1)]
    trainable: tuple[Window, ...] = ()

    @field_validator("trainable")
    @classmethod
    def _windows_in_order(cls, windows: tuple[Window, ...]) -> tuple[Window, ...]:
        for start, end in windows:
            if end is not None and end <= start:
                raise refused(f"has the window [{start}, {end}]", "end it after it starts")
        for (start, end), (following, _) in pairwise(windows):
            if end is None or following < end:
                shown_end = "null" if end is None else end
                raise refused(
                    f"has [{start}, {shown_end}] and then a window from {following}",
                    "put windows in order, and start each when the one before has ended",
                )
        return windows


AnyPart = TypeVar("AnyPart", bound=Part)


class Group(Part):
    """Layers that thaw together; one param group of the optimizer, by the same name.

    With `batchnorm: "eval"` its BatchNorm layers keep to their pretrained statistics also while it
    trains (their weights train), which small batches and small images need.
    """

    lr_scale: Scale | None = None
    when_frozen: Literal["eval", "train"] = "eval"
    batchnorm: Literal["eval"] | None = None


def names_differ(parts: tuple[AnyPart, ...]) -> tuple[AnyPart, ...]:
    """The parts; refused where two of them have one name."""
    seen: set[str] = set()
    for part in parts:
        if part.name in seen:
            raise refused(f"has two groups named {part.name!r}", "rename one of them")
        seen.add(part.name)
    return parts


class Schedule(Document):
    """A whole fine-tuning schedule; see the README for an example."""

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
        AfterValidator(names_differ),
    ]

    @model_validator(mode="after")
    def _rates_are_numbers(self) -> Self:
        decay = self.lr.group_decay
        scaled = [group.lr_scale is not None for group in reversed(self.groups)]
        deepest = max((i for i, own in enumerate(scaled) if not own), default=0)
        exponent = deepest * math.log10(decay)
        if abs(exponent) > MAX_EXPONENT:
            raise refused(
                f"is {decay:g}, which makes a scale of 1e{exponent:.0f} {deepest} groups deep",
                "bring it closer to 1, or give the deep groups an lr_scale",
                field="lr.group_decay",
            )
        return self

    def group(self, name: str) -> Group:
        """The group of that name; KeyError if there is none."""
        for group in self.groups:
            if group.name == name:
                return group
        raise KeyError(name)
