"""The steps of a run as columns, since a run may have 150,000 of them and a page draws a few."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.runs import events as ev

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


def _no_integers() -> Integers:
    return np.empty(0, np.int64)


def _no_floats() -> Floats:
    return np.empty(0)


@dataclass(frozen=True, slots=True, eq=False)
class StepColumns:
    """Columns with a row per optimizer step; `lrs` has one per group, NaN for unknown rates."""

    step: Integers = field(default_factory=_no_integers)
    epoch: Integers = field(default_factory=_no_integers)
    loss: Floats = field(default_factory=_no_floats)
    lrs: dict[str, Floats] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.step)

    def rates(self, group: str) -> Floats:
        """Return the group's rate in each step."""
        return self.lrs.get(group, np.full(len(self), np.nan))

    def before(self, epoch: int) -> StepColumns:
        """Return the steps of earlier epochs."""
        kept = self.epoch < epoch
        lrs = {group: rates[kept] for group, rates in self.lrs.items()}
        return StepColumns(self.step[kept], self.epoch[kept], self.loss[kept], lrs)

    def with_more(self, more: Sequence[ev.Step]) -> StepColumns:
        """Return these steps with others after them."""
        if not more:
            return self
        groups = dict.fromkeys((*self.lrs, *(group for step in more for group in step.lrs)))
        return StepColumns(
            np.append(self.step, [step.step for step in more]),
            np.append(self.epoch, [step.epoch for step in more]),
            np.append(self.loss, [step.loss for step in more]),
            {
                group: np.append(self.rates(group), [s.lrs.get(group, np.nan) for s in more])
                for group in groups
            },
        )
