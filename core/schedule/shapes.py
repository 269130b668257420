"""The shapes of decay and warmup: all that Thaw knows of one is in its class.

To add one, write its class and put it into `Decay` or `WARMUPS`. Parser, rates, pages, tables,
exports and the recognition of recorded loops iterate over these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Discriminator, Field, Tag

from core.schedule.document import (
    MAX_EPOCHS,
    MAX_RATE,
    Document,
    FieldText,
    field_texts,
    members,
    validation_error,
)
from core.schedule.words import listed, rate

Array = NDArray[np.float64]

_REACHED = 1e-12
"""Distance at which a milestone is reached: 3 of 10 steps in 3 epochs are 0.09999999999999999."""
NEAR = 1e-9
"""Relative difference up to which rates may be those of a shape."""


class FloorFactor(Document):
    """The lowest rate as a share of each group's own peak, from 0 to 1."""

    factor: Annotated[float, Field(ge=0, le=1)]

    def at(self, peak: Array) -> Array:
        """Return the lowest rate under each peak."""
        return peak * self.factor

    def in_words(self) -> str:
        """Return the floor, to be read after "to"."""
        return f"{self.factor:g} of the peak"


class FloorLR(Document):
    """The lowest rate as one absolute number for all groups: PyTorch's `eta_min`."""

    lr: Annotated[float, Field(ge=0, le=MAX_RATE)]

    def at(self, peak: Array) -> Array:
        """Return the lowest rate under each peak."""
        return np.full_like(peak, self.lr)

    def in_words(self) -> str:
        """Return the floor, to be read after "to"."""
        return f"{rate(self.lr, 6)} for every group"


def _kind_of_floor(floor: Any) -> str:
    absolute = "lr" in floor if isinstance(floor, dict) else isinstance(floor, FloorLR)
    return "lr" if absolute else "factor"


Floor = Annotated[
    Annotated[FloorFactor, Tag("factor")] | Annotated[FloorLR, Tag("lr")],
    Discriminator(_kind_of_floor),
]
NO_FLOOR = FloorFactor(factor=0.0)


class DecayShape(Document):
    """Base of the decay shapes: the share of (peak - floor) that is left after the warmup.

    A subclass has a `floor`, which is None where the shape has none, and fields of its own,
    each with a `FieldText`. x goes from 0 to 1 over what is left of the run after warmup.
    """

    shape: str
    formula: ClassVar[str]
    """The share in Python's notation, for people."""
    python: ClassVar[tuple[str, ...]]
    """Lines that set `share` from x, on plain floats, with the same operations as `share`.

    A field is a constant in capitals there, and `math` is imported. No lines mean a share of 1.
    """
    long_name: ClassVar[str] = ""
    """The name for people, if it is another than `shape`."""
    not_in_timm: ClassVar[str] = "timm's train.py does not have"
    """Why `timm_flags` has none; follows "which" in a sentence."""

    def share(self, x: Array) -> Array:
        """Return the share that is left at each x."""
        raise NotImplementedError

    def in_words(self) -> str:
        """Return the shape with its numbers, to be read within a sentence."""
        return self.title()

    def corners(self) -> tuple[float, ...]:
        """Return every x at which the line breaks or turns."""
        return ()

    def extra_x(self) -> Array:
        """Return every x that a chart draws besides those at equal distances."""
        return np.array(self.corners())

    def timm_flags(self) -> str:
        """Return the flags of timm's train.py that give the same rates; "" if none do."""
        return ""

    @classmethod
    def fit(cls, share: Array, x: Array) -> dict[str, Any] | None:
        """Return the fields with which the shape may have these shares; None if there are none.

        By default, a shape with fields of its own is not looked for.
        """
        return None if field_texts(cls) else {}

    @classmethod
    def is_recognised(cls) -> bool:
        """Return whether `fit` looks for the shape."""
        return not field_texts(cls) or "fit" in vars(cls)

    @classmethod
    def title(cls) -> str:
        """Return the shape's name for people, to be read within a sentence."""
        return cls.long_name or str(*get_args(cls.model_fields["shape"].annotation))


class Cosine(DecayShape):
    """Half a cosine from the peak to the floor (SGDR, arXiv:1608.03983)."""

    formula = "(1 + cos(pi * x)) / 2"
    python = ("share = (1 + math.cos(math.pi * x)) / 2",)
    shape: Literal["cosine"]
    floor: Floor = NO_FLOOR

    def share(self, x: Array) -> Array:
        """Return (1 + cos(pi·x)) / 2."""
        return (1.0 + np.cos(np.pi * x)) / 2.0

    def timm_flags(self) -> str:
        """Return timm's cosine."""
        return "--sched cosine"


class Linear(DecayShape):
    """A straight line from the peak to the floor: `LinearLR` to the floor's factor."""

    formula = "1 - x"
    python = ("share = 1 - x",)
    shape: Literal["linear"]
    floor: Floor = NO_FLOOR

    def share(self, x: Array) -> Array:
        """Return 1 - x."""
        return 1.0 - x

    def timm_flags(self) -> str:
        """Return a polynomial of power 1."""
        return "--sched poly --decay-rate 1.0"


