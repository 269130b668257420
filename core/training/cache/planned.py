"""The plan of the frozen-part cache for what is left of a run, and what it promises."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from core.cache_plan.planner import TRAIN, UNLIMITED, Budget, CachePlan, plan_cache
from core.cache_plan.split_points import Work, cuts_of
from core.files import usage
from core.runs.events import Forecast
from core.runs.settings import FREE_SHARE, RunSettings, cache_budget
from core.schedule.plan import Span
from core.training.cache import graph, profile
from core.training.cache.forward_path import Route
from core.training.cache.measure import measure
from core.training.cache.profile import Graphs, Measure, Model
from core.training.data import Split
from core.training.device import free_memory


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, the phases that it is for, and why each trains on the whole network if it does."""

    plan: CachePlan
    spans: tuple[Span, ...]
    graphs: Graphs
    why_plain: tuple[str, ...]

    def phase(self, epoch: int) -> int:
        """Return the place of the phase that has this epoch."""
        return next(at for at, (start, end) in enumerate(self.spans) if start <= epoch < end)

    def holds(self, model: Model, graphs: Graphs, epoch: int) -> bool:
        """Whether the model still runs as planned, and what the plan cuts off is really fixed."""
        cuts = self.plan.cuts[self.phase(epoch)]
        fixed = model.fixed(graphs, epoch)
        return all(
            graph.signature(now) == graph.signature(then)
            and cut.nodes <= still
            and cut.nodes.isdisjoint(profile.places(now, graph.lost(now) - graph.lost(then)))
            for now, then, cut, still in zip(graphs, self.graphs, cuts, fixed, strict=True)
        )

    def forecast(self) -> Forecast:
        """The plan's seconds, epoch by epoch; a pass counts in the first epoch of its phase."""
        plan = self.plan
        epochs: list[float] = []
        for at, (start, end) in enumerate(self.spans):
            made = plan.pass_at(at)
            once = made.seconds if made else 0.0
            each = plan.own_seconds(at) / (end - start)
            epochs += [each + once, *[each] * (end - start - 1)]
        return Forecast(
            epochs=tuple(epochs),
            seconds=sum(plan.seconds),
            plain_seconds=sum(plan.plain_seconds),
            memory=max((made.held("memory") for made in plan.passes), default=0),
            disk=max((made.held("file") for made in plan.passes), default=0),
        )


def available(settings: RunSettings, device: torch.device, scratch: Path) -> Budget:
    """Return what stored tensors may take: what the settings say, else a share of what is free."""
    free = free_memory(device), usage.free(scratch)
    memory, disk = (int(count * FREE_SHARE) for count in free)
    return cache_budget(settings, memory, disk)


def make_plan(
    model: Model,
    graphs: Graphs,
    epoch: int,
    splits: tuple[Split, Split],
    settings: RunSettings,
    budget: Budget,
    timed: tuple[Route, Tensor],
    take: Measure = measure,
) -> Planned:
    """Plan the epochs from `epoch` on, by costs that `take` measures on `timed`.

    Leaves the network as in that epoch.
    """
    spans = profile.spans_from(model.schedule, epoch)
    works = profile.works(model, graphs, spans, splits, settings.batch_size, timed, take)
    plan = plan_cache(works, spans, budget)
    plain = {at for at, cuts in enumerate(plan.cuts) if not cuts[TRAIN].boundary}
    boundless = plan_cache(works, spans, UNLIMITED) if plain else plan
    lost = profile.places(graphs[TRAIN], graph.lost(graphs[TRAIN])) - {0}  # but for the images
    why_plain = tuple(
        _why_plain(works[TRAIN], at, boundless, budget, splits[TRAIN], lost) if at in plain else ""
        for at in range(len(spans))
    )
    return Planned(plan, spans, graphs, why_plain)


def _why_plain(
    work: Work,
    at: int,
    boundless: CachePlan,
    budget: Budget,
    split: Split,
    lost: frozenset[int],
) -> str:
    """Why a phase trains on the whole network, where `boundless` is the plan with all the room."""
    if split.augment == "random":
        return "open-ended augmentation shows new images in every epoch"
    if not cuts_of(work, at):
        if work.fixed[at] & lost:
            return "later layers write into what the frozen ones make"
        return "no layer lies before the first one that changes"
    if boundless.cuts[at][TRAIN].boundary:
        memory, disk = (f"{size / 1e6:,.0f} MB" for size in (budget.memory, budget.disk))
        return f"the stored tensors would take over {memory} of memory and {disk} of disk"
    return "a pass would cost more than it saves in the epochs that it serves"
