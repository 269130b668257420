"""The table of costs and results: a row per figure, a column per schedule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from statistics import fmean

from core import checks
from core.compare.verdict import Trial, clear_best
from core.records.model import Record
from core.runs.forecast import duration
from core.runs.results import RunResults
from core.schedule import plan
from core.schedule.spec import Schedule
from core.schedule.words import percent
from pages.components.compare import slot_style
from pages.components.compare.conditions import measured_alike
from pages.components.compare.slots import Slot
from pages.components.shared import cost_figures
from pages.components.shared import cost_words as words

NONE = "–"
_CLEARLY_LESS = 0.9
"""Factor below which less time or memory is more than what varies from one run to the next."""
ACCURACY, TIME, COMPUTE = "Validation accuracy", "Time", "Compute, with cache"
_COSTS = (
    "Epochs",
    COMPUTE,
    "Compute, without",
    "Gradients + optimizer",
    "Trainable, at the end",
    "Problems",
)


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure as text, with a remark below it. It is `best` if it is so beyond the noise."""

    text: str = NONE
    remark: str = ""
    best: bool = False


@dataclass(frozen=True, slots=True)
class FigureLine:
    """A row of the table: its title, and a cell for each slot."""

    title: str
    cells: tuple[Cell, ...]


def lines(slots: Sequence[Slot], results: Mapping[str, RunResults]) -> tuple[FigureLine, ...]:
    """Return the rows: the results first, if a slot has a run, and then the costs."""
    rows = _results(slots, results) if results else []
    return (*rows, *_costs(slots))


def table(slots: Sequence[Slot], shown: Sequence[FigureLine]) -> str:
    """Return the rows as an HTML table."""
    heads = "".join(f'<th scope="col">{slot_style.chip(slot.letter)}</th>' for slot in slots)
    body = "".join(
        f'<tr><th scope="row">{escape(line.title)}</th>{"".join(map(cell, line.cells))}</tr>'
        for line in shown
    )
    return (
        '<table class="thaw-figures"><thead><tr><th><span class="thaw-unseen">Figure</span></th>'
        f"{heads}</tr></thead><tbody>{body}</tbody></table>"
    )


def cell(of: Cell) -> str:
    """Return a cell of a table, as HTML."""
    text = f"<b>{escape(of.text)}</b>" if of.best else escape(of.text)
    remark = f"<small>{escape(of.remark)}</small>" if of.remark else ""
    return f"<td>{text}{remark}</td>"


def _results(slots: Sequence[Slot], results: Mapping[str, RunResults]) -> list[FigureLine]:
    """Return the runs' results."""
    found = [results.get(slot.letter) for slot in slots]
    best = clear_best(trials_by_letter(slots)) if measured_alike(slots) else None
    ran = [result for result in found if result is not None]
    one_device = len({_device(result) for result in ran}) == 1
    whole = all(result.status == "finished" for result in ran)
    marked = measured_alike(slots) and one_device and whole
    accuracies = (
        Cell() if result is None else replace(_accuracy(slot, result), best=slot.letter == best)
        for slot, result in zip(slots, found, strict=True)
    )
    losses = (
        Cell() if result is None or result.loss is None else Cell(f"{result.loss:.3f}")
        for result in found
    )
    return [
        FigureLine(ACCURACY, tuple(accuracies)),
        _least(
            TIME,
            [None if r is None else r.seconds or None for r in found],
            duration,
            found,
            marked=marked,
        ),
        FigureLine("Validation loss", tuple(losses)),
        _least(
            "Peak memory",
            [None if r is None else r.peak_memory for r in found],
            lambda size: words.amount(round(size)),
            found,
            marked=marked,
        ),
        FigureLine("Audit", tuple(Cell() if r is None else Cell(_audit(r)) for r in found)),
    ]


def trials_by_letter(slots: Sequence[Slot]) -> dict[str, Sequence[Trial]]:
    """Return the trials of the slots that have any, by letter."""
    return {slot.letter: slot.trials for slot in slots if slot.trials}


