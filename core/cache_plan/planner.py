"""The planner of the frozen-part cache: what to store in which pass and where, and what it saves.

A *precompute pass* runs a frozen part once over the images and stores the tensors that cross a
*cut*; later epochs start from them. One pass can serve many phases: it can already store what later
phases need, if that stays frozen until then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from core.cache_plan.split_points import Cut, Work, aged_cuts, cuts_of, epoch_seconds

TRAIN, VALIDATION = 0, 1
"""Indices of the splits."""
StorageLocation = Literal["memory", "file"]
WhyPlain = Literal["open-ended", "moving", "budget", "not worth it"]
"""The reason why a phase trains on the whole network: every epoch has other images; no layer lies
before the first one that changes; there is too little room; a pass costs more than it saves."""

_WRITE: dict[StorageLocation, float] = {"memory": 1 / 4e9, "file": 1 / 0.5e9}
_READ: dict[StorageLocation, float] = {"memory": 1 / 4e9, "file": 1 / 1e9}
"""Seconds to store a byte, and to read it back; a file's are those of a plain disk."""
_REACH = 12
"""Phases that one pass may serve, counted from its own: fewer in schedules of many phases."""
_MANY_PHASES = 40
_REACH_OF_MANY = 3


@dataclass(frozen=True, slots=True)
class CacheBudget:
    """Bytes that stored tensors may take at any moment."""

    memory: int
    disk: int = 0


UNLIMITED = CacheBudget(2**62, 2**62)


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """The output of a node, stored for all entries of a split that the phases of its pass see."""

    split: int
    node: int
    location: StorageLocation
    bytes: int


@dataclass(frozen=True, slots=True)
class PrecomputePass:
    """A precompute pass at the start of phase `first`; its tensors serve phases up to `last`."""

    first: int
    last: int
    stored: tuple[StoredTensor, ...]
    seconds: float

    def bytes_in(self, location: StorageLocation) -> int:
        """Return the bytes that it stores in memory or in a file."""
        return sum(tensor.bytes for tensor in self.stored if tensor.location == location)


@dataclass(frozen=True, slots=True)
class CachePlan:
    """The precompute passes, each phase's cut per split, and the seconds.

    An empty cut runs the whole network. `seconds` and `plain_seconds` are predictions per phase,
    with the cache and without; a pass counts in the phase in which it is run.
    """

    precompute_passes: tuple[PrecomputePass, ...]
    cuts: tuple[tuple[Cut, ...], ...]
    seconds: tuple[float, ...]
    plain_seconds: tuple[float, ...]

    def precompute_pass(self, phase: int) -> PrecomputePass | None:
        """Return the pass whose phases include this one, or None."""
        return next((p for p in self.precompute_passes if p.first <= phase <= p.last), None)

    def precompute_seconds(self, phase: int) -> float:
        """Return the predicted seconds of the pass at the start of a phase; 0 if there is none."""
        return sum(
            precompute.seconds for precompute in self.precompute_passes if precompute.first == phase
        )

    def own_seconds(self, phase: int) -> float:
        """Return the predicted seconds of a phase without the pass at its start."""
        return self.seconds[phase] - self.precompute_seconds(phase)

    def seconds_by_epoch(self, spans: Sequence[tuple[int, int]]) -> tuple[float, ...]:
        """Return the predicted seconds of each epoch; a pass counts in the first of its phase.

        `spans` are the epochs [start, end) of the phases.
        """
        epochs: list[float] = []
        for at, (start, end) in enumerate(spans):
            seconds = self.own_seconds(at) / (end - start)
            epochs += [seconds + self.precompute_seconds(at), *[seconds] * (end - start - 1)]
        return tuple(epochs)

    def needed(self, phase: int, split: int) -> set[int]:
        """Return the nodes whose stored rows this phase reads, or a later one of the same pass."""
        precompute = self.precompute_pass(phase)
        served = self.cuts[phase : precompute.last + 1] if precompute else ()
        return {node for cuts in served for node in cuts[split].boundary}

    def most_bytes_in(self, location: StorageLocation) -> int:
        """Return the most bytes that one pass stores in memory or in a file."""
        return max(
            (precompute.bytes_in(location) for precompute in self.precompute_passes), default=0
        )

    @property
    def saved(self) -> float:
        """Predicted seconds that the cache saves; never negative."""
        return sum(self.plain_seconds) - sum(self.seconds)


