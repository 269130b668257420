"""What the frozen-part cache will save of a run, estimated from FLOPs before it begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from core.cache_plan.dependence import Dependence
from core.cache_plan.planner import TRAIN, UNLIMITED, VALIDATION, Budget, CachePlan, plan_cache
from core.cache_plan.split_points import Node, Work, cuts_of, distinct_entries, epoch_seconds
from core.models.layer_table import LayerTable
from core.schedule.batches import checked, compared
from core.schedule.plan import Phase, phases
from core.schedule.spec import Schedule

Why = Literal["", "untraceable", "open-ended", "moving", "budget", "not worth it"]
"""Why no phase trains from stored tensors: the forward pass is not known; every epoch shows other
images; no layer lies before the first one that changes; too little room; a pass costs more than it
saves."""

_SECONDS_PER_FLOP = 1 / 100e9
"""A few cores of a processor. Only shares are shown, so it matters beside reading rows alone."""
_SECONDS_PER_ELEMENT = 8 / 10e9
"""A float32 that is written and read again, at 10 GB/s."""
_BYTES_PER_ELEMENT = 4


@dataclass(frozen=True, slots=True)
class Data:
    """What an epoch runs over. `views` is how many an image has; None: a new one in every epoch."""

    image_size: int
    train_images: int
    validation_images: int
    batch_size: int
    views: int | None = 1


@dataclass(frozen=True, slots=True)
class PhaseSavings:
    """What one epoch of the phase [start, end) costs, as shares of one in which all groups train.

    `plain` is without the cache, `cached` with it, both without passes. Training begins `before` a
    module ("" where it runs the whole network), and `bytes` are kept for this phase and later ones.
    """

    start: int
    end: int
    plain: float
    cached: float
    before: str
    bytes: int

    @property
    def saved(self) -> float:
        """Share of the phase's work that the cache saves, in [0, 1)."""
        return 1.0 - self.cached / self.plain if self.plain else 0.0


@dataclass(frozen=True, slots=True)
class Savings:
    """What the cache saves of the whole run, passes included, in [0, 1).

    With a `why` it is for validation alone, if for anything. Each pass is made at the start of one
    of `passes`, epochs; the most bytes that are held at any moment are `memory` and `disk`.
    """

    saved: float
    phases: tuple[PhaseSavings, ...]
    passes: tuple[int, ...] = ()
    memory: int = 0
    disk: int = 0
    why: Why = ""


def savings(table: LayerTable, schedule: Schedule, data: Data, budget: Budget) -> Savings:
    """Return what a run of the schedule saves, by the planner that runs use.

    A run plans with measured seconds, so its shares differ; its cuts lie where these do wherever
    a cut is clearly worth it.
    """
    if not table.nodes:
        return Savings(0.0, (), why="untraceable")
    parts = phases(schedule)
    spans = [(phase.start, phase.end) for phase in parts]
    works = _works(table, schedule, data, parts)
    plan = plan_cache(works, spans, budget)
    # an epoch in which every group trains: nothing is fixed
    whole = sum(epoch_seconds(replace(work, fixed=(frozenset(),)), 0) for work in works)
    shown = tuple(
        PhaseSavings(
            start,
            end,
            plan.plain_seconds[at] / (end - start) / whole,
            plan.own_seconds(at) / (end - start) / whole,
            _first_after(table, plan.cuts[at][TRAIN].nodes),
            _held(plan, at),
        )
        for at, (start, end) in enumerate(spans)
    )
    return Savings(
        saved=plan.saved / sum(plan.plain_seconds),
        phases=shown,
        passes=tuple(spans[made.first][0] for made in plan.passes),
        memory=max((made.held("memory") for made in plan.passes), default=0),
        disk=max((made.held("file") for made in plan.passes), default=0),
        why="" if any(phase.before for phase in shown) else _why(works, spans, data),
    )


def _works(
    table: LayerTable, schedule: Schedule, data: Data, parts: Sequence[Phase]
) -> tuple[Work, Work]:
    dependence = Dependence(table, schedule)
    nodes = tuple(
        Node(
            node.inputs,
            node.flops_at(data.image_size) * _SECONDS_PER_FLOP
            + (elements * _SECONDS_PER_ELEMENT if node.flops else 0.0),
            elements * _BYTES_PER_ELEMENT,
        )
        for node in table.nodes
        for elements in (node.elements_at(data.image_size),)
    )
    works = []
    tried = 0 if data.views is None else data.train_images
    for trains, images, before in (
        (True, data.train_images, 0),
        (False, data.validation_images, tried),
    ):
        fixed = {
            names: dependence.fixed(names, training=trains)
            for names in {phase.open for phase in parts}
        }
        entries = partial(distinct_entries, images, data.views if trains else 1)
        again = checked(images, data.batch_size, before)
        by_phase = tuple(fixed[phase.open] for phase in parts)
        few = compared(data.batch_size)
        works.append(Work(nodes, by_phase, images, entries, trains, again, few))
    return works[TRAIN], works[VALIDATION]


def _held(plan: CachePlan, at: int) -> int:
    """Return bytes that are kept during a phase; what no later one needs is given back."""
    made = plan.pass_for(at)
    if made is None:
        return 0
    needed = [plan.needed(at, split) for split in (TRAIN, VALIDATION)]
    return sum(kept.bytes for kept in made.stored if kept.node in needed[kept.split])


def _first_after(table: LayerTable, done: frozenset[int]) -> str:
    """Path of the first module with parameters behind a cut; "" if nothing is cut off."""
    if not done:
        return ""
    behind = (node.module for at, node in enumerate(table.nodes) if at not in done)
    return next((path for path in behind if path in table.sizes), "the output")


def _why(works: tuple[Work, Work], spans: list[tuple[int, int]], data: Data) -> Why:
    if data.views is None:
        return "open-ended"
    if not any(cuts_of(works[TRAIN], at) for at in range(len(spans))):
        return "moving"
    boundless = plan_cache(works, spans, UNLIMITED)
    return "budget" if any(row[TRAIN].boundary for row in boundless.cuts) else "not worth it"
