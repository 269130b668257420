"""What axe-core finds wrong with a page for people who use a keyboard or a screen reader."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser import driving

LINES = 60
"""Lines of a code block that are looked at: of thousands of words, contrast takes half a minute."""

TALLEST = """() => Math.max(...[...document.querySelectorAll('*')].map(
    (e) => /auto|scroll/.test(getComputedStyle(e).overflowY) ? e.scrollHeight : 0))"""


def serious_faults(page: Page) -> list[tuple[str, list[str]]]:
    """The serious and critical faults once the page has settled: rule, and the nodes at fault."""
    options = {"resultTypes": ["violations"]}
    driving.settle(page)
    with _all_in_sight(page):
        context = {"exclude": [[f"code > span:nth-child(n+{LINES + 1})"]]}
        found = Axe().run(page, context, options).response["violations"]
    return [
        (fault["id"], [node["html"][:160] for node in fault["nodes"]])
        for fault in found
        if fault["impact"] in ("serious", "critical")
    ]


@contextmanager
def _all_in_sight(page: Page) -> Iterator[None]:
    """A screen as tall as the page, since axe passes over the contrast of what is scrolled away."""
    size = page.viewport_size
    assert size is not None
    height = max(size["height"], page.evaluate(TALLEST) + 200)
    page.set_viewport_size({"width": size["width"], "height": height})
    driving.settle(page)
    yield
    page.set_viewport_size(size)
