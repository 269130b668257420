"""The share of a run that the frozen-part cache will save, estimated from FLOPs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.cache_plan.dependence import Dependence
from core.cache_plan.planner import (
    TRAIN,
    UNLIMITED,
    VALIDATION,
    CacheBudget,
    CachePlan,
    WhyPlain,
    plan_cache,
    why_plain,
)
from core.cache_plan.split_points import BACKWARD, ForwardCosts, Work, epoch_seconds, works_of
from core.models.layer_table import LayerTable
from core.schedule.plan import Span, phases
from core.schedule.spec import Schedule

WhyUncached = Literal["", "untraceable", WhyPlain]
"""The reason why no phase trains from stored tensors; untraceable: the forward pass is unknown."""

_SECONDS_PER_FLOP = 1 / 100e9
"""Those of a few cores. Shares depend on it only through the time that it takes to read rows."""
_SECONDS_PER_ELEMENT = 8 / 10e9
"""Seconds to write a float32 and to read it again, at 10 GB/s."""
_BYTES_PER_ELEMENT = 4


@dataclass(frozen=True, slots=True)
class DataSize:
    """The images of an epoch. `views` is how many an image has; None: a new one in every epoch."""

    image_size: int
    train_images: int
    validation_images: int
    batch_size: int
    views: int | None = 1


@dataclass(frozen=True, slots=True)
class PhaseSavings:
    """The cost of one epoch of the phase [start, end), as a share of one in which all groups train.

    `plain` is the cost without the cache, `cached` that with it; neither counts precompute passes.
    `before` is the path of the first module that still runs; "" for the whole network. `bytes` are
    those stored for this phase and later ones of its pass.
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
    """The share of the whole run that the cache saves, precompute passes included, in [0, 1).

    If there is a `why`, no phase trains from stored tensors, and only validation may save time.
    `precompute_passes` are the epochs at whose start a pass is run, `memory` and `disk` the most
    bytes that are stored at any moment.
    """

    saved: float
    phases: tuple[PhaseSavings, ...]
    precompute_passes: tuple[int, ...] = ()
    memory: int = 0
    disk: int = 0
    why: WhyUncached = ""


def savings(table: LayerTable, schedule: Schedule, data: DataSize, budget: CacheBudget) -> Savings:
    """Return what the cache saves in a run of the schedule, by the planner that runs use.

    A run plans with measured seconds. So its shares differ from these, and so do cuts that are
    hardly worth their passes.
    """
    if not table.nodes:
        return Savings(0.0, (), why="untraceable")
    works, spans = _works(table, schedule, data)
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
        precompute_passes=tuple(
            spans[precompute.first][0] for precompute in plan.precompute_passes
        ),
        memory=plan.most_bytes_in("memory"),
        disk=plan.most_bytes_in("file"),
        why="" if any(phase.before for phase in savings_of) else _why(works, spans),
    )


@dataclass(frozen=True, slots=True)
class PlannedEpochs:
    """The cost of each epoch, passes included, and the most bytes that are stored at any moment.

    Costs are seconds of an assumed machine: only what is made of their ratios holds on another.
    """

    costs: tuple[float, ...]
    memory: int = 0
    disk: int = 0


def planned_epochs(
    table: LayerTable, schedule: Schedule, data: DataSize, budget: CacheBudget
) -> PlannedEpochs:
    """Return the cost of each epoch of a run, by the planner that runs use.

    Where the table has no nodes, an epoch costs what its images do, whatever trains.
    """
    if not table.nodes:
        images = (1.0 + BACKWARD) * data.train_images + data.validation_images
        return PlannedEpochs((images * data.image_size**2,) * schedule.epochs)
    works, spans = _works(table, schedule, data)
    plan = plan_cache(works, spans, budget)
    stored = (plan.most_bytes_in("memory"), plan.most_bytes_in("file"))
    return PlannedEpochs(plan.seconds_by_epoch(spans), *stored)


def _works(
    table: LayerTable, schedule: Schedule, data: DataSize
) -> tuple[tuple[Work, Work], list[Span]]:
    """Return the works of both splits, and the epochs [start, end) of each phase."""
    every_phase = phases(schedule)
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
        tuple(dependence.fixed(phase.training, training=training) for phase in every_phase)
        for training in (True, False)
    ]
    images = data.train_images, data.validation_images
    works = works_of((costs, costs), fixed, images, data.views, data.batch_size)
    return works, [(phase.start, phase.end) for phase in every_phase]


def _bytes_stored(plan: CachePlan, at: int) -> int:
    """Return the bytes stored for a phase and later ones of its pass; 0 if it uses none of them."""
    precompute = plan.precompute_pass(at)
    if precompute is None or not any(cut.boundary for cut in plan.cuts[at]):
        return 0
    needed = [plan.needed(at, split) for split in (TRAIN, VALIDATION)]
    return sum(tensor.bytes for tensor in precompute.stored if tensor.node in needed[tensor.split])


def _first_after(table: LayerTable, before: frozenset[int]) -> str:
    """Return the path of the first module with parameters behind a cut; "" if there is no cut."""
    if not before:
        return ""
    behind = (node.module for at, node in enumerate(table.nodes) if at not in before)
    return next((path for path in behind if path in table.sizes), "the output")


def _why(works: tuple[Work, Work], spans: list[tuple[int, int]]) -> WhyUncached:
    unlimited = plan_cache(works, spans, UNLIMITED)
    reasons = {why_plain(works[TRAIN], at, unlimited) for at in range(len(spans))}
    order: tuple[WhyPlain, ...] = ("open-ended", "budget", "not worth it", "moving")
    return next(why for why in order if why in reasons)
