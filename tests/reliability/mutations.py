"""Broken schedules, records, links, settings and run folders through their doors, and what happens.

    python -m tests.reliability.mutations --trials 10000 --seed 1

Ends with 1 at the first that raises what Thaw does not raise on purpose, or is refused without a
word of where; Hypothesis then prints the smallest such document that it finds.
"""

from __future__ import annotations

import logging
import re
import tempfile
from collections import Counter
from pathlib import Path
from random import Random

import click
import hypothesis
from hypothesis import Phase, given

from core.records import model
from core.runs.settings import RunSettings
from core.schedule import spec
from tests.reliability.doors import DOORS, Raw
from tests.schedule.strategies import documents

_FIELDS = {
    *spec.Schedule.model_fields,
    *model.Record.model_fields,
    *(f"--{name.replace('_', '-')}" for name in RunSettings.model_fields),
}
_WHERE = re.compile(r"(the link: )?(line \d+, column \d+|the document \w+|the link \w+) ")
"""A place in the text, or the whole of it, where it is too long, empty, or no text."""
_OTHERS = re.compile(
    r"(settings\.json|checkpoints(/[\w.-]+)?|DIR) |['\[]|"
    r".+ (is not a field here:|appears twice)"
)


def names_its_place(message: str) -> bool:
    """Whether a refusal says which field, or which line and column, or what of the whole."""
    field = re.match(r"(the link: )?([\w-]+)", message)
    known = field is not None and field[2] in _FIELDS
    return known or bool(_WHERE.match(message) or _OTHERS.match(message))


def trial(raw: Raw, rng: Random) -> Counter[str]:
    """One document, broken in many ways, through every door; how often each let it in, or not."""
    seen: Counter[str] = Counter()
    for name, (times, door) in DOORS.items():
        for _ in range(times):
            with tempfile.TemporaryDirectory() as scratch:
                message = door(rng, raw, Path(scratch))
            assert message is None or names_its_place(message), f"{name}: {message}"
            seen[f"{name}, {'read' if message is None else 'refused'}"] += 1
    return seen


def trials(count: int, seed: int) -> Counter[str]:
    """At least so many trials; the first fault is raised: what came out, or an AssertionError."""
    total: Counter[str] = Counter()

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=-(-count // sum(times for times, _ in DOORS.values())),
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @given(documents(max_epochs=6, max_groups=4), hypothesis.strategies.integers(0, 2**64))
    def broken_documents(raw: Raw, chance: int) -> None:
        total.update(trial(raw, Random(chance)))

    broken_documents()
    return total


@click.command()
@click.option("--trials", "count", default=10_000, show_default=True, help="How many, at least.")
@click.option("--seed", default=1, show_default=True, help="Another one breaks other things.")
def main(count: int, seed: int) -> None:
    """Break documents and see what comes out."""
    logging.disable(logging.WARNING)  # Streamlit's, that no page is there
    seen = trials(count, seed)
    for what, times in sorted(seen.items()):
        click.echo(f"{times:>7,}  {what}")
    click.echo(f"{seen.total():>7,}  in all: 0 tracebacks, every refusal names its place")


if __name__ == "__main__":
    main()
