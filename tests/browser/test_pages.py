"""Every page has its title and heading, fits the screen, and has no serious fault for axe-core."""

from __future__ import annotations

import pytest
from playwright.sync_api import ViewportSize, expect

from core import presets
from core.schedule import edits
from pages.components.learn import texts
from pages.components.learn.visit import PLACES
from tests.browser import driving
from tests.browser.driving import PHONE, WIDE, OpenPage
from tests.browser.faults import serious_faults
from tests.sample import thorough

PAGES = {
    "Design": ".st-key-card-problems",
    "Run": ".st-key-card-settings",
    "Compare": ".st-key-card-compare-empty",
    "Export": ".st-key-card-preview",
    "Learn": ".st-key-lesson-place",
}
"""Something on each page by which it is known to have come."""


@pytest.mark.parametrize(
    ("viewport", "scheme"),
    [(PHONE, "light"), *thorough((PHONE, "dark"), (WIDE, "light"), (WIDE, "dark"))],
)
def test_every_page_is_titled_fits_the_screen_and_has_no_serious_fault(
    open_page: OpenPage, viewport: ViewportSize, scheme: str
) -> None:
    page = open_page("/", viewport, scheme)
    for name, part in PAGES.items():
        if name != "Design":
            driving.go_to(page, name)
        expect(page.locator(part).first).to_be_visible()
        expect(page).to_have_title(f"{name} · Thaw")
        expect(page.get_by_role("heading", level=1)).to_have_count(1)
        driving.assert_fits(page)
        assert serious_faults(page) == [], name


@pytest.mark.thorough
@pytest.mark.parametrize(("viewport", "scheme"), [(PHONE, "light"), (WIDE, "dark")])
def test_no_serious_fault_where_nothing_trains_nor_in_a_picture_of_it(
    open_page: OpenPage, viewport: ViewportSize, scheme: str
) -> None:
    schedule = edits.set_field(presets.load(presets.DEFAULT), "lr.warmup.epochs", 0)
    frozen = {group.name: () for group in schedule.groups}
    page = open_page(edits.set_windows(schedule, frozen), viewport, scheme)
    expect(page.locator(".st-key-card-problems")).to_contain_text("idle-epochs")
    assert serious_faults(page) == []
    page = open_page("/export", viewport, scheme)
    for picture in ("png", "svg"):
        page.locator(f".st-key-listed-target-{picture} button").click()
        expect(page.locator(".st-key-card-preview .thaw-heading")).to_have_text(picture.upper())
        assert serious_faults(page) == []


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("code", "viewport", "scheme"),
    [("en", WIDE, "dark"), ("en", PHONE, "light"), ("es", PHONE, "dark")],
)
def test_no_serious_fault_in_any_step_of_the_lesson(
    open_page: OpenPage, code: str, viewport: ViewportSize, scheme: str
) -> None:
    page = open_page(f"/learn?lang={code}", viewport, scheme)
    for place in PLACES:
        title = texts.read(code, place).title
        expect(page.get_by_role("heading", level=1, name=title, exact=True)).to_be_visible()
        driving.settle(page)
        if place in texts.STEPS:
            page.locator(f".st-key-lesson-answer-{place} summary").click()
        assert serious_faults(page) == [], place
        if place in texts.STEPS:
            page.locator(".st-key-lesson-next button").click()
