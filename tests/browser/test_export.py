"""The Export page in a browser: what is copied is the file that is downloaded."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.export.targets import TARGETS
from tests.browser import driving
from tests.browser.driving import OpenPage
from tests.sample import thorough

SHOWN_WHOLE, SHOWN_IN_PART = "markdown", "vega-lite"


def _choose(page: Page, target: str) -> None:
    row = page.locator(f".st-key-listed-target-{target} button")
    row.click()
    expect(row.get_by_role("img", name="check")).to_be_visible()  # for whom its ground is none
    expect(page.locator(".st-key-card-targets").get_by_role("img", name="check")).to_have_count(1)
    expect(row).to_be_focused()
    heading = page.locator(".st-key-card-preview .thaw-heading")
    expect(heading).to_have_text(TARGETS[target].title)
    driving.settle(page)


def _file(page: Page) -> str:
    """What is downloaded."""
    with page.expect_download() as waiting:
        page.locator(".st-key-download button:visible").click()
    return Path(waiting.value.path()).read_text(encoding="utf-8")


def _copied(page: Page) -> str:
    button = page.locator(".st-key-copy button")
    button.click()
    expect(button).to_have_text("Copied")
    return str(page.evaluate("() => window.clipboard.readText()"))


@pytest.mark.parametrize(
    "targets", [(SHOWN_IN_PART,), *thorough((("pytorch", "csv", "svg", "html"),))]
)
def test_copy_has_the_whole_file(open_page: OpenPage, targets: tuple[str, ...]) -> None:
    page = open_page("/export")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate("() => { window.clipboard = navigator.clipboard; }")
    for target in targets:
        _choose(page, target)
        assert _copied(page) == _file(page), target
    _choose(page, "png")
    expect(page.locator(".st-key-copy")).to_have_count(0)


@pytest.mark.thorough
def test_copy_works_on_a_page_that_is_not_served_by_https(open_page: OpenPage) -> None:
    """Such a page has no navigator.clipboard."""
    page = open_page("/export")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.add_init_script(
        """window.clipboard = navigator.clipboard;
        Object.defineProperty(navigator, "clipboard", { value: undefined, configurable: true });"""
    )
    page.reload()
    _choose(page, SHOWN_WHOLE)
    assert _copied(page) == _file(page)
