"""Learning rate schedulers with closed-form rates: the step count is their only state.

Unlike a `SequentialLR`, they can be resumed from that number, take a warmup of 0 epochs, hold the
last rate after the end, and handle a param group that is added later.
"""

from __future__ import annotations

import math
from numbers import Integral
from typing import Any, cast

import numpy as np
import torch
from torch.optim.lr_scheduler import LRScheduler

from core.errors import InputError, nearest, quoted
from core.schedule import curves
from core.schedule.document import MAX_EPOCHS
from core.schedule.shapes import Cosine, FloorLR, Warmup
from core.schedule.spec import LearningRate, Schedule


def create_scheduler_with_warmup(
    optimizer: torch.optim.Optimizer, warmup_epochs: int, total_epochs: int
) -> LRScheduler:
    """Return a scheduler to step once per epoch: linear warmup from a tenth, then cosine to 1e-6.

    Epoch e < w: lr = peak · (0.1 + 0.9 · e / w); then 1e-6 + (peak - 1e-6) · (1 + cos(pi·x)) / 2
    with x = (e - w) / (total - w), where peak is each param group's own rate. The floor is
    absolute, as in PyTorch's `eta_min`: a group whose peak is lower *rises* to it. After the last
    epoch the floor holds; without warmup it starts at the peak; a warmup of all epochs ends there.

    Raises InputError unless 0 <= warmup_epochs <= total_epochs and 1 <= total_epochs <= 10 000.
    """
    if not 1 <= total_epochs <= MAX_EPOCHS:
        raise InputError("total_epochs", f"is {total_epochs}", f"give 1 to {MAX_EPOCHS} epochs")
    if math.isnan(warmup_epochs) or warmup_epochs < 0:
        raise InputError("warmup_epochs", f"is {warmup_epochs}", "give 0 for no warmup")
    if warmup_epochs > total_epochs:
        raise InputError(
            "warmup_epochs",
            f"is {warmup_epochs}, but the run has {total_epochs} epochs",
            f"shorten the warmup to at most {total_epochs}, or run {warmup_epochs} epochs or more",
        )
    return WarmupCosineLR(optimizer, warmup_epochs, total_epochs)


class ClosedFormLR(LRScheduler):
    """A scheduler whose rates at any step are given by `rates_at`.

    Its state dict is `{"last_epoch": step}`, named as in PyTorch; loading it sets the rates too,
    so the order in which optimizer and scheduler are loaded does not matter.
    """

    def rates_at(self, step: int) -> list[float]:
        """Return the rate of each of the optimizer's param groups at that step (from 0)."""
        raise NotImplementedError

    def get_lr(self) -> list[float | torch.Tensor]:
        """Return the rates of the current step; called by `step()`."""
        return list(self.rates_at(self.last_epoch))

    def state_dict(self) -> dict[str, Any]:
        """Return `{"last_epoch": step}`, which can be loaded with `weights_only=True`."""
        return {"last_epoch": self.last_epoch}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from that step, as if the scheduler had been created there."""
        self.last_epoch = state_dict["last_epoch"] - 1
        self._initial_step()


class WarmupCosineLR(ClosedFormLR):
    """The rates of `create_scheduler_with_warmup`; a step is an epoch."""

    def __init__(
        self, optimizer: torch.optim.Optimizer, warmup_epochs: int, total_epochs: int
    ) -> None:
        self.total_epochs = total_epochs
        self.spec = LearningRate(
            interval="epoch",
            warmup=Warmup(epochs=warmup_epochs, start_factor=0.1),
            decay=Cosine(shape="cosine", floor=FloorLR(lr=1e-6)),
        )
        super().__init__(optimizer)

    def rates_at(self, step: int) -> list[float]:
        """Return the rate of each param group at epoch `step`; its peak is its `initial_lr`."""
        groups = self.optimizer.param_groups
        peaks = [float(group.setdefault("initial_lr", group["lr"])) for group in groups]
        rates: list[float] = curves.curve(self.spec, peaks, step, self.total_epochs).tolist()
        return rates


class ScheduleLR(ClosedFormLR):
    """A scheduler for a schedule; step it after each optimizer step.

    Param groups are matched by their names. `steps_per_epoch` counts optimizer steps, at least 1.
    After the last epoch each curve holds its last value. A frozen group's rate is set too.

    Raises InputError for an invalid number of steps, and for a param group whose name is not that
    of a group of the schedule.
    """

    def __init__(
        self, optimizer: torch.optim.Optimizer, schedule: Schedule, steps_per_epoch: int
    ) -> None:
        if not isinstance(cast(Any, steps_per_epoch), Integral) or steps_per_epoch < 1:
            way_out = "give the optimizer steps of an epoch, a whole number from 1"
            raise InputError("steps_per_epoch", f"is {quoted(steps_per_epoch)}", way_out)
        self.schedule = schedule
        self.steps_per_epoch = int(steps_per_epoch)
        self._places = {group.name: at for at, group in enumerate(schedule.groups)}
        self._first = 0
        self._rates = np.empty((0, len(schedule.groups)))
        super().__init__(optimizer)

    def rates_at(self, step: int) -> list[float]:
        """Return the rate of each param group at optimizer step `step`."""
        if not 0 <= step - self._first < len(self._rates):
            self._look_ahead(step)
        rates: list[float] = self._rates[step - self._first].tolist()
        return [rates[self._place(i)] for i in range(len(self.optimizer.param_groups))]

    def _look_ahead(self, first: int) -> None:
        """Compute the rates of that step, and of the steps that are likely to follow."""
        steps = np.arange(first, first + max(1, curves.AT_ONCE // len(self._places)))
        rates = curves.rates_of_steps(self.schedule, steps, self.steps_per_epoch)
        self._first, self._rates = first, np.ascontiguousarray(rates.T)

    def _place(self, index: int) -> int:
        name = self.optimizer.param_groups[index].get("name")
        if name not in self._places:
            raise InputError(
                f"optimizer.param_groups[{index}]['name']",
                f"is {name!r}, which is not a group of the schedule",
                nearest(str(name), self._places),
            )
        return self._places[name]
