"""The rows of the cost strip: a title, a cell for each phase, and the run's total."""

from __future__ import annotations

from dataclasses import dataclass

from core.cache_plan.savings import Savings
from core.models.costs import Costs, PhaseCosts
from core.runs.settings import RunSettings
from core.schedule.words import percent
from pages.components.shared import cost_words as words
from pages.components.shared.cost_figures import Figures, data


@dataclass(frozen=True, slots=True)
class Cell:
    """Figures as HTML, and the lengths of a dark bar and of a pale one behind it, in [0, 1]."""

    figures: str
    dark: float
    pale: float = 0.0


@dataclass(frozen=True, slots=True)
class Row:
    """A row: `title`, `total` and `note` are HTML; `note` stands in place of cells.

    `term` is its key in the glossary, and `short` names a figure in a sentence: `132 MB memory`.
    """

    title: str
    short: str
    term: str
    cells: tuple[Cell, ...]
    total: str
    note: str = ""


def rows(found: Figures, optimizer: str, settings: RunSettings) -> tuple[Row, ...]:
    """Return the rows from parameters to what the cache saves; the first two alone without FLOPs.

    `optimizer` is its name for people.
    """
    trainable, memory, flops = rows_of_costs(found.costs, optimizer)
    if not found.savings.phases:
        note = words.why_off(found.savings, settings)
        return (trainable, memory, Row("Frozen-part cache", "cache", "", (), "", note))
    return (trainable, memory, flops, _work(found.savings), _cache(found.savings, settings))


def rows_of_costs(costs: Costs, optimizer: str) -> tuple[Row, Row, Row]:
    """Return the rows that the timeline's cost_strip.js draws as well, while a hand moves windows.

    They are trainable parameters, their memory, and FLOPs.
    """
    return _trainable(costs), _memory(costs, optimizer), _flops(costs)


def phase_at(found: Figures, playhead: float) -> int:
    """Return the place of the phase in which the playhead stands, in epochs."""
    parts = found.costs.phases
    return next((at for at, part in enumerate(parts) if playhead < part.end), len(parts) - 1)


def phase_name(part: PhaseCosts, at: int, many: int) -> str:
    """Return a phase's name for people: `Phase 2 of 4, epochs 2–4`."""
    return f"Phase {at + 1} of {many}, epochs {part.start}–{part.end}"


def about(settings: RunSettings) -> str:
    """Return what an epoch runs over: `1,000 images at 64 px`."""
    seen = data(settings)
    return f"{seen.train_images:,} images at {seen.image_size} px"


def _trainable(costs: Costs) -> Row:
    whole = max(1, costs.whole.trainable)
    cells = (Cell(f"<b>{part.trainable:,}</b>", part.trainable / whole) for part in costs.phases)
    return Row("Trainable", "trainable", "trainable", tuple(cells), f"of {costs.whole.trainable:,}")


def _memory(costs: Costs, optimizer: str) -> Row:
    whole = max(1, costs.whole.memory)
    cells = (
        Cell(f"<b>{words.amount(part.memory)}</b>", part.memory / whole) for part in costs.phases
    )
    total = f"of {words.amount(costs.whole.memory)}"
    return Row(f"Gradients + {optimizer}", "memory", "memory", tuple(cells), total)


def _flops(costs: Costs) -> Row:
    whole = costs.whole.forward + costs.whole.backward
    cells = (
        Cell(words.both_flops(part), (part.forward + part.backward) / max(1, whole))
        for part in costs.phases
    )
    title = "FLOPs per image <small>fwd + bwd</small>"
    return Row(title, "FLOPs", "flops", tuple(cells), f"of {words.flops(whole)}")


def _work(savings: Savings) -> Row:
    parts = savings.phases
    cells = (Cell(words.work(part), part.cached, part.plain) for part in parts)
    epochs = parts[-1].end
    plain = sum(part.plain * (part.end - part.start) for part in parts) / epochs
    cached = plain * (1.0 - savings.saved)
    total = f"<b>{percent(cached)}</b> of {percent(plain)}"
    return Row("Compute per epoch", "compute", "compute", tuple(cells), total)


def _cache(savings: Savings, settings: RunSettings) -> Row:
    cells = tuple(Cell(words.saved(part), part.saved) for part in savings.phases)
    note = words.why_off(savings, settings)
    return Row(
        "Frozen-part cache", "cache", "cache", () if note else cells, words.faster(savings), note
    )
