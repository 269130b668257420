"""A schedule in words and numbers: a row for each group, and what holds for all of them."""

from __future__ import annotations

from dataclasses import dataclass

from core.export.export_result import ExportSource, Limitation
from core.models import layer_table
from core.schedule import curves, plan, words
from core.schedule.spec import Schedule

COLUMNS = ("group", "layers", "parameters", "peak rate", "trains in epochs")

PRESERVED = "the groups, their layers, their peak rates, and the epochs in which they train"
_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Row:
    """A group's row; `parameters` is None if the model has no layer table."""

    name: str
    modules: tuple[str, ...]
    parameters: int | None
    peak: float
    spans: tuple[plan.Span, ...]

    def trains(self) -> str:
        """Return the epochs in which the group trains, with the last one: `2 to 7`, or `never`."""
        return ", ".join(words.from_to(start, end - 1) for start, end in self.spans) or "never"


def rows(source: ExportSource) -> list[Row]:
    """Return a row for each group, from input to output."""
    schedule, table = source.schedule, source.table
    return [
        Row(
            name=group.name,
            modules=group.modules,
            parameters=None if table is None else layer_table.count_elements(table, group.modules),
            peak=curves.peak(schedule, group),
            spans=plan.training_spans(group, schedule.epochs),
        )
        for group in schedule.groups
    ]


def rate(value: float) -> str:
    """Return a rate with at most six digits: `5e-4`, `0.0123457`."""
    return words.rate(value, _DIGITS)


def in_words(schedule: Schedule) -> list[tuple[str, str]]:
    """Return the schedule without its groups, as pairs of a name and a value in words."""
    restarts = schedule.lr.after_unfreeze == "restart"
    return [
        ("model", f"{schedule.model.name}, weights {schedule.model.weights or 'random'}"),
        ("epochs", f"{schedule.epochs:,}"),
        ("optimizer", _optimizer(schedule)),
        ("warmup", _warmup(schedule)),
        ("decay", _decay(schedule)),
        ("rates change", f"every {schedule.lr.interval}"),
        ("after a thaw", "the curve restarts" if restarts else "the curve continues"),
    ]


def limitations() -> tuple[Limitation, ...]:
    """Return what every table leaves out."""
    return (
        Limitation(
            "lr",
            "A table does not list the rate of every step",
            "it describes the curve in words, to six digits; CSV has the rates",
        ),
    )


def _optimizer(schedule: Schedule) -> str:
    spec = schedule.optimizer
    return f"{spec.title()}, base rate {rate(spec.base_lr)}, {spec.in_words()}"


def _warmup(schedule: Schedule) -> str:
    warmup = schedule.lr.warmup
    if not warmup.epochs:
        return "none"
    start = f"from {warmup.start_factor:g} of the peak"
    return f"{words.epochs(warmup.epochs)}, {warmup.shape}, {start}"


def _decay(schedule: Schedule) -> str:
    shape, floor = schedule.lr.decay.in_words(), schedule.lr.decay.floor
    return shape if floor is None else f"{shape}, to {floor.in_words()}"
