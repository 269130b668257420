"""Which tensors of a frozen part to store, in which pass and where, and what that saves.

A *pass* runs a frozen part once over the images and stores the tensors that cross a *cut*; later
epochs start from them. One pass can serve many phases, since what stays frozen until then can be
stored now.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from core.cache_plan.split_points import Cut, Work, aged_cuts, epoch_seconds

TRAIN, VALIDATION = 0, 1
"""Splits, as they are counted here."""
Place = Literal["memory", "file"]

_REACH = 12
"""Phases that one pass may serve, counted from its own; fewer where there are many phases."""
_MANY = 40
_REACH_OF_MANY = 3


@dataclass(frozen=True, slots=True)
class Speeds:
    """Bytes per second of storing and reading back rows; a file's are those of a plain disk."""

    memory: float = 4e9
    file_write: float = 0.5e9
    file_read: float = 1.0e9

    def write(self, place: Place) -> float:
        """Seconds to store a byte."""
        return 1.0 / (self.memory if place == "memory" else self.file_write)

    def read(self, place: Place) -> float:
        """Seconds to read a byte back."""
        return 1.0 / (self.memory if place == "memory" else self.file_read)


@dataclass(frozen=True, slots=True)
class Budget:
    """Bytes that stored tensors may take at any moment."""

    memory: int
    disk: int = 0


UNLIMITED = Budget(2**62, 2**62)


@dataclass(frozen=True, slots=True)
class Stored:
    """A node's output, kept for all entries of its split that the pass serves."""

    split: int
    node: int
    place: Place
    bytes: int


@dataclass(frozen=True, slots=True)
class Pass:
    """A pass at the start of phase `first`; what it stores serves phases up to `last`."""

    first: int
    last: int
    stored: tuple[Stored, ...]
    seconds: float

    def held(self, place: Place) -> int:
        """Return bytes that it takes in one place."""
        return sum(each.bytes for each in self.stored if each.place == place)


@dataclass(frozen=True, slots=True)
class CachePlan:
    """Passes, the cut of each phase per split (empty: run the whole network), and the seconds.

    `seconds` and `plain_seconds` are predictions per phase, with the cache and without; a pass
    counts in the phase in which it is made.
    """

    passes: tuple[Pass, ...]
    cuts: tuple[tuple[Cut, ...], ...]
    seconds: tuple[float, ...]
    plain_seconds: tuple[float, ...]

    def pass_at(self, phase: int) -> Pass | None:
        """Return the pass that is made when that phase begins."""
        return next((each for each in self.passes if each.first == phase), None)

    def pass_for(self, phase: int) -> Pass | None:
        """Return the pass that the phase's tensors come from; None if it runs the whole network."""
        cached = any(cut.boundary for cut in self.cuts[phase])
        return next((p for p in self.passes if p.first <= phase <= p.last and cached), None)

    def needed(self, phase: int, split: int) -> set[int]:
        """Return the nodes whose rows this phase, or a later one of the same pass, starts from."""
        made = next((each for each in self.passes if each.first <= phase <= each.last), None)
        rows = self.cuts[phase : made.last + 1] if made else ()
        return {node for row in rows for node in row[split].boundary}

    def own_seconds(self, phase: int) -> float:
        """Predicted seconds of a phase without the pass that is made in it."""
        made = self.pass_at(phase)
        return self.seconds[phase] - (made.seconds if made else 0.0)

    @property
    def saved(self) -> float:
        """Predicted seconds that the cache saves; never negative."""
        return sum(self.plain_seconds) - sum(self.seconds)


@dataclass(frozen=True, slots=True)
class _Segment:
    """Phases [first, last], and what they cost; with a pass, what it stores and where they cut."""

    first: int
    last: int
    costs: tuple[float, ...]
    cuts: tuple[tuple[Cut, ...], ...]
    made: Pass | None = None

    @property
    def cost(self) -> float:
        return sum(self.costs)


def plan_cache(
    works: Sequence[Work],
    phases: Sequence[tuple[int, int]],
    budget: Budget,
    speeds: Speeds = Speeds(),
) -> CachePlan:
    """Return the cheapest of the plans that the budget allows; without any cache where none pays.

    `works` are the splits, `phases` their epochs [start, end), in order and without gaps. Every
    plan that fits a budget fits a larger one too, and the plans tried do not depend on it: so more
    budget never costs more, and no plan is predicted to be slower than the plain run.
    """
    planner = _Planner(tuple(works), tuple(phases), budget, speeds)
    return planner.plan()


