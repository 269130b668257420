"""The input of every check: a schedule, and what is known of its model and its run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from core.models.layer_table import LayerTable
from core.schedule import curves, plan
from core.schedule.paths import prefixes
from core.schedule.plan import Span
from core.schedule.spec import Group, Schedule


@dataclass(frozen=True)
class ScheduleFacts:
    """A schedule, its model's layer table, the run's batch size and steps; None where not known.

    The properties are what several checks need; each is computed once.
    """

    schedule: Schedule
    layers: LayerTable | None = None
    batch_size: int | None = None
    steps_per_epoch: int | None = None

    @cached_property
    def spans(self) -> dict[str, tuple[Span, ...]]:
        """The epochs in which each group trains, cut at the end of the run."""
        epochs = self.schedule.epochs
        return {group.name: plan.training_spans(group, epochs) for group in self.schedule.groups}

    @cached_property
    def training(self) -> tuple[Group, ...]:
        """The groups that train in some epoch, from input to output."""
        return tuple(group for group in self.schedule.groups if self.spans[group.name])

    @property
    def head(self) -> Group:
        """The last group, with the layers that were not pretrained."""
        return self.schedule.groups[-1]

    @cached_property
    def peaks(self) -> dict[str, float]:
        """Every group's peak, in the optimizer's unit."""
        return {g.name: curves.peak(self.schedule, g) for g in self.schedule.groups}

    @cached_property
    def first_thaws(self) -> dict[str, int]:
        """The first epoch of each group that trains."""
        return {group.name: self.spans[group.name][0][0] for group in self.training}

    @cached_property
    def indices(self) -> dict[str, int]:
        """Every group's index in the document."""
        return {group.name: at for at, group in enumerate(self.schedule.groups)}

    def path(self, name: str, field: str) -> str:
        """Return the JSON path of a group's field."""
        return f"groups[{self.indices[name]}].{field}"

    @cached_property
    def owners(self) -> dict[str, str]:
        """The group that names each path; the first, if several do."""
        owners: dict[str, str] = {}
        for group in reversed(self.schedule.groups):
            owners |= dict.fromkeys(group.modules, group.name)
        return owners

    def owner(self, path: str) -> str | None:
        """Return the name of the group that holds a module or parameter; None if none does."""
        return next((self.owners[p] for p in prefixes(path) if p in self.owners), None)

    @cached_property
    def batchnorms(self) -> Counter[str | None]:
        """The number of BatchNorm modules in each group; empty without a layer table."""
        layers = self.layers.layers if self.layers else ()
        return Counter(self.owner(layer.path) for layer in layers if "BatchNorm" in layer.kind)
