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
from core.schedule.words import percent
from pages.components.compare import slot_style
from pages.components.compare.conditions import measured_alike
from pages.components.compare.slots import Slot
from pages.components.shared import cost_figures
from pages.components.shared import cost_words as words

NONE = "–"


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
    cached: list[Cell] = []
    plain: list[Cell] = []
    memory: list[Cell] = []
    trainable: list[Cell] = []
    problems: list[Cell] = []
    for slot in slots:
        if isinstance(slot.plan, Record):
            for cells in (cached, plain, memory):
                cells.append(Cell(remark="not recorded"))
            problems.append(Cell(remark="not checked"))
            trainable.append(Cell(_many(_trains_at_the_end(slot.plan))))
            continue
        layers = slot.table
        found = checks.problems(slot.plan, layers, slot.settings.batch_size, slot.steps_per_epoch)
        errors = sum(problem.severity == "error" for problem in found)
        remark = f"{errors} error{'s' if errors > 1 else ''}" if errors else ""
        problems.append(Cell(str(len(found)), remark))
        if layers is None:
            for cells in (cached, plain, memory, trainable):
                cells.append(Cell())
            continue
        costs = cost_figures.figures(slot.plan, layers, slot.settings)
        parts, epochs = costs.savings.phases, slot.plan.epochs
        whole = sum(part.plain * (part.end - part.start) for part in parts)
        plain.append(_work(whole, epochs) if parts else Cell())
        cached.append(_work(whole * (1.0 - costs.savings.saved), epochs) if parts else Cell())
        most = max(part.memory for part in costs.costs.phases)
        memory.append(Cell(words.amount(most), slot.plan.optimizer.title()))
        trainable.append(Cell(_many(costs.costs.phases[-1].trainable)))
    return [
        Line("Epochs", tuple(Cell(f"{slot.plan.epochs:,}") for slot in slots)),
        Line("Compute, with cache", tuple(cached)),
        Line("Compute, without", tuple(plain)),
        Line("Gradients + optimizer", tuple(memory)),
        Line("Trainable, at the end", tuple(trainable)),
        Line("Problems", tuple(problems)),
    ]


def _trains_at_the_end(record: Record) -> int:
    last = record.epochs - 1
    return sum(group.parameters for group in record.groups if plan.is_open(group, last))


def _many(parameters: int) -> str:
    return f"{parameters / 1e6:.2f} M" if parameters >= 1e5 else f"{parameters:,}"


def _work(open_epochs: float, epochs: int) -> Cell:
    """Return a cell with compute in epochs, and as a share of a run with every group open."""
    return Cell(percent(open_epochs / epochs), f"{open_epochs:.1f} epochs")