class Constant(DecayShape):
    """The peak rate to the end: `ConstantLR` with factor 1."""

    formula = "1"
    python = ()
    shape: Literal["constant"]
    floor: ClassVar[None] = None

    def share(self, x: Array) -> Array:
        """Return 1 at each x."""
        return np.ones_like(x)

    def in_words(self) -> str:
        """Return "none", as the name of the decay."""
        return "none"

    def timm_flags(self) -> str:
        """Return steps of a factor of 1."""
        return "--sched step --decay-rate 1"

    @classmethod
    def fit(cls, share: Array, x: Array) -> dict[str, Any] | None:
        """Return {} where the share is always 1, else None."""
        return {} if np.allclose(share, 1.0, rtol=NEAR, atol=0) else None


class WSD(DecayShape):
    """Warmup, stable, decay: flat, then 1 - sqrt over the last `cooldown` (arXiv:2405.18392)."""

    formula = "1 - sqrt(max(0, x - 1 + cooldown) / cooldown)"
    python = (
        "stable = 1 - COOLDOWN",
        "share = 1 - math.sqrt(min(max((x - stable) / (1 - stable), 0.0), 1.0))",
    )
    long_name = "warmup-stable-decay"
    not_in_timm = "timm rounds to whole steps"
    shape: Literal["wsd"]
    cooldown: Annotated[
        float,
        Field(ge=0.001, le=1),
        FieldText(
            "Cooldown, last part",
            "Share of what is left after warmup in which the rate falls.",
            unit=" of what is left after warmup",
            comment="share of {whole}, at its end, in which rates fall",
        ),
    ] = 0.2
    floor: Floor = NO_FLOOR

    def share(self, x: Array) -> Array:
        """Return 1, then 1 - sqrt(y) with y from 0 to 1 over the last `cooldown`."""
        start = 1.0 - self.cooldown
        y = np.clip((x - start) / (1.0 - start), 0.0, 1.0)  # not / cooldown: exactly 1 at the end
        return 1.0 - np.sqrt(y)

    def in_words(self) -> str:
        """Return the form of the decay and its length."""
        return f"1 - sqrt over the last {self.cooldown:g} of what is left"

    def corners(self) -> tuple[float, ...]:
        """Return where the decay begins."""
        return (1.0 - self.cooldown,)

    def extra_x(self) -> Array:
        """Return more points at the beginning of the decay, where it falls steeply."""
        return 1.0 - self.cooldown * (1.0 - np.linspace(0.0, 1.0, 49) ** 4)


class Polynomial(DecayShape):
    """(1 - x) ** power, as `torch.optim.lr_scheduler.PolynomialLR`."""

    formula = "(1 - x) ** power"
    python = ("share = (1 - x) ** POWER",)
    shape: Literal["polynomial"]
    power: Annotated[
        float,
        Field(ge=0.01, le=100),
        FieldText(
            "Power",
            "1 is a straight line; above, it falls fast at first.",
            step=0.5,
            comment="of the polynomial by which rates fall",
        ),
    ] = 2.0
    floor: Floor = NO_FLOOR

    def share(self, x: Array) -> Array:
        """Return (1 - x) ** power."""
        return np.power(1.0 - x, self.power)

    def in_words(self) -> str:
        """Return the shape and its power."""
        return f"polynomial of power {self.power:g}"

    def timm_flags(self) -> str:
        """Return the polynomial, whose power timm calls a decay rate."""
        return f"--sched poly --decay-rate {self.power!r}"


MIN_GAMMA = 0.001
MAX_MILESTONES = 20


def _ascend(milestones: tuple[float, ...]) -> tuple[float, ...]:
    if any(later <= earlier for earlier, later in pairwise(milestones)):
        raise validation_error("do not ascend", "write each once, the earliest first")
    return milestones


