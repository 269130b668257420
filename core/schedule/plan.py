"""The plan: which groups train in which epoch, as pure functions of the epoch.

Windows that reach past the last epoch are cut there.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain, pairwise

from core.schedule.spec import BaseGroup, Schedule

Span = tuple[int, int]
"""Epochs [start, end), both known."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A run of epochs [start, end) in which the same groups train."""

    start: int
    end: int
    training: tuple[str, ...]


def trains_in(group: BaseGroup, epoch: int) -> bool:
    """Return whether the group trains in that epoch (from 0)."""
    at = bisect_right(group.trainable, epoch, key=lambda window: window[0]) - 1
    if at < 0:
        return False
    end = group.trainable[at][1]
    return end is None or epoch < end


def training_groups(schedule: Schedule, epoch: int) -> tuple[str, ...]:
    """Return the names of the groups that train in that epoch, from input to output."""
    return tuple(group.name for group in schedule.groups if trains_in(group, epoch))


def training_spans(group: BaseGroup, epochs: int) -> tuple[Span, ...]:
    """Return the group's windows within a run of `epochs`; adjoining ones are joined."""
    spans: list[Span] = []
    for start, end in group.trainable:
        if start >= epochs:
            break
        if spans and spans[-1][1] == start:
            start = spans.pop()[0]
        spans.append((start, epochs if end is None else min(end, epochs)))
    return tuple(spans)


def frozen_spans(group: BaseGroup, epochs: int) -> tuple[Span, ...]:
    """Return the epochs of the run in which the group does not train."""
    edges = [0, *chain.from_iterable(training_spans(group, epochs)), epochs]
    gaps = zip(edges[::2], edges[1::2], strict=True)
    return tuple((start, end) for start, end in gaps if start < end)


def phases(schedule: Schedule) -> tuple[Phase, ...]:
    """Return the phases of the run: a new one begins wherever a group thaws or freezes.

    They cover [0, epochs) without gaps.
    """
    edges = phase_edges(schedule.groups, schedule.epochs)
    return tuple(
        Phase(start, end, training_groups(schedule, start)) for start, end in pairwise(edges)
    )


def phase_edges(groups: Iterable[BaseGroup], epochs: int) -> list[int]:
    """Return the epochs in which phases of a run of `epochs` begin, and its end."""
    cuts = {0, epochs}
    for group in groups:
        for span in training_spans(group, epochs):
            cuts.update(span)
    return sorted(cuts)


def whole_windows(
    times: Iterable[tuple[float, float | None]], before: int, epochs: int
) -> list[list[int | None]]:
    """Return the windows of a run of `before` epochs rescaled to `epochs`.

    They are rounded to whole epochs; those past the end are dropped.
    """
    windows: list[list[int | None]] = []
    for start, end in times:
        begins = min(round(start * epochs / before), epochs - 1) if start < before else epochs
        ends = epochs if end is None else max(round(end * epochs / before), begins + 1)
        if begins >= epochs:
            continue
        if windows and (windows[-1][1] is None or windows[-1][1] >= begins):
            begins = windows.pop()[0] or 0
        windows.append([begins, None if ends >= epochs else ends])
    return windows
