"""axe-core finds no serious or critical fault on any page, light and dark, wide and on a phone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, ViewportSize, expect

from tests.browser import driving
from tests.browser.driving import PHONE, WIDE

OpenPage = Callable[..., Page]
LESSON = [f"/learn?lang=es&step={step}" for step in ("unfreezing", "warmup", "checklist")]


@pytest.mark.parametrize("path", ["/", "/run", "/compare", "/export", *LESSON])
@pytest.mark.parametrize(
    ("viewport", "scheme"), [(WIDE, "light"), (WIDE, "dark"), (PHONE, "light")]
)
def test_no_serious_fault(
    open_page: OpenPage, path: str, viewport: ViewportSize, scheme: str
) -> None:
    page = open_page(path, viewport, scheme)
    driving.settle(page)
    assert serious_faults(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_serious_fault_in_the_gallery_of_presets(open_page: OpenPage, scheme: str) -> None:
    page = open_page("/", WIDE, scheme)
    page.locator(".st-key-presets button").first.click()
    expect(page.get_by_role("button", name="Use The exercise, mended")).to_be_visible()
    driving.settle(page)
    assert serious_faults(page) == []


def serious_faults(page: Page) -> list[tuple[str, list[str]]]:
    found = Axe().run(page).response["violations"]
    return [
        (fault["id"], [node["html"][:160] for node in fault["nodes"]])
        for fault in found
        if fault["impact"] in ("serious", "critical")
    ]
