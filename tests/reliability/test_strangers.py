"""Hostile zips and images: each is told in a line, none costs memory, none leaves its folder."""

from __future__ import annotations

import pytest

from tests.reliability import hostile_images, hostile_zips, strangers
from tests.reliability.strangers import Outcome

pytestmark = pytest.mark.thorough

MOST = 200_000_000
"""Bytes that a page's process may grow by, whatever it is given."""
Seen = dict[str, tuple[Outcome, str | None]]
"""By name: what became of it, and what was expected."""


@pytest.fixture(scope="module")
def seen() -> dict[str, Seen]:
    families = {"zips": hostile_zips.made(), "images": hostile_images.zips()}
    given = {
        f"{family}: {name}": content
        for family, cases in families.items()
        for name, (content, _) in cases.items()
    }
    found = strangers.unpacked(given)
    return {
        family: {
            name: (found[f"{family}: {name}"], expected) for name, (_, expected) in cases.items()
        }
        for family, cases in families.items()
    }


def test_every_hostile_zip_is_refused_in_one_line_or_unpacked_without_harm(
    seen: dict[str, Seen],
) -> None:
    for name, (found, expected) in seen["zips"].items():
        assert expected is not None
        assert expected in found.message, name
        assert bool(found.message) == bool(expected), f"{name}: {found.message}"
        assert found.message.isprintable(), name
        assert len(found.message) < 400, name
        assert found.stray == (), name


def test_every_hostile_image_is_left_out_and_named_and_the_others_are_kept(
    seen: dict[str, Seen],
) -> None:
    for name, (found, reason) in seen["images"].items():
        bad = reason is not None
        assert found.message == "", name
        assert found.images == 5 - bad, f"{name}: {found.left_out}"
        assert [path for path, _ in found.left_out] == ["cat/x.jpg"] * bad, name
        for _, why in found.left_out:
            assert str(reason) in why, f"{name}: {why}"
            assert 0 < len(why) < 120, f"{name}: {why}"


def test_nothing_that_a_stranger_sends_takes_200_megabytes(seen: dict[str, Seen]) -> None:
    grown = {name: case[0].grown for cases in seen.values() for name, case in cases.items()}
    assert len(grown) >= 60
    assert max(grown.values()) < MOST, grown
