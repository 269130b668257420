"""The glossary: what pages name is explained, in two languages that say the same."""

from __future__ import annotations

import json
import re

import pytest

from pages.components.learn import glossary, texts
from pages.components.learn.language import FOLDER, LANGUAGES, Language

PAGES = FOLDER.parents[1]


def _sources() -> str:
    files = [*PAGES.rglob("*.py"), *PAGES.rglob("*.js")]
    return "".join(each.read_text(encoding="utf-8") for each in files)


def test_every_term_that_a_page_names_is_explained() -> None:
    named = re.findall(r'\b(?:tip|label|term|buildFact)\("([a-z-]+)"', _sources())
    assert len(named) > 20
    assert set(named) - {"training"} <= set(glossary.terms())  # which is none


@pytest.mark.parametrize("language", LANGUAGES.values(), ids=LANGUAGES)
def test_the_list_has_every_term_and_its_links_lead_to_a_step_in_that_language(
    language: Language,
) -> None:
    listed = glossary.term_list(language)
    assert listed.count("<dt>") == len(glossary.terms())
    links = re.findall(r'href="learn\?step=(\w+)&amp;lang=(\w+)"', listed)
    assert {step for step, _ in links} <= set(texts.STEPS)
    assert {code for _, code in links} == {language.code}


def test_a_tooltip_says_in_a_browser_what_it_says_at_a_field() -> None:
    entries = json.loads(glossary.as_json())
    assert entries.keys() == set(glossary.terms())
    for term, (meaning, title, address) in entries.items():
        assert glossary.tip(term) == f"{meaning} [{title}]({address})"


def test_both_languages_have_the_same_gestures() -> None:
    """Row by row, with the same buttons in each cell."""
    tables = [
        [line.split("|") for line in glossary.gestures(language).splitlines()]
        for language in LANGUAGES.values()
    ]
    for rows in zip(*tables, strict=True):
        buttons = [[re.findall(r"\*\*(.+?)\*\*", cell) for cell in row] for row in rows]
        assert buttons[0] == buttons[1]
