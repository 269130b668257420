"""What axe-core finds wrong with a page for people who use a keyboard or a screen reader."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser import driving


def serious_faults(page: Page) -> list[tuple[str, list[str]]]:
    """The serious and critical faults once the page has settled: rule, and the nodes at fault."""
    driving.settle(page)
    return [
        (fault["id"], [node["html"][:160] for node in fault["nodes"]])
        for fault in Axe().run(page).response["violations"]
        if fault["impact"] in ("serious", "critical")
    ]
