"""The results of a scenario as a table for people and as plain values for JSON."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from tests.benchmarks.contestants import BOUND, FLOORS, PLAIN, THAW
from tests.benchmarks.measure import Measured
from tests.benchmarks.rounds import Results

_COLUMNS = ("contestant", "median s", "min - max", "/ thaw", "min - max", "weights", "peak MB")
_NONE = "-"


def table(results: Results) -> str:
    """The scenario, a line per contestant, ratios to bounds, and where the seconds go."""
    rows = [_row(results, name) for name in results.measured if results.measured[name]]
    lines = [f"\n{results.scenario.name}: {results.scenario}", "", *_aligned(_COLUMNS, rows), ""]
    if results.parts:
        cells = zip(*(spent.values() for spent in results.parts.values()), strict=True)
        parts = [
            (part, *(f"{seconds:.2f}" for seconds in row))
            for part, row in zip(next(iter(results.parts.values())), cells, strict=True)
        ]
        lines += [*_aligned(("seconds by part", *results.parts), parts), ""]
    lines += [f"{name} failed: {why}" for name, why in results.failed.items()]
    return "\n".join(lines + _remarks(results))


def _aligned(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    return [
        "  ".join((row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:]))).rstrip()
        for row in (header, *rows)
    ]


def values(results: Results) -> dict[str, Any]:
    """All that was measured, round by round."""
    scenario = results.scenario
    return {
        "scenario": scenario.name,
        "says": str(scenario),
        "schedule": scenario.schedule.model_dump(mode="json", exclude_none=True),
        "contestants": {
            name: {
                "rounds": [asdict(measured) for measured in rounds],
                "median_seconds": statistics.median(seconds(rounds)) if rounds else None,
                "ratios_to_thaw": ratios(results, name, THAW),
                "bit_identical_to_plain": _identical(results, name),
                "largest_differences": results.differences[name],
                "failed": results.failed.get(name),
                "parts": results.parts.get(name),
            }
            for name, rounds in results.measured.items()
        },
        "thaw_to_floor": {floor: ratios(results, thaw, floor) for floor, thaw in FLOORS.items()},
        "thaw_to_bound": ratios(results, THAW, BOUND),
        "thaw_to_predicted": predicted(results, THAW),
    }


def seconds(rounds: list[Measured]) -> list[float]:
    """Of each round."""
    return [measured.seconds for measured in rounds]


def ratios(results: Results, name: str, other: str) -> list[float]:
    """Seconds of one contestant over another's, within each round in which both came through."""
    pairs = zip(
        seconds(results.measured.get(name, [])),
        seconds(results.measured.get(other, [])),
        strict=False,
    )
    return [one / two for one, two in pairs]


def predicted(results: Results, name: str) -> list[float]:
    """Measured over predicted seconds, where Thaw made a prediction."""
    rounds = results.measured.get(name, [])
    return [m.seconds / m.predicted_seconds for m in rounds if m.predicted_seconds]


def _row(results: Results, name: str) -> tuple[str, ...]:
    rounds = results.measured[name]
    taken, to_thaw = seconds(rounds), ratios(results, name, THAW)
    peak = max(measured.peak_memory for measured in rounds)
    return (
        name,
        f"{statistics.median(taken):.2f}",
        _spread(taken),
        f"{statistics.median(to_thaw):.2f}" if to_thaw else _NONE,
        _spread(to_thaw),
        _weights(results, name),
        f"{peak / 1e6:,.0f}",
    )


def _spread(numbers: list[float]) -> str:
    return f"{min(numbers):.2f} - {max(numbers):.2f}" if numbers else _NONE


def _identical(results: Results, name: str) -> bool | None:
    found = results.differences[name]
    return all(difference is None for difference in found) if found else None


def _weights(results: Results, name: str) -> str:
    if name == PLAIN:
        return "the reference"
    same = _identical(results, name)
    if same is None:
        return _NONE
    if same:
        return "bit-identical"
    largest = max(difference or 0.0 for difference in results.differences[name])
    return f"differ by {largest:.0e}"


def _remarks(results: Results) -> list[str]:
    lines = []
    for floor, thaw in FLOORS.items():
        to_floor = ratios(results, thaw, floor)
        if to_floor:
            median = statistics.median(to_floor)
            lines.append(f"{thaw} / {floor}: {median:.2f} ({_spread(to_floor)})")
    to_bound = ratios(results, THAW, BOUND)
    if to_bound:
        lines.append(
            f"thaw / bound: {statistics.median(to_bound):.2f} ({_spread(to_bound)}), where "
            "the bound is the necessary convolutions and linear layers, timed alone"
        )
    told = predicted(results, THAW)
    if told:
        expected = [m.predicted_seconds or 0.0 for m in results.measured[THAW]]
        lines.append(
            f"thaw predicted {statistics.median(expected):.2f} s: measured / predicted is "
            f"{statistics.median(told):.2f} ({_spread(told)})"
        )
    for name, rounds in results.measured.items():
        lines += [f"{name}: {line}" for line in (rounds[-1].told if rounds else ())]
    return lines
