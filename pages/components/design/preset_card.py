"""The content of a preset's card in the gallery, as HTML."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from core.presets.schema import Preset, Reference
from core.schedule.spec import Schedule
from core.schedule.words import counted, epochs, rate
from pages.components.design.preset_picture import picture


def card(preset: Preset, schedule: Schedule | str, *, in_use: bool, dark: bool) -> str:
    """Return the card of a preset; `made` is its schedule for the model, or why there is none."""
    drawn = picture(schedule, dark=dark) if isinstance(schedule, Schedule) else ""
    facts = _facts(schedule) if isinstance(schedule, Schedule) else schedule
    mark = "<small>in use</small>" if in_use else ""
    return (
        f'<article class="thaw-preset">{drawn}'
        f"<h4>{escape(preset.title)}{mark}</h4>"
        f"<p>{escape(preset.when)}</p>"
        f'<p class="facts">{escape(facts)}</p>'
        f'<p class="sources">{"; ".join(map(_source, preset.sources))}</p>'
        f"{_deviations(preset)}</article>"
    )


def _facts(schedule: Schedule) -> str:
    optimizer = schedule.optimizer
    facts = [
        epochs(schedule.epochs),
        f"{optimizer.title()} {rate(optimizer.base_lr)}",
        counted(len(schedule.groups), "group"),
    ]
    if schedule.lr.group_decay != 1.0:
        facts.append(f"×{schedule.lr.group_decay:.3g} per group")
    return " · ".join(facts)


def _source(source: Reference) -> str:
    short = escape(source.citation.partition(",")[0])
    if source.url is not None:
        whole = escape(source.citation, quote=True)
        short = (
            f'<a href="{escape(source.url, quote=True)}" target="_blank" rel="noopener"'
            f' title="{whole}">{short}</a>'
        )
    return f"{short}, {escape(source.where)}"


def _deviations(preset: Preset) -> str:
    if not preset.cannot and not preset.changed:
        return ""
    count = len(preset.cannot) + len(preset.changed)
    parts = [f"<summary>Differs from the source: {count}</summary>"]
    if preset.cannot:
        parts.append(f"<h5>A schedule cannot express</h5>{_list(preset.cannot)}")
    if preset.changed:
        parts.append(f"<h5>What Thaw does differently</h5>{_list(preset.changed)}")
    return f"<details>{''.join(parts)}</details>"


def _list(sentences: Iterable[str]) -> str:
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return f"<ul>{items}</ul>"
