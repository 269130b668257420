"""The gallery of presets in a browser: by keyboard, and on a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import ViewportSize, expect

from tests.browser import driving
from tests.browser.driving import PHONE, WIDE, OpenPage
from tests.browser.faults import serious_faults
from tests.sample import thorough


@pytest.mark.thorough
def test_the_gallery_is_used_by_keyboard_alone(open_page: OpenPage) -> None:
    page = open_page("/")
    button = page.locator(".st-key-presets button").first
    gallery = page.get_by_role("dialog")
    button.focus()
    page.keyboard.press("Enter")
    expect(gallery).to_be_visible()
    driving.escape(page)
    expect(gallery).to_have_count(0)
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Use Chain-thaw")).to_be_visible()
    driving.tab_to(page, "e.textContent.trim() === 'Use Chain-thaw'")
    page.keyboard.press("Enter")
    expect(gallery).to_have_count(0)
    expect(button).to_contain_text("Chain-thaw")


@pytest.mark.parametrize(
    ("viewport", "scheme"), thorough((PHONE, "dark"), (PHONE, "light"), (WIDE, "dark"))
)
def test_the_gallery_fits_the_screen_and_has_no_serious_fault(
    open_page: OpenPage, viewport: ViewportSize, scheme: str
) -> None:
    page = open_page("/", viewport, scheme)
    driving.settle(page)
    driving.open_recipe(page)
    page.locator(".st-key-presets button").filter(visible=True).first.click()
    card = page.get_by_role("dialog").locator(".st-key-preset-card-ulmfit")
    expect(card).to_be_visible()
    box = card.bounding_box()
    assert box is not None
    expect(card).to_have_css("color-scheme", scheme)  # outside the app, which has one of its own
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= viewport["width"]
    driving.assert_fits(page)
    assert serious_faults(page) == []
