"""Which steps of a recorded loop to draw: a screen's worth, with what turns in between."""

from __future__ import annotations

import numpy as np

from core.records.model import Record, RecordedPart
from core.schedule import plan
from core.schedule.sampling import MOST_POINTS, Indices, even, extremes


def recorded_steps_to_draw(record: Record, group: RecordedPart) -> Indices:
    """Return steps at which a group's recorded rates are drawn, in order and without repeats.

    At most 120 that are evenly apart and 120 at which its curve turns, the first and the last step
    of the run, and the first of every epoch that opens or closes it with the one before it.
    """
    hold = record.steps_per_epoch if record.is_stair else 1
    line = record.line(group.name)
    spans = plan.open_spans(group, record.epochs)
    edges = np.array(spans, dtype=np.int64).ravel() * record.steps_per_epoch
    edges = edges[(edges > 0) & (edges < record.steps)]
    turns = line.knots[extremes(line.at(line.knots), MOST_POINTS)]
    last = np.array([record.steps - 1])
    evenly = even(record.steps // hold) * hold
    return np.unique(np.concatenate([evenly, turns, edges, edges - 1, last]))
