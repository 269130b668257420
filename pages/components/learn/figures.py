"""The live figure of each step, drawn from the exercise's schedules and its model's table."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import streamlit as st

from core.models import layer_table
from core.models.layer_table import MEASURED_AT
from core.schedule import curves, edits, plan
from core.schedule.spec import Schedule
from pages.components.learn import markup
from pages.components.learn.language import Language
from pages.components.learn.numbers import ULMFIT_DIVISOR, Exercise, exercise
from pages.components.learn.rate_pair import rate_chart, rate_reading
from pages.components.shared import cost_words, crosshair, frame

_FLOAT_BYTES = 4


def draw(step: str, language: Language) -> None:
    """Draw the figure of a step."""
    _FIGURES[step](exercise(), language)


def _setup(found: Exercise, language: Language) -> None:
    table, word = found.table, language.word
    norms = sum("BatchNorm" in layer.kind for layer in table.layers)
    megabytes = table.parameters * _FLOAT_BYTES / 1e6
    work = cost_words.flops(table.flops_at(MEASURED_AT))
    tiles = st.grid(3, min_column_width=190, gap="xsmall")
    for label, value in (
        (word("figure.parameters"), language.integer(table.parameters)),
        (word("figure.tensors"), language.integer(len(layer_table.parameter_counts(table)))),
        (word("figure.batchnorms"), language.integer(norms)),
        (word("figure.weights"), f"{language.number(megabytes)} MB"),
        (word("figure.work", size=str(MEASURED_AT)), f"{language.mark(work)}FLOPs"),
        (word("figure.groups"), language.integer(len(found.sizes))),
    ):
        tiles.metric(label, value)
    tints = frame.group_tints(found.written)
    boxes = "".join(
        f'<li style="--colour:{tints[name]}"><b>{name}</b></li>' for name in found.sizes
    )
    ends = f"<span>{word('figure.general')}</span><span>{word('figure.specific')}</span>"
    st.html(f'<ol class="thaw-lesson-row">{boxes}</ol><div class="thaw-lesson-ends">{ends}</div>')


def _groups(found: Exercise, language: Language) -> None:
    tints = frame.group_tints(found.written)
    total, largest = found.table.parameters, max(found.sizes.values())
    rows = [
        (
            frame.swatch_and_name(group.name, tints[group.name]),
            f"<code>{', '.join(group.modules)}</code>",
            language.integer(found.sizes[group.name]),
            markup.bar(found.sizes[group.name] / largest, tints[group.name])
            + language.share(found.sizes[group.name] / total),
        )
        for group in reversed(found.written.groups)
    ]
    word = language.word
    rows.append((word("figure.total"), "", language.integer(total), ""))
    head = [word(f"figure.{key}") for key in ("group", "modules", "parameters", "share")]
    st.html(markup.table(word("figure.parameters"), head, rows))


def _freezing(found: Exercise, language: Language) -> None:
    word = language.word
    names = [group.name for group in reversed(found.written.groups)]
    chosen = st.pills(
        word("figure.trainable"),
        names,
        selection_mode="multi",
        default=[found.head],
        key="lesson-open",
    )
    count = found.trainable(tuple(chosen))
    tints = frame.group_tints(found.written)
    parts = "".join(
        f'<i style="flex-grow:{found.sizes[name]};background:'
        f'{tints[name] if name in chosen else "var(--thaw-card-border)"}"></i>'
        for name in found.sizes
    )
    st.html(f'<div class="thaw-lesson-stack" aria-hidden="true">{parts}</div>')
    total = found.table.parameters
    st.markdown(
        word(
            "figure.counted",
            count=f"**{language.integer(count)}**",
            total=language.integer(total),
            share=language.share(count / total),
        )
        if count
        else word("figure.none")
    )
    yes, no = (
        f'<span class="thaw-lesson-{mark}">{word(f"figure.{mark}")}</span>'
        for mark in ("yes", "no")
    )
    rows = [
        (word("figure.gradient"), yes, yes),
        (word("figure.statistics"), no, yes),
        (word("figure.dropout"), no, yes),
        (word("figure.old-gradient"), no, yes),
    ]
    head = ["", word("figure.by-flag"), word("figure.by-group")]
    st.html(markup.table(word("figure.stops"), head, rows))


def _rates(found: Exercise, language: Language) -> None:
    word, written = language.word, found.written
    factors = (written.lr.group_decay, round(1 / ULMFIT_DIVISOR, 4), 0.5, 0.75)
    factor = st.segmented_control(
        word("figure.factor"),
        factors,
        default=factors[0],
        required=True,
        format_func=lambda value: (
            f"1/{language.number(ULMFIT_DIVISOR)}"
            if value == factors[1]
            else language.number(value)
        ),
        key="lesson-factor",
    )
    schedule = edits.set_field(written, "lr.group_decay", factor)
    peaks = {group.name: curves.peak(schedule, group) for group in schedule.groups}
    lowest = min(found.peaks.values()) / 10
    tints = frame.group_tints(schedule)
    span = np.log10(max(found.peaks.values()) / lowest)
    rows = [
        (
            frame.swatch_and_name(name, tints[name]),
            language.rate(peaks[name]),
            markup.bar(float(np.log10(peaks[name] / lowest) / span), tints[name]),
        )
        for name in reversed(peaks)
    ]
    st.html(
        markup.table(word("figure.rate"), [word("figure.group"), word("figure.rate"), "log"], rows)
    )


def _unfreezing(found: Exercise, language: Language) -> None:
    word, schedule = language.word, found.written
    epoch = st.slider(
        word("figure.resume"),
        0,
        schedule.epochs - 1,
        found.resume_epoch,
        key="lesson-epoch",
    )
    st.html(markup.timeline(schedule, epoch, language))
    st.html(_resumed(found, epoch, language))
    phases = plan.phases(schedule)
    rows = [
        (
            f"{phase.start}–{phase.end - 1}",
            f'<span class="thaw-lesson-names">{", ".join(reversed(phase.training))}</span>',
            language.integer(found.trainable(phase.training)),
            language.share(found.trainable(phase.training) / found.table.parameters),
        )
        for phase in phases
    ]
    head = [word(f"figure.{key}") for key in ("epochs", "trainable", "parameters", "share")]
    st.html(markup.table(word("figure.phases"), head, rows))


def _resumed(found: Exercise, epoch: int, language: Language) -> str:
    word = language.word
    right, kept = plan.training_groups(found.written, epoch), found.open_after_resume(epoch)
    lost = [name for name in reversed(right) if name not in kept]
    fate = word("figure.lost", groups=", ".join(lost)) if lost else word("figure.nothing-lost")
    mark = "no" if lost else "yes"
    return (
        f'<dl class="thaw-lesson-resumed"><dt>{word("figure.function")}</dt>'
        f"<dd>{', '.join(reversed(right))}</dd><dt>{word('figure.passing')}</dt>"
        f'<dd>{", ".join(reversed(kept))} <span class="thaw-lesson-{mark}">{fate}</span></dd></dl>'
    )


def _warmup(found: Exercise, language: Language) -> None:
    both = {"exercise": found.written, "mended": found.mended}
    for place, (name, schedule) in zip(st.columns(2, gap="medium"), both.items(), strict=True):
        with place:
            _table_of_rates(found, name, schedule, language)


def _table_of_rates(found: Exercise, name: str, schedule: Schedule, language: Language) -> None:
    title = language.word(f"page.{name}")
    st.html(f'<h3 class="thaw-heading">{title}</h3>')
    dark = frame.is_dark()
    crosshair.show(
        rate_chart(found, schedule, dark=dark),
        rate_reading(schedule, language, dark=dark),
        f"lesson-rates-{name}",
        f"{title}: {language.word('figure.chart', epochs=str(schedule.epochs))}",
        legend=True,
    )
    tints = frame.group_tints(schedule)
    warm, last = round(schedule.lr.warmup.epochs), schedule.epochs - 1
    epochs = (0, warm, (warm + last) // 2, last)
    rates = found.rates(schedule)
    rows = [
        (
            frame.swatch_and_name(group, tints[group]),
            *(language.rate(rates[group][epoch]) for epoch in epochs),
            _fold(rates[group][last] / found.peaks[group], language),
        )
        for group in reversed(rates)
    ]
    head = [language.word("figure.epoch"), *map(str, epochs), language.word("figure.fold")]
    st.html(markup.table(f"{title}: {language.word('figure.table')}", head, rows))


def _fold(fold: float, language: Language) -> str:
    """Return the last rate over the peak; one that rises is marked."""
    text = language.number(fold, 2)
    return f'<span class="thaw-lesson-no">{text}</span>' if fold > 1 + 1e-9 else text


_FIGURES: Mapping[str, Callable[[Exercise, Language], None]] = {
    "setup": _setup,
    "groups": _groups,
    "freezing": _freezing,
    "rates": _rates,
    "unfreezing": _unfreezing,
    "warmup": _warmup,
}
