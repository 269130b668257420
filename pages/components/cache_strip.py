"""What the frozen-part cache will save, phase by phase, on the time axis of the timeline."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from functools import lru_cache
from html import escape

import psutil
import streamlit as st

from core.design import layers
from core.design.cache_plan import Budget
from core.design.savings import Data, PhaseSavings, Savings, Why, savings
from core.design.spec import Schedule
from core.runs.settings import (
    BUNDLED_DATA,
    BUNDLED_TRAIN_IMAGES,
    BUNDLED_VALIDATION_IMAGES,
    Augment,
    RunSettings,
)
from pages.components.axis import TRACK_LEFT, TRACK_RIGHT

VIEWS: Mapping[Augment, int | None] = {"none": 1, "flip": 2, "crops": 10, "random": None}
"""Views of an image; None: a new one in every epoch. Those of `core.training.augment`."""

_SHARE = 0.25
"""Of what is free, what a run may take unless its settings say."""
_SLIM = 92 / 710
"""Share of the time axis below which a phase is too narrow for figures."""
_FIRST = "the first layer"
_WHY: Mapping[Why, str] = {
    "untraceable": "unknown before the run: there is no table of this model's forward pass",
    "open-ended": "not for training: random crops show other images in every epoch",
    "moving": "nothing to save: no layer lies before the first one that changes",
    "budget": "off: what it would store takes more room than it may have",
    "not worth it": "off: running the frozen part once costs more than it saves here",
}


def cache_strip(schedule: Schedule, settings: RunSettings, playhead: float) -> None:
    """Draw the strip: a row of computed work, one of what is saved, one of where training begins.

    `playhead` is in epochs; where phases are too narrow for figures, its phase's are told.
    """
    found = _found(schedule, _data(settings), _budget(settings))
    lead, aside = summary(found, settings), _about(settings)
    head = (
        '<div class="thaw-cost-head"><h2 class="thaw-heading">Frozen-part cache</h2>'
        f"<span>{lead}</span><em>{escape(aside)}</em></div>"
    )
    rows = _rows(found, schedule.epochs, playhead) if found.phases else ""
    left, right = f"--left:{TRACK_LEFT}px", f"--right:{TRACK_RIGHT}px"
    st.html(f'<div class="thaw-cost" style="{left};{right}">{head}{rows}</div>')


def summary(found: Savings, settings: RunSettings) -> str:
    """What the cache saves of the run, or why it saves nothing, in a few words of HTML."""
    if settings.cache == "off":
        return "switched off in the run settings"
    if found.why and not found.passes:
        return _WHY[found.why]
    once = _count(found.passes)
    lead = f"skips <b>{found.saved:.0%}</b> of the work, {once}, {size(found.memory, found.disk)}"
    return f"{_WHY[found.why]}; {lead}" if found.why else lead


def size(memory: int, disk: int = 0) -> str:
    """Bytes in memory and on disk: `214 MB`, `1.2 GB and 3.4 GB on disk`."""
    if not disk:
        return _bytes(memory)
    on_disk = f"{_bytes(disk)} on disk"
    return f"{_bytes(memory)} and {on_disk}" if memory else on_disk


@lru_cache(maxsize=32)
def _found(schedule: Schedule, data: Data, budget: Budget) -> Savings:
    table = layers.find(schedule.model.name)
    if table is None:
        return Savings(0.0, (), why="untraceable")
    return savings(table, schedule, data, budget)


def _data(settings: RunSettings) -> Data:
    train, validation = settings.samples, settings.validation_samples
    if settings.data == BUNDLED_DATA:
        train = min(train, BUNDLED_TRAIN_IMAGES)
        validation = min(validation, BUNDLED_VALIDATION_IMAGES)
    views = VIEWS[settings.augment]
    return Data(settings.image_size, train, validation, settings.batch_size, views)


def _budget(settings: RunSettings) -> Budget:
    if settings.cache == "off":
        return Budget(0)
    free = _free()
    memory, disk = settings.cache_memory, settings.cache_disk
    return Budget(
        free.memory if memory is None else memory * 1_000_000,
        free.disk if disk is None else disk * 1_000_000,
    )


@st.cache_data(ttl=60, show_spinner=False)
def _free() -> Budget:
    """What a run on this machine's processor would take by itself."""
    memory, disk = psutil.virtual_memory().available, shutil.disk_usage("/").free
    return Budget(int(memory * _SHARE), int(disk * _SHARE))