def _accuracy(slot: Slot, result: RunResults) -> Cell:
    shares = [trial.accuracy for trial in slot.trials]
    if len(shares) > 1:
        spread = f"{len(shares)} seeds: {min(shares):.1%} to {max(shares):.1%}"
        return Cell(f"{fmean(shares):.1%}", spread)
    if shares:
        return Cell(f"{shares[0]:.1%}")
    if result.accuracy is None:
        return Cell()
    return Cell(f"{result.accuracy:.1%}", "" if result.status == "finished" else result.status)


def _least(
    title: str,
    values: Sequence[float | None],
    written: Callable[[float], str],
    found: Sequence[RunResults | None],
    *,
    marked: bool,
) -> FigureLine:
    """Return a line of the runs' values, the lowest `marked` where it is clearly the lowest."""
    first, *others = sorted(value for value in values if value is not None) or [0.0]
    clear = marked and bool(others) and first < others[0] * _CLEARLY_LESS
    cells = (
        Cell()
        if result is None or value is None
        else Cell(
            written(value), _device(result) if title == TIME else "", clear and value == first
        )
        for value, result in zip(values, found, strict=True)
    )
    return FigureLine(title, tuple(cells))


def _device(result: RunResults) -> str:
    return result.started.device.upper() if result.started else ""


def _audit(result: RunResults) -> str:
    return {True: "kept", False: "not kept", None: NONE}[result.audit_passed]


def _costs(slots: Sequence[Slot]) -> list[FigureLine]:
    columns = (
        _of_record(slot.plan) if isinstance(slot.plan, Record) else _of_schedule(slot, slot.plan)
        for slot in slots
    )
    return [FigureLine(title, tuple(cells)) for title, *cells in zip(_COSTS, *columns, strict=True)]


def _of_record(record: Record) -> tuple[Cell, ...]:
    """Return the cells of a record's column, in the order of `_COSTS`."""
    unknown, last = Cell(remark="not recorded"), record.epochs - 1
    trainable = sum(group.parameters for group in record.groups if plan.trains_in(group, last))
    epochs, unchecked = Cell(f"{record.epochs:,}"), Cell(remark="not checked")
    return epochs, unknown, unknown, unknown, Cell(_many(trainable)), unchecked


def _of_schedule(slot: Slot, schedule: Schedule) -> tuple[Cell, ...]:
    """Return the cells of a schedule's column, in the order of `_COSTS`."""
    layers = slot.table
    found = checks.problems(schedule, layers, slot.settings.batch_size, slot.steps_per_epoch)
    errors = sum(problem.severity == "error" for problem in found)
    remark = f"{errors} error{'s' if errors > 1 else ''}" if errors else ""
    epochs, problems = Cell(f"{schedule.epochs:,}"), Cell(str(len(found)), remark)
    if layers is None:
        return epochs, Cell(), Cell(), Cell(), Cell(), problems
    costs = cost_figures.figures(schedule, layers, slot.settings)
    parts = costs.savings.phases
    whole = sum(part.plain * (part.end - part.start) for part in parts)
    plain = _work(whole, schedule.epochs) if parts else Cell()
    cached = _work(whole * (1.0 - costs.savings.saved), schedule.epochs) if parts else Cell()
    most = max(part.memory for part in costs.costs.phases)
    memory = Cell(words.amount(most), schedule.optimizer.title())
    return epochs, cached, plain, memory, Cell(_many(costs.costs.phases[-1].trainable)), problems


def _many(parameters: int) -> str:
    return f"{parameters / 1e6:.2f} M" if parameters >= 1e5 else f"{parameters:,}"


def _work(open_epochs: float, epochs: int) -> Cell:
    """Return a cell with compute in epochs, and as a share of a run with every group open."""
    return Cell(percent(open_epochs / epochs), f"{open_epochs:.1f} epochs")
