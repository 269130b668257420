from __future__ import annotations

import base64
import json
import random
import re
import zlib
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import presets
from core.errors import LinkError
from core.schedule import link, parse
from core.schedule.spec import Schedule
from tests.schedule.strategies import schedules

GOLDEN = Path(__file__).parent / "golden"
GRADUAL = presets.load("gradual")
COPY_AGAIN = "copy the whole link again from the page that shows it"


def packed(document: bytes) -> str:
    """Any bytes as a link."""
    words = (files("core.schedule") / "link.dictionary").read_bytes()
    stream = zlib.compressobj(level=9, zdict=words)
    content = stream.compress(document) + stream.flush()
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


@pytest.mark.parametrize("name", sorted(path.stem for path in GOLDEN.glob("*.link")))
def test_a_link_of_version_1_opens_forever(name: str):
    text = (GOLDEN / f"{name}.link").read_text(encoding="utf-8")
    written_out = (GOLDEN / f"{name}.json").read_text(encoding="utf-8")
    assert link.decode(text) == parse.parse(written_out)


@given(schedules())
def test_a_link_gives_back_the_schedule(schedule: Schedule):
    assert link.decode(link.encode(schedule)) == schedule


@given(schedules())
def test_a_link_needs_no_escaping_in_an_address(schedule: Schedule):
    assert re.fullmatch(r"[A-Za-z0-9_-]+", link.encode(schedule))


@pytest.mark.parametrize("name", presets.names())
def test_a_presets_link_has_about_two_hundred_characters_at_most(name: str):
    schedule = presets.load(name)
    groups = schedule.groups
    own_numbers = sum(group.lr_scale is not None for group in groups)
    own_numbers += len(getattr(schedule.lr.decay, "milestones", ()))
    most = 200 + 5 * max(len(groups) - 7, 0) + 13 * own_numbers
    assert len(link.encode(presets.load(name))) <= most


def test_padding_and_blanks_around_a_link_do_no_harm():
    text = link.encode(GRADUAL)
    assert link.decode(f"  {text}==\n") == GRADUAL


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("===", "is empty"),
        ("a b", "has ' ' as character 2, which a link cannot contain"),
        ("eJy+/w", "has '+' as character 4, which a link cannot contain"),
        ("ab=cd", "has '=' as character 3, which a link cannot contain"),
        ("é", "has 'é' as character 1, which a link cannot contain"),
        ("\ud800", "has '\\ud800' as character 1, which a link cannot contain"),
        ("٣٣٣٣", "has '٣' as character 1, which a link cannot contain"),
        ("A" * 40, "is damaged"),
        ("abcde", "is truncated"),
        (link.encode(GRADUAL)[:40], "is truncated"),
        (link.encode(GRADUAL)[:-2], "is truncated"),
        (link.encode(GRADUAL)[:-3] + "AAA", "is damaged"),
        (packed(b"{}")[:-3] + "AAAAAAAAAAAA", "is damaged"),
    ],
)
def test_a_link_that_lost_something_on_the_way_is_to_be_copied_again(text: str, wrong: str):
    with pytest.raises(LinkError) as caught:
        link.decode(text)
    assert str(caught.value) == f"the link {wrong}: {COPY_AGAIN}"


def test_a_link_with_something_behind_its_end_is_refused():
    content = base64.urlsafe_b64decode(link.encode(GRADUAL) + "==")
    text = base64.urlsafe_b64encode(content + b"more").decode()
    with pytest.raises(LinkError) as caught:
        link.decode(text)
    assert str(caught.value) == f"the link has something after its end: {COPY_AGAIN}"


def test_every_single_character_that_is_changed_in_a_link_is_noticed():
    text = link.encode(GRADUAL)
    for at, old in enumerate(text):
        changed = text[:at] + ("A" if old != "A" else "B") + text[at + 1 :]
        try:
            assert link.decode(changed) == GRADUAL, "only the unused last bits may change nothing"
            assert at == len(text) - 1
        except LinkError:
            continue


def test_a_link_that_unpacks_to_more_than_a_schedule_may_have_is_refused_unread():
    bomb = packed(b" " * 3_000_000)
    assert len(bomb) < link.MAX_CHARACTERS
    with pytest.raises(LinkError) as caught:
        link.decode(bomb)
    assert str(caught.value) == (
        "the link unpacks to over 262,144 bytes: share a JSON file instead"
    )


def test_a_link_of_just_as_many_bytes_as_a_schedule_may_have_is_read():
    document = parse.dumps(GRADUAL).encode().ljust(parse.MAX_DOCUMENT_BYTES)
    assert link.decode(packed(document)) == GRADUAL


def test_a_text_that_is_too_long_for_a_link_is_refused_before_it_is_unpacked():
    with pytest.raises(LinkError) as caught:
        link.decode("A" * 16_001)
    assert str(caught.value) == "the link has 16,001 characters: a link has at most 16,000"


def test_a_schedule_that_is_too_long_for_a_link_is_to_be_shared_as_a_file():
    raw = parse.to_raw(GRADUAL)
    dice = random.Random(0)
    raw["groups"][0]["modules"] = [f"m{dice.getrandbits(64)}" for _ in range(1_500)]
    with pytest.raises(LinkError) as caught:
        link.encode(parse.from_raw(raw))
    assert re.fullmatch(
        r"the link would have [0-9,]+ characters, more than browsers carry: "
        "share the schedule as a JSON file",
        str(caught.value),
    )


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (b"", "the link: the document is empty: save a schedule as JSON on the Design page"),
        (b"[]", "the link: the document is [], not an object: start it with {"),
        (b"\xff", "the link: the document is not UTF-8 text (byte 0): save it as UTF-8 JSON"),
        (
            json.dumps({**parse.to_raw(GRADUAL), "epochs": 0}).encode(),
            "the link: epochs is 0: it must be at least 1",
        ),
        (
            json.dumps({**parse.to_raw(GRADUAL), "version": 2}).encode(),
            "the link: version is 2, but this Thaw reads 1: update Thaw to open it",
        ),
    ],
)
def test_a_link_that_holds_no_schedule_is_refused_in_the_words_of_the_door(
    document: bytes, message: str
):
    with pytest.raises(LinkError) as caught:
        link.decode(packed(document))
    assert str(caught.value) == message


@given(st.one_of(st.text(), st.text("ABCDwxyz0189_-=", max_size=60)))
def test_any_text_is_a_schedule_or_a_link_error(text: str):
    with pytest.raises(LinkError):
        link.decode(text)


@given(st.binary(max_size=200))
def test_any_packed_bytes_are_a_schedule_or_a_link_error(document: bytes):
    with pytest.raises(LinkError):
        link.decode(packed(document))
