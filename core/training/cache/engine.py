"""The frozen-part cache: what no trainable parameter can change is computed once, not every epoch.

The planner (`core.cache_plan.planner`) decides, by the time that a first batch takes, which tensors
to store in which pass. Here each phase gets its path from stored rows to logits. The cache is exact
or off: stored rows are compared bit for bit with whole batches in the epoch's order, and a probe of
a few images is compared before each phase. A `CacheDecision` says what is done, and why.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace

import torch
from torch import Tensor
from torch.fx import GraphModule

from core.cache_plan.planner import TRAIN, VALIDATION
from core.cache_plan.split_points import Cut
from core.grouping import LayerGroups
from core.runs.events import CacheDecision, Forecast, Progress
from core.schedule.batches import chunk_size, images_to_compare
from core.training import numerics
from core.training.cache import exactness, precompute
from core.training.cache.forward_path import ForwardPath, untouched, whole_model
from core.training.cache.graph import first_after, prefix, suffix
from core.training.cache.precompute import Store
from core.training.cache.profile import timed_images
from core.training.cache.run_plan import OwnImages, RunPlan, ScheduledModel, free_budget, make_plan
from core.training.cache.tensor_store import NoRoomError
from core.training.cache.tracing import UntraceableError
from core.training.data import Data
from core.training.job import Job
from core.training.models import Network
from core.training.numerics import Arithmetic
from core.training.shards import Shards

_TRACED_IMAGES = 2
"""A trace watches which nodes share memory, which does not depend on the number of images."""


class FrozenCache:
    """The cache of one session; ask it for the path of each split as each phase begins."""

    def __init__(
        self,
        network: Network,
        layer_groups: LayerGroups,
        job: Job,
        data: Data,
        shards: Shards,
        arithmetic: Arithmetic,
    ) -> None:
        self._network = network
        self._model = ScheduledModel(network.model, layer_groups, job.schedule)
        self._splits = (data.train, data.validation)
        self._settings = job.settings
        self._ranks = job.ranks
        self._shards = shards
        self._arithmetic = arithmetic
        self._device = arithmetic.device
        self._scratch = job.scratch
        self._run_plan: RunPlan | None = None
        self._stores: dict[int, Store] = {}
        self._refused: dict[int, str] = {}
        self._checked: set[tuple[object, ...]] = set()

    def training_path(
        self, epoch: int
    ) -> Iterator[Progress | Forecast | CacheDecision | ForwardPath]:
        """Yield events as the phase of `epoch` begins, and as the last item its path for training.

        The model is then in train mode, frozen as planned for `epoch`.
        """
        off = "--cache is off" if self._settings.cache == "off" else ""
        if not off:
            try:
                yield from self._prepare(epoch)
            except UntraceableError as error:
                off = f"the model cannot be traced: {error}"
        if off:
            self._run_plan = None
            self._stores.clear()
        path = self.plain(TRAIN)
        if (run_plan := self._run_plan) is not None:
            phase = run_plan.phase(epoch)
            self._drop_unneeded(run_plan, phase)
            off = run_plan.why_plain[phase]
            if not off:
                order = self._training_order(epoch)
                path, off = yield from self._agreed_path(run_plan, TRAIN, epoch, order)
            if not off:
                yield self._decision(run_plan, epoch)
        if off:
            yield CacheDecision(epoch, False, off)
        self._model.enter(epoch)
        yield path

    def validation_path(self, epoch: int) -> Iterator[Progress | CacheDecision | ForwardPath]:
        """Yield events before evaluation in the phase of `epoch`, and as the last item its path.

        Call `training_path` first. The model is then in eval mode. There is a decision only if the
        stored rows turn out not to be exact.
        """
        path = self.plain(VALIDATION)
        run_plan = self._run_plan
        if run_plan and run_plan.plan.cuts[run_plan.phase(epoch)][VALIDATION].boundary:
            order = self._shards.in_order(len(self._splits[VALIDATION]))
            path, off = yield from self._agreed_path(run_plan, VALIDATION, epoch, order)
            if off:
                yield CacheDecision(epoch, False, f"for validation, {off}")
        self._model.enter(epoch, training=False)
        yield path

    def plain(self, split: int) -> ForwardPath:
        """Return the path of a split through the whole model."""
        channels_last = self._arithmetic.channels_last
        path = whole_model(
            self._network, self._splits[split], self._device, channels_last=channels_last
        )
        return replace(path, network=self._arithmetic.applied_to(path.network))

    def _training_order(self, epoch: int) -> list[Tensor]:
        """Return this process's micro-batches of the epoch, in order."""
        batches = self._shards.training(
            self._splits[TRAIN], self._settings.seed, epoch, self._model.schedule.epochs
        )
        return [entries for batch in batches for entries in batch.micro_batches]

    def _prepare(self, epoch: int) -> Iterator[Forecast]:
        """Plan the rest of the run, unless the present plan still holds in this phase."""
        plain = self.plain(TRAIN)
        order = torch.cat(self._training_order(epoch))
        order = order[: timed_images(self._device, self._shards.micro_batch_size)]
        with self._arithmetic.autocast(keeps_weights=False):
            (images,) = plain.source(order[:_TRACED_IMAGES])
            graphs = self._model.trace(epoch, images)
            before = self._run_plan
            if before is not None and before.holds(self._model, graphs, epoch):
                self._run_plan = replace(before, graphs=graphs)
                return
            self._stores.clear()
            self._refused.clear()
            self._checked.clear()
            budget = free_budget(self._settings, self._device, self._scratch, self._ranks)
            own = OwnImages(self._splits, self._shards, self._ranks)
            self._run_plan = make_plan(self._model, graphs, epoch, own, budget, plain, order)
        yield self._run_plan.forecast()

    def _drop_unneeded(self, run_plan: RunPlan, phase: int) -> None:
        """Drop the rows that neither this phase nor a later one of the same pass needs."""
        precompute_pass = run_plan.plan.precompute_pass(phase)
        self._stores = {
            at: store for at, store in self._stores.items() if store.precompute == precompute_pass
        }
        for split, store in self._stores.items():
            store.drop_all_but(run_plan.plan.needed(phase, split))

    def _agreed_path(
        self, run_plan: RunPlan, split: int, epoch: int, batches: list[Tensor]
    ) -> Generator[Progress, None, tuple[ForwardPath, str]]:
        """Return the cached path and "" if it is exact in all processes, else the plain and why.

        `batches` are those of the epoch, in its order.
        """
        why = self._refused.get(split, "")
        if why:
            return self.plain(split), why
        path, why = yield from self._checked_path(run_plan, split, epoch, batches)
        why = next(filter(None, self._ranks.all_gather(why)), "")
        if not why:
            return path, ""
        self._stores.pop(split, None)
        self._refused[split] = why
        return self.plain(split), why

    def _checked_path(
        self, run_plan: RunPlan, split: int, epoch: int, batches: list[Tensor]
    ) -> Generator[Progress, None, tuple[ForwardPath, str]]:
        """Return the cached path and "" if it is exact, else the plain path and the reason."""
        phase, batch, why = run_plan.phase(epoch), self._shards.micro_batch_size, ""
        for chunk in dict.fromkeys((chunk_size(self._splits[split].side, batch), batch)):
            store = self._stores.pop(split, None)
            try:
                if store is None:
                    store, why = yield from self._fill(run_plan, split, phase, chunk, batches)
            except NoRoomError as error:
                why = str(error)
                break
            if not why:
                self._model.enter(epoch, training=split == TRAIN)
                cut = run_plan.plan.cuts[phase][split]
                path, why = self._cached_path(run_plan, split, cut, store)
                if not why:
                    self._stores[split] = store
                    return path, ""
        return self.plain(split), why

    def _fill(
        self, run_plan: RunPlan, split: int, phase: int, chunk: int, batches: list[Tensor]
    ) -> Generator[Progress, None, tuple[Store, str]]:
        """Run the pass over a split that serves this phase, and return its store.

        The rows are compared with some of the batches. If they are not exact, the second value says
        why; else it is empty.
        """
        plan, spans = run_plan.plan, run_plan.spans
        precompute_pass = plan.precompute_pass(phase)
        assert precompute_pass is not None
        needed = plan.needed(phase, split)
        locations = {
            tensor.node: tensor.location
            for tensor in precompute_pass.stored
            if tensor.split == split and tensor.node in needed
        }
        self._model.enter(spans[phase][0], training=split == TRAIN)
        part = prefix(self._network.model, run_plan.graphs[split], locations)
        whole, computed = self.plain(split), part
        if self._arithmetic.is_fast:
            computed = numerics.fold_batchnorm(part)
        elif self._device.type == "cpu":
            computed = precompute.with_fast_pooling(part)
        path = replace(whole, network=self._arithmetic.applied_to(computed))
        entries = self._entries(split, spans[phase][0], spans[precompute_pass.last][1])
        with untouched(self._network.model):
            store = yield from precompute.fill(
                path, precompute_pass, locations, entries, chunk, self._scratch
            )
            if self._arithmetic.is_fast:
                return store, ""  # fast precision is not exact; the audit says by how much
            few = batches[0][: images_to_compare(self._shards.micro_batch_size)].sort().values
            store.probe = precompute.probe(path, precompute_pass, locations, few)
            exact = replace(whole, network=self._arithmetic.applied_to(part))
            return store, self._rows_difference(exact, part, store, batches)

    def _rows_difference(
        self, path: ForwardPath, part: GraphModule, store: Store, batches: list[Tensor]
    ) -> str:
        """Return why rows are not exact, judged by the first batch of each size, or "".

        A batch size that was checked on the other split, for the same pass and the same arithmetic,
        is not tried again: kernels are chosen by sizes, not by content.
        """
        key = store.precompute, store.chunk, exactness.arithmetic(part)
        of_each_size = {len(entries): entries for entries in reversed(batches)}.values()
        new = [entries for entries in of_each_size if (*key, len(entries)) not in self._checked]
        why = exactness.rows_difference(path, store, new)
        if not why:
            self._checked.update((*key, len(entries)) for entries in new)
        return why

    def _entries(self, split: int, start: int, end: int) -> Tensor:
        """Return the entries that the epochs [start, end) see of a split, in rising order."""
        data = self._splits[split]
        if data.views == 1:
            return torch.cat(self._shards.in_order(len(data))).sort().values
        is_seen = torch.zeros(len(data) * data.views, dtype=torch.bool)
        for epoch in range(start, end):
            is_seen[torch.cat(self._training_order(epoch))] = True
        return is_seen.nonzero().squeeze(1)

    def _cached_path(
        self, run_plan: RunPlan, split: int, cut: Cut, store: Store
    ) -> tuple[ForwardPath, str]:
        """Return the path from stored rows and "" if it is exact, else the plain one and why.

        The paths are compared on the few images of the store's probe, if it has one.
        """
        rest = suffix(self._network.model, run_plan.graphs[split], cut.nodes, cut.boundary)
        network = self._arithmetic.applied_to(rest)

        def path(rows: Store) -> ForwardPath:
            return ForwardPath(lambda entries: rows.read(cut.boundary, entries), network)

        if store.probe is None:
            return path(store), ""
        plain, from_probe = self.plain(split), path(store.probe)
        why = exactness.path_difference(from_probe, plain, self._network.model, store.probe.entries)
        return (plain, why) if why else (path(store), "")  # rows that are not used are freed

    def _decision(self, run_plan: RunPlan, epoch: int) -> CacheDecision:
        plan, spans = run_plan.plan, run_plan.spans
        phase, precompute_pass = run_plan.phase(epoch), self._stores[TRAIN].precompute
        cut = plan.cuts[phase][TRAIN]
        first = first_after(run_plan.graphs[TRAIN], self._network.model, cut.nodes)
        began, last = spans[precompute_pass.first][0], spans[precompute_pass.last][1] - 1
        is_new = precompute_pass.first == phase
        when = f"once, for epochs {began} to {last}" if is_new else f"in epoch {began}"
        return CacheDecision(
            epoch=epoch,
            on=True,
            reason=f"the layers before {first} ran {when}",
            bytes=precompute_pass.bytes_in("memory"),
            disk=precompute_pass.bytes_in("file"),
            saves=1.0 - plan.own_seconds(phase) / plan.plain_seconds[phase],
        )
