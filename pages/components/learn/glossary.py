"""The terms of the Design page: what each means, as a tooltip and as a list of all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from html import escape

from pages.components.learn.language import FOLDER, LANGUAGES, Language, words

_EXPLAINED: Mapping[str, str] = {
    "group": "groups",
    "head": "setup",
    "frozen": "freezing",
    "thaw": "unfreezing",
    "window": "unfreezing",
    "split": "unfreezing",
    "cascade": "unfreezing",
    "epoch": "unfreezing",
    "playhead": "unfreezing",
    "phase": "unfreezing",
    "trainable": "freezing",
    "memory": "groups",
    "lr-budget": "warmup",
    "base-lr": "rates",
    "lr-scale": "rates",
    "group-decay": "rates",
    "optimizer": "rates",
    "shared-curve": "warmup",
    "peak": "warmup",
    "warmup": "warmup",
    "warmup-start": "warmup",
    "warmup-shape": "warmup",
    "shape": "warmup",
    "floor": "warmup",
    "floor-kind": "warmup",
    "restart": "warmup",
    "interval": "warmup",
    "flops": "groups",
    "compute": "groups",
    "cache": "freezing",
    "preset": "setup",
}
"""The step of Learn that explains a term."""


def terms() -> tuple[str, ...]:
    """Return the keys of all terms, in the order of the list."""
    return tuple(
        key.removeprefix("term.") for key in words(_english().code) if key.startswith("term.")
    )


def tip(term: str) -> str:
    """Return the tooltip of a widget as Markdown: what the term means, and a link into Learn."""
    meaning, step = _english().word(f"meaning.{term}"), _EXPLAINED[term]
    return f"{meaning} [{_title(step, _english())}]({_address(step)})"


def label(term: str, text: str) -> str:
    """Return a button around a text, which is HTML; terms.js shows the term's tooltip at it."""
    return f'<button type="button" class="thaw-term" data-term="{term}">{text}</button>'


def term_list(language: Language) -> str:
    """Return all terms with their meanings as HTML, in a language."""
    return f'<dl class="thaw-glossary">{"".join(_item(term, language) for term in terms())}</dl>'


def gestures(language: Language) -> str:
    """Return the table of keys and gestures of the timeline as Markdown, in a language."""
    return (FOLDER / language.code / "gestures.md").read_text(encoding="utf-8")


@cache
def as_json() -> str:
    """Return what terms.js shows: by term its meaning, and title and address of a step."""
    english = _english()
    entries = {
        term: (english.word(f"meaning.{term}"), _title(step, english), _address(step))
        for term, step in _EXPLAINED.items()
    }
    return json.dumps(entries)


def _english() -> Language:
    """Return the language of the Design page."""
    return LANGUAGES["en"]


def _item(term: str, language: Language) -> str:
    step = _EXPLAINED[term]
    address = f"{_address(step)}&amp;lang={language.code}"
    link = f'<a href="{address}" target="_blank">{escape(_title(step, language))}</a>'
    name, meaning = (escape(language.word(f"{part}.{term}")) for part in ("term", "meaning"))
    return f"<div><dt>{name}</dt><dd>{meaning} {link}</dd></div>"


def _title(step: str, language: Language) -> str:
    return language.word("help.learn", step=language.word(f"short.{step}"))


def _address(step: str) -> str:
    """Return the address of a step, from any page."""
    return f"learn?step={step}"
