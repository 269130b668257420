"""Costs as text: sizes, FLOPs, shares, and savings of the frozen-part cache, as HTML."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from core.cache_plan.savings import PhaseSavings, Savings, WhyUncached
from core.models.costs import PhaseCosts
from core.runs.settings import RunSettings
from core.schedule.words import percent

_FIRST = "the first layer"
_WHY: Mapping[WhyUncached, str] = {
    "untraceable": "unknown before the run: there is no table of this model's forward pass",
    "open-ended": "not for training: random crops show new images in every epoch",
    "moving": "nothing to save: no layer lies before the first one that changes",
    "budget": "off: what it would store takes more space than it may use",
    "not worth it": "off: running the frozen part once costs more than it saves here",
}
_VALIDATION_ONLY: Mapping[WhyUncached, str] = {
    "budget": "for validation only: what training would store takes more space than it may use",
    "not worth it": "for validation only: for training it costs more than it saves",
}
_UNITS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def why_off(found: Savings, settings: RunSettings) -> str:
    """Return why no phase trains from stored tensors; "" where one does."""
    if settings.cache == "off":
        return "switched off in the run settings"
    why = _VALIDATION_ONLY.get(found.why) if found.precompute_passes else None
    return why or _WHY.get(found.why, "")


def summary(found: Savings, settings: RunSettings) -> str:
    """Return what the cache saves of the run, or why it saves nothing, in a few words."""
    off = why_off(found, settings)
    if off and (settings.cache == "off" or not found.precompute_passes):
        return off
    once = _count(found.precompute_passes)
    lead = f"skips <b>{found.saved:.0%}</b> of the work, {once}, {size(found.memory, found.disk)}"
    return f"{off}; {lead}" if off else lead


def faster(found: Savings) -> str:
    """Return how much sooner the run is done, passes included: `1.5× faster`."""
    times = 1.0 / (1.0 - found.saved)
    return f"<b>{times:.1f}×</b> faster" if times >= 1.05 else ""


def size(memory: int, disk: int = 0) -> str:
    """Return bytes in memory and on disk: `214 MB`, `1.2 GB and 3.4 GB on disk`."""
    if not disk:
        return amount(memory)
    on_disk = f"{amount(disk)} on disk"
    return f"{amount(memory)} and {on_disk}" if memory else on_disk


def amount(count: int) -> str:
    """Return bytes as text: `5.1 kB`, `6.2 MB`, `132 MB`, `1.2 GB`."""
    if count >= 1e9:
        return f"{count / 1e9:.1f} GB"
    if 0 < count < 1e5:
        return f"{count / 1e3:.1f} kB"
    return f"{count / 1e6:.1f} MB" if count < 1e7 and count else f"{count / 1e6:,.0f} MB"


def flops(count: int) -> str:
    """Return FLOPs in three digits: `1.82 G`, `49.3 M`, `0`."""
    unit, letter = next(((unit, letter) for unit, letter in _UNITS if count >= unit), (1.0, ""))
    value = count / unit
    digits = 0 if not letter or value >= 99.95 else 1 if value >= 9.995 else 2
    return f"{value:.{digits}f} {letter}".strip()


def both_flops(part: PhaseCosts) -> str:
    """Return FLOPs forward and backward: `149 M + 20.1 M`."""
    return f"<b>{flops(part.forward)}</b> + {flops(part.backward)}"


def work(part: PhaseSavings) -> str:
    """Return an epoch's share of one in which every group trains: with the cache, of without."""
    plain = percent(part.plain)
    return f"<b>{percent(part.cached)}</b> of {plain}" if part.bytes else f"<b>{plain}</b>"


def saved(part: PhaseSavings) -> str:
    """Return what the cache takes off, and what it keeps for that."""
    return f"<b>−{percent(part.saved)}</b> {amount(part.bytes)}" if part.bytes else "–"


def begins(part: PhaseSavings) -> str:
    """Return the module at which training begins in the phase."""
    return escape(part.before or _FIRST)


def _count(passes: tuple[int, ...]) -> str:
    if len(passes) == 1:
        return f"one pass in epoch {passes[0]}"
    first = ", ".join(str(epoch) for epoch in passes[:3])
    return f"{len(passes)} passes in epochs {first}{' …' if len(passes) > 3 else ''}"
