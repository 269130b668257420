"""The lesson's live numbers, computed from the exercise's presets and its model's layer table."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise

import numpy as np

from core import presets
from core.models import layer_table
from core.models.layer_table import LayerTable
from core.schedule import curves
from core.schedule.paths import covers
from core.schedule.spec import Schedule
from pages.components.learn.language import Language

OWN_CLASSES = 10
"""A new head's classes in the examples."""

ULMFIT_DIVISOR = 1 / presets.by_name("ulmfit").lr.group_decay
"""Howard & Ruder 2018, section 3.2: each layer's rate over that of the layer below."""

NOTICEABLE = 1e-3
"""How far Adam is asked to move a weight, where its steps are counted."""


@dataclass(frozen=True)
class Exercise:
    """The exercise as written, the mended one, and the layer table of their model."""

    written: Schedule
    mended: Schedule
    table: LayerTable

    @cached_property
    def sizes(self) -> dict[str, int]:
        """Parameters of each group."""
        return {
            g.name: layer_table.count_elements(self.table, g.modules) for g in self.written.groups
        }

    @cached_property
    def peaks(self) -> dict[str, float]:
        """Peak rate of each group."""
        return {g.name: curves.peak(self.written, g) for g in self.written.groups}

    @cached_property
    def starts(self) -> dict[str, int]:
        """The epoch in which each group thaws, in order, without groups that never do."""
        found = {g.name: g.trainable[0][0] for g in reversed(self.written.groups) if g.trainable}
        return dict(sorted(found.items(), key=lambda item: item[1]))

    @property
    def head(self) -> str:
        """Name of the last group."""
        return self.written.groups[-1].name

    @property
    def resume_epoch(self) -> int:
        """An epoch in which no group thaws, after two that have; a resume freezes both."""
        return list(self.starts.values())[2] + 1

    def trainable(self, names: tuple[str, ...]) -> int:
        """Return the number of parameters of those groups together."""
        return sum(self.sizes[name] for name in names)

    def open_after_resume(self, epoch: int) -> tuple[str, ...]:
        """Return the groups that `if epoch in schedule: unfreeze(...)` opens in a resumed run.

        The model is built anew with everything but the head frozen, and only a thaw of just this
        epoch is carried out.
        """
        return tuple(
            g.name
            for g in self.written.groups
            if g.name == self.head or self.starts.get(g.name) == epoch
        )

    def rates(self, schedule: Schedule) -> dict[str, list[float]]:
        """Return each group's rate in every epoch of one of the two schedules."""
        table = curves.rates(schedule, np.arange(schedule.epochs))
        return {g.name: row.tolist() for g, row in zip(schedule.groups, table, strict=True)}


@cache
def exercise() -> Exercise:
    """Return the exercise, read from the presets."""
    written = presets.load("exercise")
    return Exercise(written, presets.load("exercise-mended"), layer_table.load(written.model.name))


def in_exactly_one_group(schedule: Schedule, table: LayerTable) -> int:
    """Return how many of the model's parameter tensors are in exactly one group."""
    return sum(
        sum(any(covers(path, name) for path in g.modules) for g in schedule.groups) == 1
        for name in layer_table.parameter_counts(table)
    )


def numbers(language: Language) -> dict[str, str]:
    """Return the value of every placeholder, as that language writes it."""
    return {**_network(language), **_rates(language), **_thaws(language)}


def _network(language: Language) -> dict[str, str]:
    found, table = exercise(), exercise().table
    head = table.heads[0]
    own = layer_table.for_classes(table, OWN_CLASSES)
    norms = [layer for layer in table.layers if "BatchNorm" in layer.kind]
    counts = layer_table.parameter_counts(table)
    largest = max(found.sizes, key=found.sizes.__getitem__)
    integer, share = language.integer, language.share
    return {
        "parameters": integer(table.parameters),
        "tensors": integer(len(counts)),
        "batchnorms": integer(len(norms)),
        "statistics": integer(2 * sum(norm.parameters["weight"] for norm in norms)),
        "classes": integer(counts[f"{head.path}.weight"] // head.features),
        "features": integer(head.features),
        "own_classes": integer(OWN_CLASSES),
        "own_head": integer(layer_table.count_elements(own, (head.path,))),
        "head": integer(found.sizes[found.head]),
        "largest": f"`{largest}`",
        "largest_share": share(found.sizes[largest] / table.parameters),
        "stem_share": share(found.sizes["stem"] / table.parameters),
        "bn1": integer(layer_table.count_elements(table, ("bn1",))),
        "covered": integer(in_exactly_one_group(found.written, table)),
    }


def _rates(language: Language) -> dict[str, str]:
    found = exercise()
    schedule, peaks = found.written, found.peaks
    rates, last = found.rates(schedule), schedule.epochs - 1
    floor = schedule.lr.floor_lr
    names = [group.name for group in reversed(schedule.groups)]
    assert floor is not None, "the exercise's floor is absolute"
    rate, number = language.rate, language.number
    return {
        "ulmfit_divisor": number(ULMFIT_DIVISOR),
        "factor": number(schedule.lr.group_decay),
        "head_peak": rate(peaks[found.head]),
        "stem_peak": rate(peaks["stem"]),
        "layer2_peak": rate(peaks["layer2"]),
        "layer3_peak": rate(peaks["layer3"]),
        "layer3_distance": language.integer(names.index("layer3")),
        "spread": language.integer(round(peaks[found.head] / peaks["stem"])),
        "slow_steps": language.integer(round(NOTICEABLE / peaks["stem"])),
        "start_factor": number(schedule.lr.warmup.start_factor),
        "warmup": number(schedule.lr.warmup.epochs),
        "epochs": language.integer(schedule.epochs),
        "last_epoch": language.integer(last),
        "floor": rate(floor),
        "stem_last": rate(rates["stem"][last]),
        "stem_fold": number(rates["stem"][last] / peaks["stem"], 2),
        "layer1_fold": number(rates["layer1"][last] / peaks["layer1"], 2),
    }


def _thaws(language: Language) -> dict[str, str]:
    found = exercise()
    starts = list(found.starts.values())
    never = tuple(g.name for g in found.written.groups if g.name not in found.starts)
    late = {f"{name}_start": str(start) for name, start in found.starts.items() if start}
    return {
        **late,
        "thaw_every": language.integer(min(b - a for a, b in pairwise(starts))),
        "never": language.integer(found.trainable(never)),
        "resume_epoch": language.integer(found.resume_epoch),
        "layer4_share": language.share(found.sizes["layer4"] / found.table.parameters),
    }
