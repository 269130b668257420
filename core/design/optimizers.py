"""The optimizers of a schedule, each with the fields that it has."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from core.design.document import Document, Rate


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
