"""The report of a loss that is not finite: its batch, the rates, and the groups that it has hit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from core.errors import RunError
from core.files import atomic
from core.grouping import Layer, LayerGroups
from core.training.data import Data

_WAY_OUT = "lower optimizer.base_lr, lengthen lr.warmup.epochs, or thaw later"


class NotFiniteError(RunError):
    """A loss that is NaN or infinite.

    `what` is the message without its way out; `entries` are the batch's in the `split`, see
    `data.Split`. In training it has a step, counted over the run, and the rates of the groups.
    """

    def __init__(
        self,
        what: str,
        split: Literal["train", "validation"],
        entries: Tensor,
        step: int | None = None,
        rates: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__(f"{what}: {_WAY_OUT}")
        self.what = what
        self.split = split
        self.entries = entries
        self.step = step
        self.rates = rates


def write_report(
    path: Path, error: NotFiniteError, epoch: int, data: Data, groups: LayerGroups
) -> RunError:
    """Write the report of an error as JSON, in one step, and return an error that names the file.

    Its `images` are the names of those in the batch; `not_finite` names the groups with a parameter
    or buffer that is NaN or infinite. If the disk refuses, the returned error says so instead.
    """
    split = data.train if error.split == "train" else data.validation
    names = data.train_names if error.split == "train" else data.names
    positions = (error.entries // split.views).tolist()
    content = {
        "what": error.what,
        "epoch": epoch,
        "step": error.step,
        "rates": error.rates,
        "images": [names[at] if names else str(at) for at in positions],
        "split": error.split,
        "not_finite": [name for name, layers in groups.items() if not all(map(_finite, layers))],
    }
    try:
        atomic.write_atomically(path, (json.dumps(content, indent=2) + "\n").encode())
    except OSError as refused:
        where = f"its batch could not be saved ({refused.strerror or refused})"
    else:
        where = f"the batch and the affected groups are in {path.name}"
    return RunError(f"{error.what}; {where}: {_WAY_OUT}")


def _finite(layer: Layer) -> bool:
    tensors = [layer] if isinstance(layer, Tensor) else [*layer.parameters(), *layer.buffers()]
    return all(bool(torch.isfinite(t).all()) for t in tensors if t.is_floating_point())