def plan_cache(
    works: Sequence[Work], phases: Sequence[tuple[int, int]], budget: CacheBudget
) -> CachePlan:
    """Return the plan of fewest predicted seconds that the budget allows; it may store nothing.

    `works` are those of the splits. `phases` are epochs [start, end), in order and without gaps.
    The plans that are tried do not depend on the budget, so a larger one never costs time, and no
    plan is predicted to be slower than the plain run.
    """
    return _Planner(works, phases, budget).plan()


def why_plain(work: Work, phase: int, unlimited: CachePlan) -> WhyPlain:
    """Return why a phase does not train from stored tensors.

    `work` is the work of training, `unlimited` the plan for an `UNLIMITED` budget.
    """
    if work.views is None:
        return "open-ended"
    if not cuts_of(work, phase):
        return "moving"
    return "budget" if unlimited.cuts[phase][TRAIN].boundary else "not worth it"


@dataclass(frozen=True, slots=True)
class _Segment:
    """The phases [first, last], their seconds and cuts, and the pass that serves them, if any."""

    first: int
    last: int
    seconds: tuple[float, ...]
    cuts: tuple[tuple[Cut, ...], ...]
    precompute: PrecomputePass | None = None


class _Planner:
    """A dynamic program over the phases: each is run plainly, or in a segment with a pass."""

    def __init__(
        self, works: Sequence[Work], phases: Sequence[tuple[int, int]], budget: CacheBudget
    ) -> None:
        self._works = works
        self._phases = phases
        self._budget = budget
        self._cuts = list(zip(*map(aged_cuts, works), strict=True))
        self._plain = [
            (end - start) * sum(epoch_seconds(work, work.fixed[at]) for work in works)
            for at, (start, end) in enumerate(phases)
        ]
        self._forward = [work.forward_seconds for work in works]
        self._seconds_of = cache(self._sum)

    def plan(self) -> CachePlan:
        """Return the plan of fewest predicted seconds."""
        count = len(self._phases)
        reach = _REACH if count <= _MANY_PHASES else _REACH_OF_MANY
        best: list[tuple[float, tuple[_Segment, ...]]] = [(0.0, ())] * (count + 1)
        for first in reversed(range(count)):
            choices = [self._plain_segment(first)]
            for last in range(first, min(first + reach, count)):
                choices += self._segments(first, last)
            costs = [sum(segment.seconds) + best[segment.last + 1][0] for segment in choices]
            cheapest = costs.index(min(costs))
            chosen = choices[cheapest]
            best[first] = (costs[cheapest], (chosen, *best[chosen.last + 1][1]))
        segments = best[0][1]
        return CachePlan(
            precompute_passes=tuple(
                segment.precompute for segment in segments if segment.precompute is not None
            ),
            cuts=tuple(row for segment in segments for row in segment.cuts),
            seconds=tuple(seconds for segment in segments for seconds in segment.seconds),
            plain_seconds=tuple(self._plain),
        )

    def _plain_segment(self, at: int) -> _Segment:
        return _Segment(at, at, (self._plain[at],), ((Cut(),) * len(self._works),))

    def _segments(self, first: int, last: int) -> Iterator[_Segment]:
        """Yield a segment in which one pass serves phases `first` to `last`, for each row limit.

        The limit is on a row's bytes. As much is in memory as the budget allows.
        """
        served = self._cuts[first : last + 1]
        sizes = sorted({cut.bytes for row in served for cuts in row for _, cut in cuts})
        tried = set()
        for limit in sizes:
            rows = tuple(tuple(_deepest(cuts, first, limit) for cuts in row) for row in served)
            if rows in tried or not any(cut.boundary for cut in rows[-1]):
                continue
            tried.add(rows)
            # memory is faster than a file, so the segment that stores most in memory comes first
            for in_memory in (*reversed(sizes), -1):
                segment = self._segment(first, last, rows, in_memory)
                if segment.precompute is not None and self._affordable(segment.precompute):
                    yield segment
                    break

    def _affordable(self, precompute: PrecomputePass) -> bool:
        in_memory, in_file = precompute.bytes_in("memory"), precompute.bytes_in("file")
        return in_memory <= self._budget.memory and in_file <= self._budget.disk

    def _segment(
        self, first: int, last: int, rows: tuple[tuple[Cut, ...], ...], in_memory: int
    ) -> _Segment:
        """Return the segment of these phases and cuts; rows over `in_memory` bytes are in a file.

        A phase that gains nothing is run plainly, and so is a split that gains less than its part
        of the pass costs.
        """
        seconds = self._plain[first : last + 1]
        columns: list[tuple[Cut, ...]] = []
        stored: list[StoredTensor] = []
        precompute_seconds = 0.0
        for split, column in enumerate(zip(*rows, strict=True)):
            gains = [
                max(0.0, self._gain(at, split, cut, in_memory))
                for at, cut in enumerate(column, first)
            ]
            cuts = tuple(cut if gain else Cut() for cut, gain in zip(column, gains, strict=True))
            part, part_seconds = self._part(first, last, split, cuts, in_memory)
            if part_seconds >= sum(gains):
                columns.append((Cut(),) * len(cuts))
                continue
            columns.append(cuts)
            stored += part
            precompute_seconds += part_seconds
            seconds = [total - gain for total, gain in zip(seconds, gains, strict=True)]
        seconds[0] += precompute_seconds
        precompute = (
            PrecomputePass(first, last, tuple(stored), precompute_seconds) if stored else None
        )
        return _Segment(first, last, tuple(seconds), tuple(zip(*columns, strict=True)), precompute)

    def _part(
        self, first: int, last: int, split: int, cuts: tuple[Cut, ...], in_memory: int
    ) -> tuple[list[StoredTensor], float]:
        """Return the tensors that a pass stores of one split, and the seconds that it takes."""
        work = self._works[split]
        entries = work.entries(self._phases[last][1] - self._phases[first][0])
        images = entries + work.checked
        seconds = images * self._seconds_of(split, frozenset(cut.nodes for cut in cuts))
        stored: list[StoredTensor] = []
        for node in dict.fromkeys(node for cut in cuts for node in cut.boundary):
            size = work.costs.bytes[node]
            location = _location(size, in_memory)
            stored.append(StoredTensor(split, node, location, size * entries))
            seconds += size * entries * _WRITE[location]
        return stored, seconds

    def _sum(self, split: int, cuts: frozenset[frozenset[int]]) -> float:
        """Return the forward seconds of all nodes that lie before any of these cuts."""
        seconds = self._works[split].costs.seconds
        return sum(seconds[node] for node in frozenset().union(*cuts))

    def _gain(self, phase: int, split: int, cut: Cut, in_memory: int) -> float:
        """Return the seconds that a phase saves on a split by starting behind the cut."""
        if not cut.boundary:
            return 0.0
        start, end = self._phases[phase]
        work = self._works[split]
        read = 0.0
        for node in cut.boundary:
            size = work.costs.bytes[node]
            read += size * _READ[_location(size, in_memory)]
        check = work.compared * (2.0 * self._forward[split] - cut.seconds)
        return (end - start) * work.images * (cut.seconds - read) - check


def _deepest(cuts: tuple[tuple[int, Cut], ...], first: int, limit: int) -> Cut:
    """Return the deepest cut whose nodes are all fixed since phase `first` or before.

    Its rows have at most `limit` bytes; the cut is empty if there is none.
    """
    return next((cut for since, cut in cuts if since <= first and cut.bytes <= limit), Cut())


def _location(size: int, in_memory: int) -> StorageLocation:
    return "memory" if size <= in_memory else "file"
