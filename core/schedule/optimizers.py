"""The optimizers of a schedule: all that Thaw knows of one is in its class.

To add one of `torch.optim`, write its class and put it into `Optimizer`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from core.schedule.document import Document, FieldText, Rate, field_texts, members


class OptimizerSpec(Document):
    """Base of the optimizers.

    A subclass has the name of its class in `torch.optim`, and its fields are arguments there.
    """

    usual_rates: ClassVar[tuple[float, float]] = (1e-6, 1e-2)
    """Lowest and highest usual peak of the fastest group; sources in why.md."""
    highest_decay: ClassVar[float] = 0.01
    """Highest usual weight decay."""
    decay_help: ClassVar[str] = "An L2 term."
    decoupled: ClassVar[bool] = False
    """Whether weight decay is applied to the weights, and not added to their gradients."""
    needs_warmup: ClassVar[bool] = False
    """Whether the first steps are large at a high rate, since its moments are of few gradients."""
    state_name: ClassVar[str] = "moments"
    """What messages call its state, which it keeps of earlier gradients."""
    has_fused: ClassVar[bool] = False
    """Whether torch has a fused implementation, which reads and writes memory once.

    It is faster than the plain one, from which it differs in the last bits.
    """

    name: str
    base_lr: Rate
    weight_decay: Annotated[float, Field(ge=0)] = 0.0

    @classmethod
    def title(cls) -> str:
        """Return the optimizer's name in papers and in `torch.optim`."""
        return cls.__name__

    def options(self) -> dict[str, Any]:
        """Return the arguments of the torch class besides parameters and rate."""
        fields = self.model_dump(exclude={"name", "base_lr", "weight_decay"})
        return {**fields, "weight_decay": self.weight_decay}

    def in_words(self) -> str:
        """Return the weight decay and the fields that only this optimizer has, in words."""
        texts = [
            f"{each.label.lower()} {getattr(self, n):g}"
            for n, each in field_texts(type(self)).items()
        ]
        return ", ".join([f"weight decay {self.weight_decay:g}", *texts])

    def state_per_parameter(self) -> int:
        """Return how many numbers it keeps for each parameter, besides a count of steps."""
        return 2

    def fused_buffer(self) -> str:
        """Return the name of the state that a fused step needs to be there; "" if it needs none.

        torch leaves it uninitialised where a GradScaler skips the first step, and raises an error
        where some parameters of a group have it and others do not.
        """
        return ""

    def timm_flags(self) -> str:
        """Return the flags of timm's train.py that choose this optimizer; "" if there are none."""
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
    momentum: Annotated[float, Field(ge=0, lt=1), FieldText("Momentum")] = 0.9

    def state_per_parameter(self) -> int:
        """Return 1, or 0 without momentum."""
        return 1 if self.momentum else 0

    def fused_buffer(self) -> str:
        """Return the name of the momentum, if there is one."""
        return "momentum_buffer" if self.momentum else ""

    def timm_flags(self) -> str:
        """Return timm's `momentum`: its `sgd` would be Nesterov's."""
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
