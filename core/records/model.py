"""The record document: what a training loop did.

Only its structure is checked here. Text becomes a record in `core.records.io`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from pydantic import AfterValidator, Field, model_validator

from core.records.piecewise_linear import PiecewiseLinear, from_pieces
from core.schedule import plan
from core.schedule.curves import Array
from core.schedule.document import MAX_EPOCHS, MAX_GROUPS, Document, Name, validation_error
from core.schedule.sampling import MAX_POINTS, Indices, evenly_spaced, extremes
from core.schedule.spec import BaseGroup, refuse_equal_names

MAX_STEPS_PER_EPOCH = 1_000_000
MAX_OTHERS = 16
"""Options of an optimizer, besides weight decay and momentum, that a group lists."""

RecordedRate = Annotated[float, Field(ge=0, le=1e103)]
"""A learning rate, up to the highest of any schedule; at 0 nothing moves."""

StepCount = Annotated[int, Field(ge=1, le=MAX_EPOCHS * MAX_STEPS_PER_EPOCH)]

Spread = Annotated[tuple[Annotated[float, Field(ge=0, le=1e6)], ...], Field(max_length=2)]
"""The value that an option had, or the lowest and the highest; empty outside of the optimizer."""


class RecordGroup(BaseGroup):
    """A param group of the optimizer, or a part of one that trains in epochs of its own.

    Its rate at every step is `scale` times that of the record's curve number `curve`, also while it
    is frozen. `parameters` counts elements. `others` lists further options of the optimizer that
    differ from its defaults, as in `nesterov=True`.
    """

    parameters: Annotated[int, Field(ge=0, le=10**15)]
    curve: Annotated[int, Field(ge=0, lt=MAX_GROUPS)]
    scale: Annotated[float, Field(ge=0, le=1e200)] = 1.0
    weight_decay: Spread = (0.0,)
    momentum: Spread = (0.0,)
    others: Annotated[tuple[Name, ...], Field(max_length=MAX_OTHERS)] = ()

    @property
    def in_optimizer(self) -> bool:
        """Whether the optimizer has these parameters; others never train."""
        return bool(self.weight_decay)


class Record(Document):
    """A record of a training loop; `optimizer` is the name of its class.

    A curve is made of pieces `[steps, first, last]`: the rate goes straight from the first to the
    last. Stored rates differ from those of the loop by at most a relative `within`. Groups go from
    input to output.
    """

    format: Literal["thaw.record"]
    version: Literal[1]
    name: Name
    epochs: Annotated[int, Field(ge=1, le=MAX_EPOCHS)]
    steps_per_epoch: Annotated[int, Field(ge=1, le=MAX_STEPS_PER_EPOCH)]
    optimizer: Name
    within: Annotated[float, Field(ge=0, le=0.01)] = 1e-12
    curves: Annotated[
        tuple[
            Annotated[
                tuple[tuple[StepCount, RecordedRate, RecordedRate], ...], Field(min_length=1)
            ],
            ...,
        ],
        Field(min_length=1, max_length=MAX_GROUPS),
    ]
    groups: Annotated[
        tuple[RecordGroup, ...],
        Field(min_length=1, max_length=MAX_GROUPS),
        AfterValidator(refuse_equal_names),
    ]

    @model_validator(mode="after")
    def _curves_are_whole(self) -> Self:
        for number, curve in enumerate(self.curves):
            steps = sum(piece[0] for piece in curve)
            if steps != self.steps:
                wrong = f"has {steps:,} steps, but the record has {self.steps:,}"
                way_out = "let its pieces cover every step once"
                raise validation_error(wrong, way_out, field=f"curves[{number}]")
        for number, group in enumerate(self.groups):
            if group.curve >= len(self.curves):
                wrong = f"is {group.curve}, but the last curve is {len(self.curves) - 1}"
                way_out = "curves count from 0"
                raise validation_error(wrong, way_out, field=f"groups[{number}].curve")
        return self

    @property
    def steps(self) -> int:
        """The steps of the whole run."""
        return self.epochs * self.steps_per_epoch

    @cached_property
    def _by_name(self) -> Mapping[str, RecordGroup]:
        return {group.name: group for group in self.groups}

    @cached_property
    def lines(self) -> tuple[PiecewiseLinear, ...]:
        """The curves, as functions of the step."""
        return tuple(map(from_pieces, self.curves))

    @cached_property
    def is_stair(self) -> bool:
        """Whether rates change only between epochs."""
        if self.steps_per_epoch == 1:
            return True
        return all(
            np.array_equal(line.firsts, line.lasts)
            and not (line.starts % self.steps_per_epoch).any()
            for line in self.lines
        )

    def group(self, name: str) -> RecordGroup:
        """Return the group of that name; KeyError if there is none."""
        return self._by_name[name]

    def line(self, name: str) -> PiecewiseLinear:
        """Return the group's curve, to be multiplied by its `scale`."""
        return self.lines[self.group(name).curve]

    def lr(self, name: str, t: ArrayLike) -> Array:
        """Return the group's rate at `t` epochs from the start, also while it is frozen."""
        times = np.asarray(t, dtype=np.float64)
        steps = (np.floor(times) if self.is_stair else times) * self.steps_per_epoch
        return self.at(name, np.clip(steps, 0, self.steps - 1))

    def at(self, name: str, steps: ArrayLike) -> Array:
        """Return the group's rate at each of those steps, which count from 0."""
        return self.group(name).scale * self.line(name).at(steps)

    def peak(self, name: str) -> float:
        """Return the group's highest rate of all steps, also of those in which it is frozen."""
        return self.group(name).scale * self.line(name).highest

    def steps_to_draw(self, group: RecordGroup) -> Indices:
        """Return the steps at which a group's rates are drawn, in order and without repeats.

        They are at most 120 at equal distances and 120 at which its curve turns, the first and the
        last step of the run, and the steps around every thaw and freeze.
        """
        hold = self.steps_per_epoch if self.is_stair else 1
        line = self.line(group.name)
        spans = plan.training_spans(group, self.epochs)
        edges = np.array(spans, dtype=np.int64).ravel() * self.steps_per_epoch
        edges = edges[(edges > 0) & (edges < self.steps)]
        turns = line.knots[extremes(line.at(line.knots), MAX_POINTS)]
        last = np.array([self.steps - 1])
        evenly = evenly_spaced(self.steps // hold) * hold
        return np.unique(np.concatenate([evenly, turns, edges, edges - 1, last]))
