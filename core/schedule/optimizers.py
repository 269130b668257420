"""The optimizers of a schedule: everything that is known of each, in its class.

To add one of `torch.optim`, write its class and put it into `Optimizer`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from core.schedule.document import About, Document, Rate, abouts, members


class OptimizerSpec(Document):
    """Base of the optimizers: what all have, and what is known of each besides its fields.

    A subclass is called as its class in `torch.optim`, and its fields are arguments there.
    """

    usual_rates: ClassVar[tuple[float, float]] = (1e-6, 1e-2)
    """Lowest and highest usual peak of the fastest group; sources in why.md."""
    highest_decay: ClassVar[float] = 0.01
    """Highest usual weight decay."""
    decay_help: ClassVar[str] = "An L2 term."
    decoupled: ClassVar[bool] = False
    """Whether weight decay is applied to the weights, and not added to their gradients."""
    needs_warmup: ClassVar[bool] = False
    """Whether first steps at a high rate are large, since its moments are of few gradients."""
    state_name: ClassVar[str] = "moments"
    """What it keeps of earlier gradients."""
    has_fused: ClassVar[bool] = False
    """Whether torch has a fused implementation, which steps a tensor in one sweep over memory.

    It takes less time than the plain one, and ends with other last bits.
    """

    name: str
    base_lr: Rate
    weight_decay: Annotated[float, Field(ge=0)] = 0.0

    @classmethod
    def title(cls) -> str:
        """Return what papers and `torch.optim` call the optimizer."""
        return cls.__name__

    def options(self) -> dict[str, Any]:
        """Return the arguments of the torch class besides parameters and rate."""
        own = self.model_dump(exclude={"name", "base_lr", "weight_decay"})
        return {**own, "weight_decay": self.weight_decay}

    def in_words(self) -> str:
        """Return its weight decay and its own fields, in words."""
        own = [
            f"{each.label.lower()} {getattr(self, n):g}" for n, each in abouts(type(self)).items()
        ]
        return ", ".join([f"weight decay {self.weight_decay:g}", *own])

    def state_per_parameter(self) -> int:
        """Return how many numbers it keeps for each parameter, beside a count of steps."""
        return 2

    def timm_flags(self) -> str:
        """Return the flags of timm's train.py that name it with its own fields; "" if none do."""
        return ""


class Adam(OptimizerSpec):
    """`torch.optim.Adam` (Kingma & Ba 2015, arXiv:1412.6980); weight decay is an L2 term."""

    needs_warmup = True
    has_fused = True
    name: Literal["adam"]

    def timm_flags(self) -> str:
        """Return torch's optimizer by its name in timm."""
        return "--opt adam"


class AdamW(OptimizerSpec):
    """`torch.optim.AdamW` (Loshchilov & Hutter 2019, arXiv:1711.05101): decoupled decay."""

    highest_decay = 0.3
    decay_help = "Decoupled from the gradient."
    decoupled = True
    needs_warmup = True
    has_fused = True
    name: Literal["adamw"]
    weight_decay: Annotated[float, Field(ge=0)] = 0.01

    def timm_flags(self) -> str:
        """Return torch's optimizer by its name in timm."""
        return "--opt adamw"


class SGD(OptimizerSpec):
    """`torch.optim.SGD` with momentum in [0, 1)."""

    usual_rates = (1e-4, 1.0)
    state_name = "momentum"
    has_fused = True
    name: Literal["sgd"]
    momentum: Annotated[float, Field(ge=0, lt=1), About("Momentum")] = 0.9

    def state_per_parameter(self) -> int:
        """Return 1, or 0 without momentum."""
        return 1 if self.momentum else 0

    def timm_flags(self) -> str:
        """Timm's `sgd` has Nesterov momentum, its `momentum` has none."""
        return f"--opt momentum --momentum {self.momentum!r}"


class NAdam(OptimizerSpec):
    """`torch.optim.NAdam` (Dozat 2016, OpenReview OM0jvwB8jIp57ZJjtNEZ): Adam looking ahead."""

    needs_warmup = True
    name: Literal["nadam"]

    def timm_flags(self) -> str:
        """Return torch's optimizer by its name in timm."""
        return "--opt nadam"


class RAdam(OptimizerSpec):
    """`torch.optim.RAdam` (Liu et al. 2020, arXiv:1908.03265): Adam with a warmup of its own."""

    name: Literal["radam"]

    def timm_flags(self) -> str:
        """Return torch's optimizer by its name in timm."""
        return "--opt radam"


Optimizer = Annotated[Adam | AdamW | SGD | NAdam | RAdam, Field(discriminator="name")]
OPTIMIZERS: Mapping[str, type[OptimizerSpec]] = members(Optimizer)
"""Every optimizer by its name in the document."""
