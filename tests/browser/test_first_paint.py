"""A page is seen once it is drawn: nothing is pushed about as it comes."""

from __future__ import annotations

import pytest
from playwright.sync_api import ViewportSize

from tests.browser import driving
from tests.browser.driving import LAPTOP, PATHS, PHONE, WIDE, OpenPage
from tests.browser.layout import WATCH_SHIFT
from tests.sample import thorough

# No page is seen before it is drawn, as it would be after six seconds on a busy machine.
HOLD = """
    document.addEventListener("DOMContentLoaded", () => {
        const style = document.createElement("style");
        style.textContent = ".stMainBlockContainer { animation: none !important; }";
        document.head.append(style);
    });
"""


@pytest.mark.parametrize("viewport", [PHONE, *thorough(LAPTOP, WIDE)])
def test_no_page_jumps_as_it_comes(open_page: OpenPage, viewport: ViewportSize) -> None:
    page = open_page("/learn", viewport)
    page.add_init_script(WATCH_SHIFT + HOLD)
    origin = page.evaluate("location.origin")
    shifts = {}
    for path in PATHS:
        page.goto(f"{origin}{path}")
        page.wait_for_selector("html.thaw-drawn", state="attached")
        driving.settle(page)
        shifts[path] = page.evaluate("shift")
    assert {path: shift for path, shift in shifts.items() if shift >= 0.1} == {}


def test_the_styles_are_kept_by_the_browser(open_page: OpenPage) -> None:
    page = open_page("/learn")
    sheet = page.locator("#thaw-css").get_attribute("href")
    answer = page.request.get(f"{page.evaluate('location.origin')}/{sheet}")
    assert answer.headers["content-type"].startswith("text/css")
    assert "immutable" in answer.headers["cache-control"]