class MultiStep(DecayShape):
    """`gamma` times less at each milestone, as `torch.optim.lr_scheduler.MultiStepLR`."""

    formula = "gamma ** sum(x >= m for m in milestones)"
    python = (
        "share = 1.0",
        "for milestone in MILESTONES:",
        f"    if x > milestone - {_REACHED!r}:",
        "        share *= GAMMA",
    )
    not_in_timm = "timm rounds to whole epochs"
    shape: Literal["steps"]
    milestones: Annotated[
        tuple[Annotated[float, Field(ge=1e-6, lt=1)], ...],
        Field(min_length=1, max_length=MAX_MILESTONES),
        AfterValidator(_ascend),
        FieldText(
            "Milestones",
            "Shares of what is left after warmup at which the rate falls: 0.3, 0.6, 0.9.",
            comment="shares of {whole} at which rates fall",
        ),
    ] = (0.3, 0.6, 0.9)
    gamma: Annotated[
        float,
        Field(ge=MIN_GAMMA, le=1),
        FieldText(
            "Gamma",
            "What the rate is multiplied by at each milestone.",
            factor=True,
            comment="times what they were before",
        ),
    ] = 0.1
    floor: ClassVar[None] = None

    def share(self, x: Array) -> Array:
        """Return gamma to the power of the number of milestones that are reached."""
        left = np.cumprod([1.0, *[self.gamma] * len(self.milestones)], dtype=np.float64)
        reached: Array = left[np.searchsorted(np.asarray(self.milestones) - _REACHED, x)]
        return reached

    def in_words(self) -> str:
        """Return the factor and the milestones."""
        places = listed(f"{share:g}" for share in self.milestones)
        return f"times {self.gamma:g} at {places} of what is left"

    def corners(self) -> tuple[float, ...]:
        """Return the milestones."""
        return self.milestones

    def extra_x(self) -> Array:
        """Return each milestone, and a point close before and one close behind it."""
        falls = np.array(self.milestones)
        return np.concatenate([falls * (1.0 - 2e-5), falls, falls * (1.0 + 2e-5)])

    @classmethod
    def fit(cls, share: Array, x: Array) -> dict[str, Any] | None:
        """Return milestones and gamma if each fall is by the same factor."""
        falls = np.flatnonzero(np.diff(share)) + 1
        if not 1 <= len(falls) <= MAX_MILESTONES or not share.all():
            return None
        if len(falls) == len(share) - 1:  # a fall at every step, as most curves have
            return None
        gammas = share[falls] / share[falls - 1]
        gamma = rounded(gammas[0])
        if not MIN_GAMMA <= gamma < 1 or not np.allclose(gammas, gamma, rtol=NEAR, atol=0):
            return None
        between = zip(x[falls - 1].tolist(), x[falls].tolist(), strict=True)
        return {"milestones": [_shortest(*each) for each in between], "gamma": gamma}


MIN_SHARE = 1e-6


class Exponential(DecayShape):
    """The same factor from each step to the next, as `torch.optim.lr_scheduler.ExponentialLR`."""

    formula = "final_share ** x"
    python = ("share = FINAL_SHARE ** x",)
    shape: Literal["exponential"]
    final_share: Annotated[
        float,
        Field(ge=MIN_SHARE, le=1),
        FieldText(
            "Final share",
            "Share of the peak that is left at the end of the run.",
            step=None,
            unit=" of the peak",
            comment="of the peak is left at the end",
        ),
    ] = 0.01
    floor: ClassVar[None] = None

    def share(self, x: Array) -> Array:
        """Return final_share ** x."""
        return np.power(self.final_share, x)

    def in_words(self) -> str:
        """Return the shape and its last share."""
        return f"exponential, to {self.final_share:g} of the peak"

    @classmethod
    def fit(cls, share: Array, x: Array) -> dict[str, Any] | None:
        """Return the final share if the shares fall exponentially to it."""
        final = share[-1] ** (1 / x[-1]) if x[-1] > 0 and share[-1] > 0 else 0.0
        near = MIN_SHARE <= final <= 1 and np.allclose(share, final**x, rtol=NEAR, atol=0)
        return {"final_share": rounded(final)} if near else None


Decay = Annotated[
    Cosine | Linear | Constant | WSD | Polynomial | MultiStep | Exponential,
    Field(discriminator="shape"),
]
DECAYS: Mapping[str, type[DecayShape]] = members(Decay)
"""Every decay shape by its name in the document, in the order in which people see them."""


@dataclass(frozen=True, slots=True)
class WarmupShape:
    """A warmup shape: `share` of the rise is done at y, which goes from 0 to 1 over the warmup.

    `formula` is that share for people, and `python` in exported code, of {t} and WARMUP in epochs;
    `in_words` follows "rates rise"; `in_timm` says whether timm's train.py has the shape.
    """

    share: Callable[[Array], Array]
    formula: str
    python: str
    in_words: str
    in_timm: bool = False


WarmupName = Literal["linear", "cosine"]
WARMUPS: Mapping[WarmupName, WarmupShape] = {
    "linear": WarmupShape(lambda y: y, "y", "{t} / WARMUP", "in a straight line", in_timm=True),
    "cosine": WarmupShape(
        lambda y: (1.0 - np.cos(np.pi * y)) / 2.0,
        "(1 - cos(pi * y)) / 2",
        "(1 - math.cos(math.pi * ({t} / WARMUP))) / 2",
        "as half a cosine",
    ),
}
"""Every warmup shape by its name in the document."""


class Warmup(Document):
    """The rise from `start_factor` · peak to the peak over the first `epochs` epochs."""

    epochs: Annotated[float, Field(ge=0, le=MAX_EPOCHS)] = 0.0
    start_factor: Annotated[float, Field(ge=0, le=1)] = 0.1
    shape: WarmupName = "linear"


def rounded(value: float, digits: int = 15) -> float:
    """Return the number without the last digits, in which arithmetic leaves errors."""
    return float(f"{value:.{digits}g}")


def _shortest(before: float, at: float) -> float:
    """Return the number with the fewest digits in (before, at]; both lie in [0, 1]."""
    for digits in range(1, 15):
        scale = 10.0**digits
        cut = np.floor(at * scale) / scale
        if before < cut <= at:
            return float(cut)
    return at
