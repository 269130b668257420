"""The table of costs and results: a row per figure, a column per schedule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from core import checks
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
_COSTS = (
    "Epochs",
    "Compute, with cache",
    "Compute, without",
    "Gradients + optimizer",
    "Trainable, at the end",
    "Problems",
)


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure as text, with a remark below it. The best figure of a row is bold."""

    text: str = NONE
    remark: str = ""
    best: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the table: its title, and a cell for each slot."""

    title: str
    cells: tuple[Cell, ...]


def lines(slots: Sequence[Slot], results: Mapping[str, RunResults]) -> tuple[Line, ...]:
    """Return the rows: the results first, if a slot is a run, and then the costs."""
    found = [results.get(slot.letter) for slot in slots]
    rows: list[Line] = []
    if any(result is not None for result in found):
        rows += _results(found, marked=measured_alike(slots))
    return (*rows, *_costs(slots))


def table(slots: Sequence[Slot], shown: Sequence[Line]) -> str:
    """Return the rows as an HTML table."""
    heads = "".join(f'<th scope="col">{slot_style.chip(slot.letter)}</th>' for slot in slots)
    body = "".join(
        f'<tr><th scope="row">{escape(line.title)}</th>{"".join(map(_td, line.cells))}</tr>'
        for line in shown
    )
    return (
        '<table class="thaw-figures"><thead><tr><th><span class="thaw-unseen">Figure</span></th>'
        f"{heads}</tr></thead><tbody>{body}</tbody></table>"
    )


def _td(cell: Cell) -> str:
    text = f"<b>{escape(cell.text)}</b>" if cell.best else escape(cell.text)
    remark = f"<small>{escape(cell.remark)}</small>" if cell.remark else ""
    return f"<td>{text}{remark}</td>"


def _results(found: Sequence[RunResults | None], *, marked: bool) -> list[Line]:
    """Return the runs' results, the best of each `marked`."""

    def of(
        title: str,
        value: Callable[[RunResults], float | None],
        written: Callable[[float], str],
        best: Callable[[list[float]], float],
        remark: Callable[[RunResults], str] = lambda _: "",
    ) -> Line:
        values = [None if result is None else value(result) for result in found]
        known = [each for each in values if each is not None]
        top = best(known) if marked and len(set(map(written, known))) > 1 else None
        cells = tuple(
            Cell()
            if result is None or each is None
            else Cell(written(each), remark(result), best=each == top)
            for result, each in zip(found, values, strict=True)
        )
        return Line(title, cells)

    return [
        of("Validation accuracy", lambda r: r.accuracy, "{:.1%}".format, max, _unfinished),
        of("Validation loss", lambda r: r.loss, "{:.3f}".format, min),
        of("Time", lambda r: r.seconds or None, duration, min, _device),
        of("Peak memory", lambda r: r.peak_memory, lambda b: words.amount(round(b)), min),
        Line("Audit", tuple(Cell() if r is None else Cell(_audit(r)) for r in found)),
    ]


def _unfinished(result: RunResults) -> str:
    return "" if result.status == "finished" else result.status


def _device(result: RunResults) -> str:
    return result.started.device.upper() if result.started else ""


def _audit(result: RunResults) -> str:
    return {True: "kept", False: "not kept", None: NONE}[result.audit_passed]


def _costs(slots: Sequence[Slot]) -> list[Line]:
    columns = (
        _of_record(slot.plan) if isinstance(slot.plan, Record) else _of_schedule(slot, slot.plan)
        for slot in slots
    )
    return [Line(title, tuple(cells)) for title, *cells in zip(_COSTS, *columns, strict=True)]


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
