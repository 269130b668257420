"""axe-core finds no serious or critical fault on any page, light and dark, wide and on a phone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from pages.lesson import texts
from pages.lesson.visit import PLACES
from tests.browser import driving
from tests.browser.driving import PHONE, WIDE
from tests.browser.faults import serious_faults

OpenPage = Callable[..., Page]
CARDS = {"Run": "settings", "Compare": "compare-empty", "Export": "targets"}
"""A card of each page, by which it is known to have come."""


@pytest.mark.parametrize("viewport", [WIDE, PHONE])
def test_no_serious_fault_on_any_page(open_page: OpenPage, viewport: ViewportSize) -> None:
    page = open_page("/", viewport)
    _assert_none(page, "Design")
    for name, card in CARDS.items():
        driving.go_to(page, name)
        expect(page.locator(f".st-key-card-{card}")).to_be_visible()
        _assert_none(page, name)


def _assert_none(page: Page, name: str) -> None:
    """In the light, then in the dark, in which nothing but the colors is another."""
    assert serious_faults(page) == [], name
    driving.switch_scheme(page, "dark")
    assert serious_faults(page, colors_only=True) == [], f"{name}, dark"
    driving.switch_scheme(page, "light")


def test_no_serious_fault_in_any_step_of_the_lesson(open_page: OpenPage) -> None:
    page = open_page("/learn?lang=en", scheme="dark")  # test_learn.py looks at it on a phone
    for place in PLACES:
        title = texts.read("en", place).title
        expect(page.get_by_role("heading", level=1, name=title, exact=True)).to_be_visible()
        assert serious_faults(page) == [], place
        if place in texts.STEPS:
            page.locator(".st-key-lesson-next button").click()