class _Planner:
    """Dynamic programming over the phases: each is run plainly, or in a segment with a pass."""

    def __init__(
        self,
        works: tuple[Work, ...],
        phases: tuple[tuple[int, int], ...],
        budget: Budget,
        speeds: Speeds,
    ) -> None:
        self._works = works
        self._phases = phases
        self._budget = budget
        self._speeds = speeds
        self._cuts = list(zip(*map(aged_cuts, works), strict=True))
        self._plain = [
            (end - start) * sum(epoch_seconds(work, at) for work in works)
            for at, (start, end) in enumerate(phases)
        ]
        self._forward = [work.forward for work in works]
        self._seconds_of = cache(self._sum)

    def plan(self) -> CachePlan:
        count = len(self._phases)
        reach = _REACH if count <= _MANY else _REACH_OF_MANY
        best: list[tuple[float, _Segment | None]] = [(0.0, None)] * (count + 1)
        for first in reversed(range(count)):
            plain = self._plain_segment(first)
            best[first] = (plain.cost + best[first + 1][0], plain)
            for last in range(first, min(first + reach, count)):
                for segment in self._segments(first, last):
                    cost = segment.cost + best[last + 1][0]
                    if cost < best[first][0]:
                        best[first] = (cost, segment)
        return self._assemble(best)

    def _plain_segment(self, at: int) -> _Segment:
        return _Segment(at, at, (self._plain[at],), ((Cut(),) * len(self._works),))

    def _assemble(self, best: list[tuple[float, _Segment | None]]) -> CachePlan:
        chosen: list[_Segment] = []
        at = 0
        while (segment := best[at][1]) is not None:
            chosen.append(segment)
            at = segment.last + 1
        return CachePlan(
            passes=tuple(each.made for each in chosen if each.made is not None),
            cuts=tuple(row for each in chosen for row in each.cuts),
            seconds=tuple(cost for each in chosen for cost in each.costs),
            plain_seconds=tuple(self._plain),
        )

    def _segments(self, first: int, last: int) -> Iterator[_Segment]:
        """Yield what one pass could do for these phases, for every limit on the size of a row."""
        served = self._cuts[first : last + 1]
        sizes = sorted({cut.bytes for row in served for cuts in row for _, cut in cuts})
        seen = set()
        for limit in sizes:
            rows = tuple(tuple(_deepest(cuts, first, limit) for cuts in row) for row in served)
            if rows in seen or not any(cut.boundary for cut in rows[-1]):
                continue
            seen.add(rows)
            # memory is the faster place, so the plan that keeps most there comes first
            for in_memory in (*reversed(sizes), -1):
                segment = self._segment(first, last, rows, in_memory)
                if self._affordable(segment):
                    yield segment
                    break

    def _affordable(self, segment: _Segment) -> bool:
        made = segment.made
        if made is None:
            return False
        fits = made.held("memory") <= self._budget.memory
        return fits and made.held("file") <= self._budget.disk

    def _segment(
        self, first: int, last: int, rows: tuple[tuple[Cut, ...], ...], in_memory: int
    ) -> _Segment:
        """Return the phases served by one pass, with rows of over `in_memory` bytes in a file.

        A phase that gains nothing by it is run plainly, and so is a split that gains less than its
        part of the pass costs.
        """
        costs = self._plain[first : last + 1]
        columns: list[tuple[Cut, ...]] = []
        stored: list[Stored] = []
        seconds = 0.0
        for split in range(len(self._works)):
            cuts = [row[split] for row in rows]
            gains = [
                max(0.0, self._gain(at, split, cut, in_memory))
                for at, cut in enumerate(cuts, first)
            ]
            kept = tuple(cut if gain else Cut() for cut, gain in zip(cuts, gains, strict=True))
            part, once = self._part(first, last, split, kept, in_memory)
            if once >= sum(gains):
                columns.append((Cut(),) * len(cuts))
                continue
            columns.append(kept)
            stored += part
            seconds += once
            costs = [cost - gain for cost, gain in zip(costs, gains, strict=True)]
        made = Pass(first, last, tuple(stored), seconds) if stored else None
        costs[0] += seconds
        return _Segment(first, last, tuple(costs), tuple(zip(*columns, strict=True)), made)

    def _part(
        self, first: int, last: int, split: int, cuts: tuple[Cut, ...], in_memory: int
    ) -> tuple[list[Stored], float]:
        """Return what a pass stores of one split, and the seconds that it takes."""
        work = self._works[split]
        entries = work.entries(self._phases[first][0], self._phases[last][1])
        images = entries + work.checked
        seconds = images * self._seconds_of(split, frozenset(cut.nodes for cut in cuts))
        stored: list[Stored] = []
        for node in dict.fromkeys(node for cut in cuts for node in cut.boundary):
            size = work.nodes[node].bytes
            place = _place(size, in_memory)
            stored.append(Stored(split, node, place, size * entries))
            seconds += size * entries * self._speeds.write(place)
        return stored, seconds

    def _sum(self, split: int, cuts: frozenset[frozenset[int]]) -> float:
        """Forward seconds of all nodes that lie in any of these parts."""
        nodes = self._works[split].nodes
        return sum(nodes[node].seconds for node in frozenset().union(*cuts))

    def _gain(self, phase: int, split: int, cut: Cut, in_memory: int) -> float:
        """Seconds that a phase saves on a split by starting behind the cut."""
        if not cut.boundary:
            return 0.0
        start, end = self._phases[phase]
        work = self._works[split]
        read = 0.0
        for node in cut.boundary:
            size = work.nodes[node].bytes
            read += size * self._speeds.read(_place(size, in_memory))
        check = work.compared * (2.0 * self._forward[split] - cut.seconds)
        return (end - start) * work.images * (cut.seconds - read) - check


def _deepest(cuts: tuple[tuple[int, Cut], ...], first: int, limit: int) -> Cut:
    """The deepest cut that a pass at phase `first` can serve with rows of up to `limit` bytes."""
    good = (cut for since, cut in cuts if since <= first and cut.bytes <= limit)
    return next(good, Cut())


def _place(size: int, in_memory: int) -> Place:
    return "memory" if size <= in_memory else "file"
