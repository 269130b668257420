"""The frozen-part cache: what no trainable parameter can change is computed once, not every epoch.

In each phase the traced network is cut behind its fixed part. One pass over the images stores the
tensors that cross the cut, for this phase and for later ones whose fixed part lies within, and only
the rest is run in each epoch. It is exact or off: batches of the epoch's own order are compared bit
for bit before the cache is used, and a `CacheDecision` tells which, and why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.design.plan import Phase, phases
from core.design.spec import Schedule
from core.freezing import apply_plan
from core.grouping import LayerGroups
from core.runs.events import CacheDecision, Progress
from core.runs.settings import RunSettings, batches
from core.training import frozen
from core.training.data import Data, order
from core.training.device import free_memory
from core.training.models import Network
from core.training.route import Route, difference, whole

_SHARE = 0.25
"""Share of the free memory that stored tensors may take: training itself needs the rest."""
_PAYS_FROM = 2
"""Epochs that a pass must serve: in a single one it costs what it saves."""

_SPLITS = ("train", "validation")
_Key = tuple[str, str]
"""A split and the name of a node: a stored tensor."""


@dataclass(frozen=True, slots=True)
class Routes:
    """How a phase trains and is evaluated."""

    train: Route
    validation: Route
    decision: CacheDecision


@dataclass(frozen=True, slots=True)
class _Cuts:
    """Where a phase cuts the network, traced in train mode and in eval mode."""

    phase: Phase
    of: dict[str, frozen.Cut]
    saves: bool

    def keys(self) -> set[_Key]:
        return {(split, name) for split in _SPLITS for name in self.of[split].boundary}

    def fixed(self) -> set[_Key]:
        return {(split, name) for split in _SPLITS for name in self.of[split].fixed}


class FrozenCache:
    """The cache of one run; ask it for the routes as each phase begins."""

    def __init__(
        self,
        network: Network,
        layer_groups: LayerGroups,
        schedule: Schedule,
        data: Data,
        settings: RunSettings,
        device: torch.device,
    ) -> None:
        self._network = network
        self._model = network.model
        self._layer_groups = layer_groups
        self._schedule = schedule
        self._batch_size = settings.batch_size
        self._seed = settings.seed
        self._device = device
        self._data = {"train": data.train, "validation": data.validation}
        self._stored: dict[_Key, Tensor] = {}
        self._pass = (0, 0)

    def routes(self, epoch: int) -> Iterator[Progress | Routes]:
        """Progress while a pass runs; the last item is how to run from `epoch` to its phase's end.

        Leaves the model in train mode with the plan of `epoch` applied.
        """
        try:
            cuts = [self._cut(phase) for phase in phases(self._schedule) if phase.end > epoch]
        except frozen.UntraceableError as error:
            self._train(epoch)
            yield self.plain(epoch, f"the model cannot be traced: {error}")
            return
        self._train(epoch)
        self._forget(cuts)
        reason = ""
        if not cuts[0].saves:
            reason = "no layer lies before the first one that changes"
        elif not cuts[0].keys() <= self._stored.keys():
            served, reason = self._worth_a_pass(cuts, epoch)
            if served:
                self._pass = (epoch, max(cut.phase.end for cut in served))
                yield from self._fill(served)
            self._train(epoch)
        yield self.plain(epoch, reason) if reason else self._cached(cuts[0], epoch)

    def plain(self, epoch: int, reason: str) -> Routes:
        """The routes through the whole model, with the reason why the cache is off."""
        train, validation = (whole(self._network, s, self._device) for s in self._data.values())
        return Routes(train, validation, CacheDecision(epoch, False, reason))

    def _cached(self, cuts: _Cuts, epoch: int) -> Routes:
        plain = self.plain(epoch, "")
        train = self._route("train", cuts)
        different = self._difference("train", train, plain.train, epoch)
        self._model.eval()
        validation = self._route("validation", cuts)
        different = different or self._difference("validation", validation, plain.validation, epoch)
        self._train(epoch)
        if different:
            self._stored.clear()
            return self.plain(epoch, different)
        held = sum(tensor.nbytes for tensor in self._stored.values())
        start, end = self._pass
        when = f"once, for epochs {start} to {end - 1}" if epoch == start else f"in epoch {start}"
        reason = f"the layers before {cuts.of['train'].first_moving} ran {when}"
        return Routes(train, validation, CacheDecision(epoch, True, reason, held))

    def _train(self, epoch: int) -> None:
        self._model.train()
        apply_plan(self._layer_groups, self._schedule, epoch)

    def _cut(self, phase: Phase) -> _Cuts:
        self._train(phase.start)
        moving = frozen.moving_modules(self._model)
        of = {}
        for split in _SPLITS:
            self._model.train(split == "train")
            apply_plan(self._layer_groups, self._schedule, phase.start, training=split == "train")
            graph = frozen.trace(self._model)
            of[split] = frozen.cut(graph, frozen.fixed_nodes(graph, self._model, moving))
        saves = all(frozen.has_parameters(cut, self._model) for cut in of.values())
        return _Cuts(phase, of, saves)

    def _forget(self, cuts: Sequence[_Cuts]) -> None:
        """Drop what no phase from now on needs, and what begins to change now."""
        wanted = cuts[0].fixed() & {key for later in cuts for key in later.keys()}  # noqa: SIM118
        self._stored = {key: tensor for key, tensor in self._stored.items() if key in wanted}

    def _worth_a_pass(self, cuts: Sequence[_Cuts], epoch: int) -> tuple[list[_Cuts], str]:
        """The phases that a pass now would serve; if none, the reason why."""
        still = cuts[0].fixed()
        served: list[_Cuts] = []
        for later in cuts:
            if later.saves and later.fixed() <= still:
                served.append(later)
            still &= later.fixed()
        budget = int(free_memory(self._device) * _SHARE)
        served = self._affordable(served, budget)
        if not served:
            return [], f"the stored tensors would take over {budget / 2**20:,.0f} MB"
        if sum(s.phase.end - max(s.phase.start, epoch) for s in served) < _PAYS_FROM:
            return [], "the pass would serve one epoch only and cost what it saves"
        return served, ""

    def _affordable(self, cuts: Sequence[_Cuts], budget: int) -> list[_Cuts]:
        """The first of these phases whose tensors fit into the budget together."""
        sizes: dict[_Key, int] = {}
        for split, images in self._data.items():
            names, prefix = self._prefix(cuts, split)
            for name, one in zip(names, prefix(torch.arange(1)), strict=True):
                sizes[split, name] = one.nbytes * len(images)
        chosen: list[_Cuts] = []
        keys: set[_Key] = set()
        for cut in cuts:
            keys |= cut.keys()
            if sum(sizes[key] for key in keys) > budget:
                break
            chosen.append(cut)
        return chosen

    def _fill(self, cuts: Sequence[_Cuts]) -> Iterator[Progress]:
        """One pass over both splits that stores what these phases need.

        Every chunk has the training batch's size, since another size may round otherwise.
        """
        starts = {s: _starts(len(images), self._batch_size) for s, images in self._data.items()}
        done, total = 0, sum(map(len, starts.values()))
        for split, images in self._data.items():
            names, prefix = self._prefix(cuts, split)
            for start in starts[split]:
                yield Progress("caching", done, total)
                end = min(start + self._batch_size, len(images))
                made = prefix(torch.arange(start, end))
                for name, rows in zip(names, made, strict=True):
                    if (split, name) not in self._stored:
                        whole_split = rows.new_empty((len(images), *rows.shape[1:]))
                        self._stored[split, name] = whole_split
                    self._stored[split, name][start:end] = rows
                done += 1

    def _prefix(
        self, cuts: Sequence[_Cuts], split: str
    ) -> tuple[tuple[str, ...], Callable[[Tensor], tuple[Tensor, ...]]]:
        """The tensors that these phases need of a split, and what makes them by position."""
        names = tuple(dict.fromkeys(name for cut in cuts for name in cut.of[split].boundary))
        part = frozen.prefix(self._model, cuts[0].of[split].graph, names)
        images = whole(self._network, self._data[split], self._device)

        @torch.no_grad()
        def run(positions: Tensor) -> tuple[Tensor, ...]:
            self._model.train(split == "train")
            made: tuple[Tensor, ...] = part(images.prepare(images.stored[0][positions]))
            return made

        return names, run

    def _route(self, split: str, cuts: _Cuts) -> Route:
        cut = cuts.of[split]
        stored = tuple(self._stored[split, name] for name in cut.boundary)
        return Route(stored, lambda rows: rows, cut.suffix(self._model))

    def _difference(self, split: str, cached: Route, plain: Route, epoch: int) -> str:
        """Compare both routes on the epoch's first batch and on its last, which may be smaller.

        Training images come in the epoch's own order, so in other batches than the pass made them.
        """
        labels = self._data[split].labels
        count = len(labels)
        places = order(self._seed, epoch, count) if split == "train" else torch.arange(count)
        spans = batches(count, self._batch_size)
        tried = [places[start:end] for start, end in dict.fromkeys((spans[0], spans[-1]))]
        with torch.set_grad_enabled(split == "train"):
            return difference(cached, plain, self._model, tried, labels)


def _starts(images: int, batch_size: int) -> list[int]:
    """Where chunks of exactly the batch size start; the last one may overlap the one before."""
    starts = list(range(0, images - batch_size + 1, batch_size)) or [0]
    if starts[-1] + batch_size < images:
        starts.append(images - batch_size)
    return starts
