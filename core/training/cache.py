"""The frozen-part cache: what no trainable parameter can change is computed once, not every epoch.

The planner (`core.design.cache_plan`) decides, from what a first batch has taken, which tensors to
store in which pass. Here each phase gets its route from stored rows to logits. It is exact or off:
a batch of the epoch's own order is compared bit for bit before stored rows are used, and a
`CacheDecision` tells what is done, and why.
"""

from __future__ import annotations

import shutil
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from core.design.cache_plan import UNLIMITED, Budget, CachePlan, Cut, cuts_of, plan_cache
from core.design.plan import Span
from core.design.spec import Schedule
from core.grouping import LayerGroups
from core.runs.events import CacheDecision, Forecast, Progress
from core.runs.settings import RunSettings
from core.training import frozen, passes, precision, survey
from core.training.data import Data, epoch_entries
from core.training.device import free_memory
from core.training.measure import measure
from core.training.models import Network
from core.training.passes import Store
from core.training.route import Route, difference, untouched, whole
from core.training.rows import NoRoomError
from core.training.survey import TRAIN, VALIDATION, Graphs, Measure, Model

_SHARE = 0.25
"""Share of the free memory, or disk, that stored tensors may take unless the settings say."""


@dataclass(frozen=True, slots=True)
class _Planned:
    """A plan, the phases that it is for, and why each trains on the whole network if it does."""

    plan: CachePlan
    spans: tuple[Span, ...]
    graphs: Graphs
    why_plain: tuple[str, ...]

    def phase(self, epoch: int) -> int:
        return next(at for at, (start, end) in enumerate(self.spans) if start <= epoch < end)


