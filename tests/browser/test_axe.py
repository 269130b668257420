"""axe-core finds no serious or critical fault on any page, light and dark, wide and on a phone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.driving import PHONE, WIDE
from tests.browser.faults import serious_faults

OpenPage = Callable[..., Page]
LESSON = [f"/learn?lang=es&step={step}" for step in ("unfreezing", "warmup", "checklist")]


@pytest.mark.parametrize("path", ["/", "/run", "/compare", "/export", *LESSON])
@pytest.mark.parametrize(
    ("viewport", "scheme"),
    [(WIDE, "light"), (WIDE, "dark"), (PHONE, "light"), (PHONE, "dark")],
)
def test_no_serious_fault(
    open_page: OpenPage, path: str, viewport: ViewportSize, scheme: str
) -> None:
    page = open_page(path, viewport, scheme)
    assert serious_faults(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_serious_fault_in_the_gallery_of_presets(open_page: OpenPage, scheme: str) -> None:
    page = open_page("/", WIDE, scheme)
    page.locator(".st-key-presets button").first.click()
    expect(page.get_by_role("button", name="Use The exercise, mended")).to_be_visible()
    assert serious_faults(page) == []