def _about(settings: RunSettings) -> str:
    data = _data(settings)
    images = f"{data.train_images:,} images at {data.image_size} px"
    return f"from FLOPs, before the run: {images}; 100% is every group open"


def _rows(found: Savings, epochs: int, playhead: float) -> str:
    parts = found.phases
    now = next((at for at, p in enumerate(parts) if p.start <= playhead < p.end), len(parts) - 1)
    total_plain = sum(p.plain * (p.end - p.start) for p in parts)
    total = total_plain * (1.0 - found.saved) / epochs
    works, saved, begins = (
        [
            _cell(*tell(part), part, epochs, at == now and len(parts) > 1)
            for at, part in enumerate(parts)
        ]
        for tell in (_work_cell, _saved_cell, _begins_cell)
    )
    slim = any((p.end - p.start) / epochs < _SLIM for p in parts)
    chosen = parts[now]
    told = f"Phase {now + 1} of {len(parts)}: {_work(chosen)}, {_saved(chosen)}, begins at "
    return (
        _row("Compute per epoch", works, f"<b>{total:.0%}</b> of {total_plain / epochs:.0%}")
        + _row(
            "Saved, stored",
            saved,
            f"<b>{_minus(found.saved)}</b> with passes" if found.passes else "",
        )
        + f'<div class="thaw-cost-last{" slim" if slim else ""}">'
        + _row("Training begins at", begins, "")
        + f'<p class="thaw-cost-now">{told}<b>{escape(chosen.before or _FIRST)}</b></p></div>'
    )


def _row(label: str, cells: list[str], total: str) -> str:
    return (
        f'<div class="thaw-cost-row"><span>{label}</span><div>{"".join(cells)}</div>'
        f"<em>{total}</em></div>"
    )


def _cell(figures: str, bars: str, part: PhaseSavings, epochs: int, current: bool) -> str:
    mark = ' class="now"' if current else ""
    width = f"width:{(part.end - part.start) / epochs:.4%}"
    return f'<div{mark} style="{width}"><p>{figures}</p>{bars}</div>'


def _bars(pale: float, dark: float) -> str:
    widths = f'<i style="width:{pale:.1%}"></i><b style="width:{dark:.1%}"></b>'
    return f'<span class="thaw-cost-share">{widths}</span>'


def _work(part: PhaseSavings) -> str:
    return f"<b>{part.cached:.0%}</b> of {part.plain:.0%}"


def _saved(part: PhaseSavings) -> str:
    return f"<b>{_minus(part.saved)}</b> {_bytes(part.bytes)}" if part.bytes else "–"


def _work_cell(part: PhaseSavings) -> tuple[str, str]:
    return _work(part), _bars(part.plain, part.cached)


def _saved_cell(part: PhaseSavings) -> tuple[str, str]:
    return _saved(part), _bars(0.0, part.saved)


def _begins_cell(part: PhaseSavings) -> tuple[str, str]:
    name = escape(part.before or _FIRST)
    return f'<span title="{name}">{name}</span>', ""


def _minus(share: float) -> str:
    return f"−{share:.0%}" if round(share, 2) else "0%"


def _count(passes: tuple[int, ...]) -> str:
    if len(passes) == 1:
        return f"one pass in epoch {passes[0]}"
    first = ", ".join(str(epoch) for epoch in passes[:3])
    return f"{len(passes)} passes in epochs {first}{' …' if len(passes) > 3 else ''}"


def _bytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:,.0f} MB"
