from __future__ import annotations

import re

import pytest

from core.checks import CHECKS
from core.checks.why import codes, meaning, why
from core.errors import InputError


def test_every_code_has_an_entry_and_no_entry_is_without_a_code():
    assert sorted(codes()) == sorted(CHECKS)


@pytest.mark.parametrize("code", CHECKS)
def test_an_entry_says_why_in_words_and_names_a_source(code: str):
    words, _, sources = why(code).partition("Source")
    assert len(words.split()) >= 20
    assert re.search(r"\]\(https://\S+\)", sources)


@pytest.mark.parametrize("code", CHECKS)
def test_an_entry_begins_with_one_sentence_that_says_what_the_problem_is(code: str):
    assert re.fullmatch(r"[A-Z][^.\n]*\.", re.sub(r"\d\.\d", "", meaning(code)))


def test_arxiv_numbers_are_those_of_their_links():
    for code in CHECKS:
        for told, linked in re.findall(
            r"arXiv:([\d.]+)\]\(https://arxiv\.org/abs/([\d.]+)\)", why(code)
        ):
            assert told == linked


def test_an_unknown_code_names_the_nearest():
    with pytest.raises(InputError) as caught:
        why("rising-rl")
    assert str(caught.value) == (
        "CODE is 'rising-rl', which is not a problem code: did you mean 'rising-lr'?"
    )
