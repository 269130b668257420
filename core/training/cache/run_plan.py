"""The cache plan for the rest of a run, by the time that a first batch takes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, fx, nn

from core.cache_plan.planner import (
    TRAIN,
    UNLIMITED,
    VALIDATION,
    CacheBudget,
    CachePlan,
    plan_cache,
    why_plain,
)
from core.cache_plan.split_points import Work, works_of
from core.files import usage
from core.freezing import apply_plan
from core.grouping import LayerGroups
from core.runs.events import Forecast
from core.runs.settings import FREE_SHARE, VIEWS, RunSettings, cache_budget
from core.schedule.plan import Span, phases
from core.schedule.spec import Schedule
from core.training.cache import profile
from core.training.cache.forward_path import ForwardPath, untouched
from core.training.cache.graph import fixed_nodes, moving, signature, unstorable
from core.training.cache.tracing import trace
from core.training.data import Split
from core.training.device import free_memory
from core.training.distributed import Ranks
from core.training.shards import Shards

Graphs = tuple[fx.Graph, fx.Graph]
"""The forward pass in train mode, for training, and in eval mode, for validation."""

_WHY_PLAIN = {
    "open-ended": "open-ended augmentation shows new images in every epoch",
    "moving": "no layer lies before the first one that changes",
    "not worth it": "a pass would cost more than it saves in the epochs that it serves",
}
_OVERWRITTEN = "later layers write into what the frozen ones make"


@dataclass(frozen=True, slots=True)
class ScheduledModel:
    """A network, its groups, and the schedule that freezes and thaws them."""

    network: nn.Module
    layer_groups: LayerGroups
    schedule: Schedule

    def enter(self, epoch: int, *, training: bool = True) -> None:
        """Put the network into the state of that epoch, in train or in eval mode."""
        self.network.train(training)
        apply_plan(self.layer_groups, self.schedule, epoch, training=training)

    def trace(self, epoch: int, images: Tensor) -> Graphs:
        """Return the graphs of the network as it is in that epoch, traced on these images.

        The network is afterwards in train mode. Raises UntraceableError.
        """
        with untouched(self.network):  # a forward pass may update buffers or draw random numbers
            self.enter(epoch, training=False)
            with torch.no_grad():
                validation = trace(self.network, images)
            self.enter(epoch)
            return trace(self.network, images), validation

    def fixed(self, graphs: Graphs, epoch: int) -> list[frozenset[int]]:
        """Return the nodes of each graph that do not change in the phase of that epoch.

        What changes is judged in train mode, since evaluation changes nothing.
        """
        self.enter(epoch)
        changing = moving(self.network, graphs)
        return [fixed_nodes(graph, self.network, changing) for graph in graphs]


@dataclass(frozen=True, slots=True)
class RunPlan:
    """A cache plan with the epochs [start, end) of its phases.

    `why_plain` says why a phase trains on the whole network; it is empty for one that does not.
    """

    plan: CachePlan
    spans: tuple[Span, ...]
    graphs: Graphs
    why_plain: tuple[str, ...]

    def phase(self, epoch: int) -> int:
        """Return the index of the phase with this epoch."""
        return next(at for at, (start, end) in enumerate(self.spans) if start <= epoch < end)

    def holds(self, model: ScheduledModel, graphs: Graphs, epoch: int) -> bool:
        """Return whether the graphs are still those planned for, and nodes before cuts fixed."""
        cuts = self.plan.cuts[self.phase(epoch)]
        fixed = model.fixed(graphs, epoch)
        return all(
            signature(now) == signature(then)
            and cut.nodes <= still
            and cut.nodes.isdisjoint(unstorable(now) - unstorable(then))
            for now, then, cut, still in zip(graphs, self.graphs, cuts, fixed, strict=True)
        )

    def forecast(self) -> Forecast:
        """Return the predicted seconds by epoch, and the most bytes that are stored."""
        plan = self.plan
        return Forecast(
            epochs=plan.seconds_by_epoch(self.spans),
            seconds=sum(plan.seconds),
            plain_seconds=sum(plan.plain_seconds),
            memory=plan.most_bytes_in("memory"),
            disk=plan.most_bytes_in("file"),
        )


def free_budget(
    settings: RunSettings, device: torch.device, scratch: Path, ranks: Ranks
) -> CacheBudget:
    """Return the bytes for stored tensors of a process: the settings' or a share of what is free.

    It is the same for all processes; those of one machine share its memory and disk.
    """
    free = free_memory(device), usage.free_disk(scratch)
    total = cache_budget(settings, *(int(size * FREE_SHARE) for size in free))
    sharing = ranks.local_size if device.type == "cpu" else 1  # each has a GPU of its own
    own = total.memory // sharing, total.disk // ranks.local_size
    return CacheBudget(*map(min, zip(*ranks.all_gather(own), strict=True)))


@dataclass(frozen=True, slots=True)
class OwnImages:
    """The images that this process works on: its shards of both splits."""

    splits: tuple[Split, Split]
    shards: Shards
    ranks: Ranks


def make_plan(
    model: ScheduledModel,
    graphs: Graphs,
    epoch: int,
    own: OwnImages,
    budget: CacheBudget,
    path: ForwardPath,
    entries: Tensor,
) -> RunPlan:
    """Plan the epochs from `epoch` on, by the time that these entries take through the path.

    All processes plan by the times of the first, and so alike.

    The network is afterwards in the state of that epoch, in train mode.
    """
    spans = tuple(
        (max(phase.start, epoch), phase.end)
        for phase in phases(model.schedule)
        if phase.end > epoch
    )
    model.enter(epoch)
    costs = profile.profile_nodes(model.network, graphs[TRAIN], path, entries)
    costs = own.ranks.broadcast(costs)
    fixed = [model.fixed(graphs, start) for start, _ in spans]
    model.enter(epoch)
    train = own.splits[TRAIN]
    works = works_of(
        (costs, profile.same_costs(costs, *graphs)),
        [tuple(of_phase[split] for of_phase in fixed) for split in (TRAIN, VALIDATION)],
        [own.shards.images(len(split)) for split in own.splits],
        VIEWS[train.augment],
        own.shards.micro_batch_size,
    )
    plan = plan_cache(works, spans, budget)
    plain = [not cuts[TRAIN].boundary for cuts in plan.cuts]
    unlimited = plan_cache(works, spans, UNLIMITED) if any(plain) else plan
    never = unstorable(graphs[TRAIN]) - {0}  # but for the images
    reasons = tuple(
        _reason(works[TRAIN], at, unlimited, budget, never) if is_plain else ""
        for at, is_plain in enumerate(plain)
    )
    return RunPlan(plan, spans, graphs, reasons)


def _reason(
    work: Work, phase: int, unlimited: CachePlan, budget: CacheBudget, never: frozenset[int]
) -> str:
    """Return in words why a phase trains on the whole network.

    `never` are the nodes that cannot be stored.
    """
    why = why_plain(work, phase, unlimited)
    if why == "moving" and work.fixed[phase] & never:
        return _OVERWRITTEN
    if why == "budget":
        memory, disk = (f"{size / 1e6:,.0f} MB" for size in (budget.memory, budget.disk))
        return f"the stored tensors would take over {memory} of memory and {disk} of disk"
    return _WHY_PLAIN[why]
