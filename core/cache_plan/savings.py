"""What the frozen-part cache will save of a run, estimated from FLOPs before it begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.cache_plan.dependence import Dependence
from core.cache_plan.planner import (
    TRAIN,
    UNLIMITED,
    VALIDATION,
    Budget,
    CachePlan,
    WhyPlain,
    plan_cache,
    why_plain,
)
from core.cache_plan.split_points import ForwardCosts, Work, epoch_seconds, works_of
from core.models.layer_table import LayerTable
from core.schedule.plan import Phase, phases
from core.schedule.spec import Schedule

Why = Literal["", "untraceable", WhyPlain]
"""Why no phase trains from stored tensors; "untraceable": the forward pass is not known."""

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
    module ("" where it runs the whole network), and `bytes` are stored for it and later phases.
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

    With a `why` it is for validation alone, if for anything. `passes` are the epochs at whose start
    a pass is run, `memory` and `disk` the most bytes that are stored at any moment.
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
    whole = sum(epoch_seconds(work, frozenset()) for work in works)
    savings_of = tuple(
        PhaseSavings(
            start,
            end,
            plan.plain_seconds[at] / (end - start) / whole,
            plan.own_seconds(at) / (end - start) / whole,
            _first_after(table, plan.cuts[at][TRAIN].nodes),
            _bytes_stored(plan, at),
        )
        for at, (start, end) in enumerate(spans)
    )
    return Savings(
        saved=plan.saved / sum(plan.plain_seconds),
        phases=savings_of,
        passes=tuple(spans[each.first][0] for each in plan.passes),
        memory=max((each.bytes_in("memory") for each in plan.passes), default=0),
        disk=max((each.bytes_in("file") for each in plan.passes), default=0),
        why="" if any(phase.before for phase in savings_of) else _why(works, spans),
    )


def _works(
    table: LayerTable, schedule: Schedule, data: Data, parts: tuple[Phase, ...]
) -> tuple[Work, Work]:
    elements = [node.elements_at(data.image_size) for node in table.nodes]
    costs = ForwardCosts(
        inputs=tuple(node.inputs for node in table.nodes),
        seconds=tuple(
            node.flops_at(data.image_size) * _SECONDS_PER_FLOP
            + (count * _SECONDS_PER_ELEMENT if node.flops else 0.0)
            for node, count in zip(table.nodes, elements, strict=True)
        ),
        bytes=tuple(count * _BYTES_PER_ELEMENT for count in elements),
    )
    dependence = Dependence(table, schedule)
    fixed = [
        tuple(dependence.fixed(phase.open, training=training) for phase in parts)
        for training in (True, False)
    ]
    images = data.train_images, data.validation_images
    return works_of((costs, costs), fixed, images, data.views, data.batch_size)


def _bytes_stored(plan: CachePlan, at: int) -> int:
    """Return bytes that a phase and later ones of its pass need; 0 if it starts from none."""
    pass_ = plan.pass_for(at)
    if pass_ is None or not any(cut.boundary for cut in plan.cuts[at]):
        return 0
    needed = [plan.needed(at, split) for split in (TRAIN, VALIDATION)]
    return sum(each.bytes for each in pass_.stored if each.node in needed[each.split])


def _first_after(table: LayerTable, before: frozenset[int]) -> str:
    """Return the path of the first module with parameters behind a cut; "" if nothing is cut."""
    if not before:
        return ""
    behind = (node.module for at, node in enumerate(table.nodes) if at not in before)
    return next((path for path in behind if path in table.sizes), "the output")


def _why(works: tuple[Work, Work], spans: list[tuple[int, int]]) -> Why:
    unlimited = plan_cache(works, spans, UNLIMITED)
    reasons = {why_plain(works[TRAIN], at, unlimited) for at in range(len(spans))}
    order: tuple[WhyPlain, ...] = ("open-ended", "budget", "not worth it", "moving")
    return next(why for why in order if why in reasons)
