"""The frozen-part cache: what no trainable parameter can change is computed once, not every epoch.

The planner (`core.cache_plan.planner`) decides, from what a first batch has taken, which tensors to
store in which pass. Here each phase gets its route from stored rows to logits. It is exact or off:
whole batches of the epoch's own order are compared bit for bit when rows are stored, the few images
of a probe before each phase that uses them, and a `CacheDecision` tells what is done, and why.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor
from torch.fx import GraphModule

from core.cache_plan.planner import TRAIN, VALIDATION, CachePlan
from core.cache_plan.split_points import Cut
from core.grouping import LayerGroups
from core.runs.events import CacheDecision, Forecast, Progress
from core.runs.settings import RunSettings
from core.schedule import batches
from core.schedule.batches import chunk_size
from core.schedule.spec import Schedule
from core.training import precision
from core.training.cache import exactness, pooling, precompute, profile
from core.training.cache import graph as frozen
from core.training.cache.forward_path import Route, Source, untouched, whole
from core.training.cache.measure import measure
from core.training.cache.planned import Planned, available, make_plan
from core.training.cache.precompute import Store
from core.training.cache.profile import Measure, Model
from core.training.cache.tensor_store import NoRoomError
from core.training.cache.tracing import UntraceableError
from core.training.data import Data, epoch_entries
from core.training.models import Network


class FrozenCache:
    """The cache of one session; ask it for the route of each split as each phase begins."""

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
        self._planned: Planned | None = None
        self._refused: dict[int, str] = {}
        self._proved: set[tuple[object, ...]] = set()

    def train_route(self, epoch: int) -> Iterator[Progress | Forecast | CacheDecision | Route]:
        """Yield what happens as the phase of `epoch` begins; the last item is how to train in it.

        Leaves the model in train mode with the plan of `epoch` applied.
        """
        off = "--cache is off" if self._settings.cache == "off" else ""
        if not off:
            try:
                yield from self._prepare(epoch)
            except UntraceableError as error:
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
        """Return the route through the whole model."""
        return self._fast(whole(self._network, self._splits[split], self._device))

    def _training_order(self, epoch: int) -> Tensor:
        data = self._splits[TRAIN]
        return epoch_entries(data, self._settings.seed, epoch, self._model.schedule.epochs)

    def _fast(self, route: Route) -> Route:
        is_fast = self._settings.precision == "fast"
        return precision.fast(route, self._device) if is_fast else route

    def _prepare(self, epoch: int) -> Iterator[Forecast]:
        """Plan what is left of the run, unless the plan there is holds for this phase too."""
        plain = self.plain(TRAIN)
        count = profile.timed(self._device, self._settings.batch_size)
        order = self._training_order(epoch)[:count]
        is_fast = self._settings.precision == "fast"
        with precision.autocast(self._device) if is_fast else nullcontext():
            (images,) = plain.source(order[: profile.TRACED])
            graphs = self._model.trace(epoch, images)
            known = self._planned
            if known is not None and known.holds(self._model, graphs, epoch):
                self._planned = replace(known, graphs=graphs)
                return
            self._stores.clear()
            self._refused.clear()
            self._proved.clear()
            self._planned = make_plan(
                self._model,
                graphs,
                epoch,
                self._splits,
                self._settings,
                available(self._settings, self._device, self._scratch),
                (plain, order),
                self._take,
            )
        yield self._planned.forecast()

    def _exact(
        self, split: int, epoch: int, entries: Tensor
    ) -> Generator[Progress, None, tuple[Route, str]]:
        """The cached route; if its bits are not those of the plain one, that, and the reason."""
        planned = self._planned
        assert planned is not None
        if split in self._refused:
            return self.plain(split), self._refused[split]
        at, batch = planned.phase(epoch), self._settings.batch_size
        few = chunk_size(self._splits[split].side, batch)
        why = ""
        for chunk in dict.fromkeys((few, batch)):
            try:
                why = yield from self._fill(planned, split, at, chunk, entries)
            except NoRoomError as error:
                why = str(error)
                break
            if not why:
                self._model.enter(epoch, training=split == TRAIN)
                cut, store = planned.plan.cuts[at][split], self._stores[split]
                why = self._differs(planned, split, cut, store)
                if not why:
                    return self._cached(planned, split, cut, store), ""
                del store
            del self._stores[split]
        self._refused[split] = why
        return self.plain(split), why

    def _differs(self, planned: Planned, split: int, cut: Cut, store: Store) -> str:
        """Why a phase cannot start from this cut, judged by the few images of the store's probe."""
        if store.probe is None:
            return ""  # fast precision is not exact, and the audit says by how much
        few = self._cached(planned, split, cut, store.probe)
        plain, model = self.plain(split), self._network.model
        return exactness.difference(few, plain, model, [store.probe.entries])

    def _drop_past(self, plan: CachePlan, at: int) -> None:
        """Drop the rows of other passes than this phase's, and those that nothing needs now.

        So what is stored when a phase begins is its own, for either split.
        """
        made = next((each for each in plan.passes if each.first <= at <= each.last), None)
        self._stores = {split: kept for split, kept in self._stores.items() if kept.made == made}
        for split, store in self._stores.items():
            store.forget(plan.needed(at, split))

    def _fill(
        self, planned: Planned, split: int, at: int, chunk: int, tried: Tensor
    ) -> Generator[Progress, None, str]:
        """Yield the pass over a split that serves this phase, unless it has been made.

        Returns why its rows are not exact, judged by whole batches of the entries `tried`.
        """
        if split in self._stores:
            return ""
        plan, spans, graphs = planned.plan, planned.spans, planned.graphs
        made = plan.pass_for(at)
        assert made is not None
        needed = plan.needed(at, split)
        places = {each.node: each.place for each in made.stored if each.split == split}
        nodes = {node: place for node, place in places.items() if node in needed}
        names = profile.names_of(graphs[split])
        self._model.enter(spans[at][0], training=split == TRAIN)
        part = frozen.prefix(self._network.model, graphs[split], [names[n] for n in nodes])
        is_fast = self._settings.precision == "fast"
        source = whole(self._network, self._splits[split], self._device).source
        if is_fast:
            route = self._fast(Route(source, precision.fold(part)))
        else:
            route = Route(source, pooling.quick(part) if self._device.type == "cpu" else part)
        entries = self._seen(split, spans[at][0], spans[made.last][1])
        with untouched(self._network.model):
            for item in precompute.fill(route, made, nodes, entries, chunk, self._scratch):
                if isinstance(item, Store):
                    self._stores[split] = item
                else:
                    yield item
            if is_fast:
                return ""
            batch = self._settings.batch_size
            few = tried[: batches.compared(batch)].sort().values
            store = self._stores[split]
            store.probe = precompute.probe(route, made, nodes, few)
            compared = [tried[start:end] for start, end in batches.tried(len(tried), batch)]
            return self._rows_differ(source, part, store, compared)

    def _rows_differ(
        self, source: Source, part: GraphModule, store: Store, compared: Sequence[Tensor]
    ) -> str:
        """Return why rows are not what the part makes, judged by these batches of entries.

        A size of batch that the same pass was proved for on the other split is not tried again, if
        the arithmetic is the same: kernels are chosen by sizes, and not by what the images show.
        """
        known = store.made, store.chunk, exactness.arithmetic(part)
        new = [entries for entries in compared if (*known, len(entries)) not in self._proved]
        why = exactness.rows_differ(Route(source, part), store, new)
        if not why:
            self._proved.update((*known, len(entries)) for entries in new)
        return why

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

    def _cached(self, planned: Planned, split: int, cut: Cut, store: Store) -> Route:
        graph = planned.graphs[split]
        names = profile.names_of(graph)
        done = frozenset(names[place] for place in cut.nodes)
        boundary = tuple(names[place] for place in cut.boundary)
        rest = frozen.suffix(self._network.model, graph, done, boundary)
        return self._fast(Route(lambda entries: store.read(cut.boundary, entries), rest))

    def _decision(self, planned: Planned, epoch: int, at: int, cut: Cut) -> CacheDecision:
        plan, spans, graph = planned.plan, planned.spans, planned.graphs[TRAIN]
        made = plan.pass_for(at)
        assert made is not None
        names = profile.names_of(graph)
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
