"""The runs of a list that have certain words or a star, in an order of choice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from core.runs.description import Description, describe

NEWEST = "newest first"
_KEYS: Mapping[str, Callable[[Description], Any]] = {
    "highest accuracy": lambda run: _last_if_none(run.state.accuracy, -1),
    "shortest time": lambda run: _last_if_none(run.state.seconds, 1),
    "name": lambda run: (run.name.casefold(), run.name),
}
ORDERS = (NEWEST, *_KEYS)
"""The orders of a list; within the same key the newest run comes first."""


def filtered_runs(
    runs: Sequence[Path], words: str = "", *, starred: bool = False, order: str = NEWEST
) -> tuple[Path, ...]:
    """Return those of the runs that have all the words, in any case, or a star, in one of `ORDERS`.

    `runs` are newest first. Words are looked for in names, note, status, model, time and data.
    """
    if not words.split() and not starred and order == NEWEST:
        return tuple(runs)  # without reading any
    wanted = words.casefold().split()
    described = {run: describe(run) for run in runs}
    found = [
        run
        for run, each in described.items()
        if (each.starred or not starred) and _has(each, wanted)
    ]
    if order in _KEYS:
        found.sort(key=lambda run: _KEYS[order](described[run]))
    return tuple(found)


def _has(run: Description, words: Sequence[str]) -> bool:
    text = " ".join((run.name, run.note, run.state.text, run.model, run.line)).casefold()
    return all(word in text for word in words)


def _last_if_none(value: float | None, sign: int) -> tuple[bool, float]:
    return value is None, sign * (value or 0.0)
