"""The lesson's texts: two languages that say the same, and no number that is typed in."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import presets
from core.checks import problems
from core.models import layer_table
from pages.components.learn import checks, texts
from pages.components.learn import numbers as facts
from pages.components.learn.language import FOLDER, LANGUAGES, Language, words
from tests.checks import small

EN, ES = LANGUAGES["en"], LANGUAGES["es"]
FILES = (*texts.STEPS, texts.CHECKLIST)


def _prose(body: str) -> str:
    """The text without code, links, placeholders, and names that hold a digit."""
    for taken in (r"```.*?```", r"`[^`]*`", r"\[[^\]]*\]\([^)]*\)", r"\$\{\w+\}", r"ResNet-18"):
        body = re.sub(taken, "", body, flags=re.DOTALL)
    return body


@pytest.mark.parametrize("step", FILES)
def test_both_languages_have_the_same_placeholders_links_and_code(step: str) -> None:
    english, spanish = (texts.read(language.code, step) for language in (EN, ES))
    assert len(english.sections) == len(spanish.sections)
    for one, other in zip(english.sections, spanish.sections, strict=True):
        for pattern in (r"\$\{\w+\}", r"\]\((.*?)\)", r"```.*?```"):
            here, there = (
                sorted(set(re.findall(pattern, s.body, flags=re.DOTALL))) for s in (one, other)
            )
            assert here == there


@pytest.mark.parametrize("language", LANGUAGES.values(), ids=LANGUAGES)
def test_every_placeholder_has_a_number_and_every_number_a_place(language: Language) -> None:
    numbers = facts.numbers(language)
    used = frozenset[str]().union(*(texts.read(language.code, s).placeholders for s in FILES))
    assert used == set(numbers)


@pytest.mark.parametrize("step", FILES)
@pytest.mark.parametrize("code", LANGUAGES)
def test_no_number_is_typed_into_the_text(code: str, step: str) -> None:
    for section in texts.read(code, step).sections:
        typed = set(re.findall(r"\d+", _prose(section.body)))
        assert typed <= {"0", "1"}


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_file_of_a_language_is_read(code: str) -> None:
    on_disk = {path.name for path in (FOLDER / code).iterdir()}
    short = {"words.toml", "glossary.toml", "gestures.md"}
    assert on_disk == short | {texts.file_name(step) for step in FILES}


def test_both_languages_have_the_same_short_texts_and_all_are_used() -> None:
    english, spanish = words("en"), words("es")
    assert list(english) == list(spanish)
    for key, word in english.items():
        assert sorted(re.findall(r"\$\{\w+\}", word)) == sorted(
            re.findall(r"\$\{\w+\}", spanish[key])
        )
    assert {key.partition(".")[2] for key in english if key.startswith("items.")} == set(
        checks.ITEMS
    )
    assert {key.partition(".")[2] for key in english if key.startswith("short.")} == set(
        texts.STEPS
    )


def test_spanish_is_punctuated_as_spanish() -> None:
    for step in FILES:
        for section in texts.read("es", step).sections:
            body = _prose(f"{section.heading}\n{section.body}")
            assert body.count("?") == body.count("¿")
            assert body.count("!") == body.count("¡")
            assert '"' not in body
            assert body.count("«") == body.count("»")


def test_numbers_are_written_as_each_language_writes_them() -> None:
    assert (EN.integer(11_689_512), ES.integer(11_689_512)) == (
        "11,689,512",
        "11\u202f689\u202f512",
    )
    assert (EN.integer(9_536), ES.integer(9_536)) == ("9,536", "9536")
    assert (EN.share(0.0439), ES.share(0.0439)) == ("4.4%", "4,4\u00a0%")
    assert (EN.share(0.718), ES.share(0.718)) == ("72%", "72\u00a0%")
    assert (EN.rate(9.9157e-7), ES.rate(9.9157e-7)) == ("9.9e-7", "9,9e-7")
    assert (EN.rate(1e-3), ES.rate(1e-3)) == ("1e-3", "1e-3")
    assert (EN.rate(0.01), ES.rate(0.01)) == ("0.01", "0,01")


@given(st.integers(0, 10**12))
def test_an_integer_keeps_its_digits_in_every_language(value: int) -> None:
    for language in LANGUAGES.values():
        assert int(re.sub(r"\D", "", language.integer(value))) == value


@pytest.mark.parametrize("preset", presets.names())
def test_what_the_checklist_looks_up_is_what_the_linter_finds(preset: str) -> None:
    schedule = presets.load(preset)
    table = layer_table.load(schedule.model.name)
    codes = {problem.code for problem in problems(schedule, table)}
    mirrored = {
        "cover": {"ungrouped", "nested-path"},
        "still": {"moving-batchnorm"},
        "falls": {"rising-lr"},
        "busy": {"idle-epochs"},
        "spread": {"wide-spread"},
        "warm": {"long-warmup", "no-warmup"},
    }
    for item, faults in mirrored.items():
        found = checks.check_item(item, schedule, table, EN)
        assert found is not None
        assert found.good == (not codes & faults), (item, found)


@pytest.mark.parametrize(
    ("lr", "adam", "good", "facts"),
    [
        ({"warmup": {"epochs": 4}}, True, True, {"4", "8"}),
        ({"warmup": {"epochs": 4.1}}, True, False, {"4.1", "8"}),
        ({"warmup": {"epochs": 2}, "after_unfreeze": "restart"}, True, True, {"2", "4", "early"}),
        ({"warmup": {"epochs": 4}, "after_unfreeze": "restart"}, True, False, {"4", "early"}),
        ({}, True, False, {"late"}),
        ({}, False, True, {"1e-3"}),
    ],
)
def test_a_warmup_is_looked_for_where_adam_needs_one_and_ends_in_half_of_every_curve(
    lr: dict[str, object], adam: bool, good: bool, facts: set[str]
) -> None:
    made = small.schedule(
        small.group("early", *small.ALL[:4], trains=[[4, None]]),
        small.group("late", *small.ALL[4:]),
        small.group("head"),
        epochs=8,
        lr=lr,
        optimizer={"name": "adam" if adam else "sgd"},
    )
    found = checks.check_item("warm", made, small.RESNET18, EN)
    assert found is not None
    assert found.good == good
    told = set(re.findall(r"[\w.-]*\w", found.text))
    numbers = {word for word in told if word[0].isdigit()}
    assert numbers <= facts <= told
    if {"long-warmup", "no-warmup"} & {problem.code for problem in problems(made, small.RESNET18)}:
        assert not good


def test_the_exercise_fails_two_live_checks_and_the_mended_one_none() -> None:
    found = facts.exercise()
    verdicts = {
        name: [
            item
            for item in checks.ITEMS
            if (look := checks.check_item(item, schedule, found.table, EN)) and not look.good
        ]
        for name, schedule in (("written", found.written), ("mended", found.mended))
    }
    assert verdicts == {"written": ["still", "falls"], "mended": []}
    cover = checks.check_item("cover", found.written, found.table, EN)
    assert cover is not None
    assert re.findall(r"\d+", cover.text) == ["62", "62"]
