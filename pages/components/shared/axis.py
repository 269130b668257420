"""The time axis that the timeline, the rate chart and the cost strip share."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Literal

GUTTER_LEFT = 188
"""Pixels from a card's outer left edge to epoch 0."""

GUTTER_RIGHT = 148
"""Pixels from the last epoch to a card's outer right edge."""

CARD_INSET = 21
"""Pixels from a card's outer edge to its content: 1 border, 20 padding."""

TRACK_LEFT = GUTTER_LEFT - CARD_INSET
"""Pixels from the content's left edge to epoch 0: what a component or chart in a card leaves."""

TRACK_RIGHT = GUTTER_RIGHT - CARD_INSET
"""Pixels from the last epoch to the content's right edge."""

Span = tuple[float, float]
"""A part of a run that is shown, from one epoch to another."""

Joined = Literal["step-after", "linear"]
"""How a line goes from one drawn point to the next, by Vega's name for it."""


def shown(span: Span | None, epochs: int) -> Span:
    """Return the part of a run that is shown: all of it for None, or for a part beyond its end."""
    whole = 0.0, float(epochs)
    if span is None:
        return whole
    start, end = max(span[0], 0.0), min(span[1], float(epochs))
    return (start, end) if start < end else whole


def tick_step(epochs: float, most: int) -> int:
    """Return the epochs between ticks: the least of 1, 2, 5, 10, … with at most `most` ticks."""
    steps: Iterator[int] = (n * 10**power for power in count() for n in (1, 2, 5))
    return next(step for step in steps if epochs / step <= most)