class FrozenCache:
    """The cache of one sitting; ask it for the route of each split as each phase begins."""

    def __init__(
        self,
        network: Network,
        layer_groups: LayerGroups,
        schedule: Schedule,
        data: Data,
        settings: RunSettings,
        device: torch.device,
        scratch: Path,
        take: Measure = measure,
    ) -> None:
        self._network = network
        self._model = Model(network.model, layer_groups, schedule)
        self._splits = (data.train, data.validation)
        self._settings = settings
        self._device = device
        self._scratch = scratch
        self._take = take
        self._stores: dict[int, Store] = {}
        self._planned: _Planned | None = None
        self._refused: dict[int, str] = {}

    def train_route(self, epoch: int) -> Iterator[Progress | Forecast | CacheDecision | Route]:
        """What happens as the phase of `epoch` begins; the last item is how to train in it.

        Leaves the model in train mode with the plan of `epoch` applied.
        """
        off = "switched off by --cache off" if self._settings.cache == "off" else ""
        if not off:
            try:
                yield from self._prepare(epoch)
            except frozen.UntraceableError as error:
                off = f"the model cannot be traced: {error}"
        if off:
            self._planned = None
            self._stores.clear()
        chosen = self.plain(TRAIN)
        if (planned := self._planned) is not None:
            at = planned.phase(epoch)
            self._drop_past(planned.plan, at)
            cut = planned.plan.cuts[at][TRAIN]
            off = planned.why_plain[at]
            if cut.boundary:
                chosen, off = yield from self._exact(TRAIN, epoch, self._training_order(epoch))
                if not off:
                    yield self._decision(planned, epoch, at, cut)
        if off:
            yield CacheDecision(epoch, False, off)
        self._model.enter(epoch)
        yield chosen

    def validation_route(self, epoch: int) -> Iterator[Progress | CacheDecision | Route]:
        """As `train_route`, for evaluation in the phase of `epoch`; ask for that one first.

        Leaves the model in eval mode. A decision comes only if the rows proved not to be exact.
        """
        chosen = self.plain(VALIDATION)
        planned = self._planned
        if planned and planned.plan.cuts[planned.phase(epoch)][VALIDATION].boundary:
            entries = torch.arange(len(self._splits[VALIDATION]))
            chosen, off = yield from self._exact(VALIDATION, epoch, entries)
            if off:
                yield CacheDecision(epoch, False, f"for validation, {off}")
        self._model.enter(epoch, training=False)
        yield chosen

    def plain(self, split: int) -> Route:
        """The route through the whole model."""
        return self._fast(whole(self._network, self._splits[split], self._device))

    def _training_order(self, epoch: int) -> Tensor:
        data = self._splits[TRAIN]
        return epoch_entries(data, self._settings.seed, epoch, self._model.schedule.epochs)

    def _fast(self, route: Route) -> Route:
        is_fast = self._settings.precision == "fast"
        return precision.fast(route, self._device) if is_fast else route

    def _prepare(self, epoch: int) -> Iterator[Forecast]:
        """Plan what is left of the run, unless the plan there is holds for this phase too."""
        graphs = self._model.trace(epoch)
        known = self._planned
        if known is not None and self._holds(known, graphs, epoch):
            self._planned = _Planned(known.plan, known.spans, graphs, known.why_plain)
            return
        self._stores.clear()
        self._refused.clear()
        spans = survey.spans_from(self._model.schedule, epoch)
        works = survey.works(
            self._model,
            graphs,
            spans,
            self._splits,
            self._settings.batch_size,
            (self.plain(TRAIN), self._training_order(epoch)[: survey.MEASURED]),
            self._take,
        )
        budget = self._budget()
        plan = plan_cache(works, spans, budget)
        boundless = plan_cache(works, spans, UNLIMITED)
        why_plain = tuple(
            self._why_plain(bool(cuts_of(works[TRAIN], at)), boundless.cuts[at][TRAIN], budget)
            for at in range(len(spans))
        )
        self._planned = _Planned(plan, spans, graphs, why_plain)
        yield _forecast(plan, spans)

    def _holds(self, planned: _Planned, graphs: Graphs, epoch: int) -> bool:
        """Whether the model still runs as planned, and what the plan cuts off is really fixed."""
        cuts = planned.plan.cuts[planned.phase(epoch)]
        fixed = self._model.fixed(graphs, epoch)
        return all(
            frozen.signature(now) == frozen.signature(then) and cut.nodes <= still
            for now, then, cut, still in zip(graphs, planned.graphs, cuts, fixed, strict=True)
        )

    def _budget(self) -> Budget:
        memory = int(free_memory(self._device) * _SHARE)
        disk = int(shutil.disk_usage(self._scratch).free * _SHARE)
        if self._settings.cache_memory is not None:
            memory = self._settings.cache_memory * 1_000_000
        if self._settings.cache_disk is not None:
            disk = self._settings.cache_disk * 1_000_000
        return Budget(memory, disk)

    def _why_plain(self, possible: bool, boundless: Cut, budget: Budget) -> str:
        if self._splits[TRAIN].augment == "random":
            return "open-ended augmentation shows other images in every epoch"
        if not possible:
            return "no layer lies before the first one that changes"
        if boundless.boundary:
            memory, disk = (f"{size / 1e6:,.0f} MB" for size in (budget.memory, budget.disk))
            return f"the stored tensors would take over {memory} of memory and {disk} of disk"
        return "a pass would cost more than it saves in the epochs that it serves"

    def _exact(
        self, split: int, epoch: int, entries: Tensor
    ) -> Generator[Progress, None, tuple[Route, str]]:
        """The cached route; if its bits are not those of the plain one, that, and the reason."""
        planned = self._planned
        assert planned is not None
        at = planned.phase(epoch)
        batch = self._settings.batch_size
        data = self._splits[split]
        few = passes.chunk_size(data.size or data.images.shape[-1], batch)
        tried = [entries[a:b] for a, b in survey.tried(len(entries), batch)]
        plain = self.plain(split)
        if split in self._refused:
            return plain, self._refused[split]
        for chunk in dict.fromkeys((few, batch)):
            try:
                yield from self._fill(planned, split, at, chunk)
            except NoRoomError as error:
                self._refused[split] = str(error)
                break
            self._model.enter(epoch, training=split == TRAIN)
            route = self._cached(planned, split, planned.plan.cuts[at][split])
            if self._settings.precision == "fast":
                return route, ""  # it is not exact, and the audit says by how much
            self._refused[split] = difference(route, plain, self._network.model, tried)
            if not self._refused[split]:
                del self._refused[split]
                return route, ""
            del route, self._stores[split]
        return plain, self._refused[split]

    def _drop_past(self, plan: CachePlan, at: int) -> None:
        """Drop the rows of other passes than this phase's, and those that nothing needs now.

        So what is stored when a phase begins is its own, for either split.
        """
        made = next((each for each in plan.passes if each.first <= at <= each.last), None)
        self._stores = {split: kept for split, kept in self._stores.items() if kept.made == made}
        for split, store in self._stores.items():
            store.forget(plan.needed(at, split))

    def _fill(self, planned: _Planned, split: int, at: int, chunk: int) -> Iterator[Progress]:
        """The pass over a split that serves this phase, unless it has been made."""
        plan, spans, graphs = planned.plan, planned.spans, planned.graphs
        made = plan.pass_for(at)
        assert made is not None
        if split in self._stores:
            return
        needed = plan.needed(at, split)
        places = {each.node: each.place for each in made.stored if each.split == split}
        nodes = {node: place for node, place in places.items() if node in needed}
        names = survey.names_of(graphs[split])
        self._model.enter(spans[at][0], training=split == TRAIN)
        part = frozen.prefix(self._network.model, graphs[split], [names[n] for n in nodes])
        if self._settings.precision == "fast":
            part = precision.fold(part)
        source = whole(self._network, self._splits[split], self._device).source
        route = self._fast(Route(source, part))
        entries = self._seen(split, spans[at][0], spans[made.last][1])
        with untouched(self._network.model):
            for item in passes.fill(route, made, nodes, entries, chunk, self._scratch):
                if isinstance(item, Store):
                    self._stores[split] = item
                else:
                    yield item

    def _seen(self, split: int, start: int, end: int) -> Tensor:
        """The entries that the epochs [start, end) see of a split, each once, in rising order."""
        data = self._splits[split]
        seen = torch.zeros(len(data) * data.views, dtype=torch.bool)
        if data.views == 1:
            seen[:] = True
        else:
            for epoch in range(start, end):
                seen[self._training_order(epoch)] = True
        return seen.nonzero().squeeze(1)

    def _cached(self, planned: _Planned, split: int, cut: Cut) -> Route:
        graph, store = planned.graphs[split], self._stores[split]
        names = survey.names_of(graph)
        done = frozenset(names[place] for place in cut.nodes)
        boundary = tuple(names[place] for place in cut.boundary)
        rest = frozen.suffix(self._network.model, graph, done, boundary)
        return self._fast(Route(lambda entries: store.read(cut.boundary, entries), rest))

    def _decision(self, planned: _Planned, epoch: int, at: int, cut: Cut) -> CacheDecision:
        plan, spans, graph = planned.plan, planned.spans, planned.graphs[TRAIN]
        made = plan.pass_for(at)
        assert made is not None
        names = survey.names_of(graph)
        done = frozenset(names[place] for place in cut.nodes)
        first = frozen.first_after(graph, self._network.model, done)
        began, last = spans[made.first][0], spans[made.last][1] - 1
        when = f"once, for epochs {began} to {last}" if made.first == at else f"in epoch {began}"
        return CacheDecision(
            epoch=epoch,
            on=True,
            reason=f"the layers before {first} ran {when}",
            bytes=made.held("memory"),
            disk=made.held("file"),
            saves=1.0 - plan.own_seconds(at) / plan.plain_seconds[at],
        )


def _forecast(plan: CachePlan, spans: tuple[Span, ...]) -> Forecast:
    """The plan's seconds, epoch by epoch; a pass counts in the first epoch of its phase."""
    epochs: list[float] = []
    for at, (start, end) in enumerate(spans):
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
