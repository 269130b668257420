"""The Export page in a browser: what is copied, and the report that opens without a network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from core.export.targets import TARGETS
from tests.browser import driving

OpenPage = Callable[..., Page]
TEXTS = ("pytorch", "csv", "vega-lite", "svg", "html")
"""Code, a table and a document of which the preview shows a part, and what it draws."""


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


def test_copy_has_the_whole_file_of_every_kind_and_the_report_opens_without_a_network(
    open_page: OpenPage, tmp_path: Path
) -> None:
    page = open_page("/export")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate("() => { window.clipboard = navigator.clipboard; }")
    files = {}
    for target in TEXTS:
        _choose(page, target)
        files[target] = _file(page)
        assert _copied(page) == files[target], target
    assert files["vega-lite"].count("\n") > 600
    assert files["csv"].count("\n") > 60

    # a page that is not served by https has no navigator.clipboard
    page.evaluate("() => Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    _choose(page, "markdown")
    assert _copied(page) == _file(page)

    _choose(page, "png")
    expect(page.locator(".st-key-copy")).to_have_count(0)

    report = tmp_path / "report.html"
    report.write_text(files["html"], encoding="utf-8")
    _assert_is_drawn_offline(page.context.new_page(), report)


def _assert_is_drawn_offline(page: Page, report: Path) -> None:
    """Open it as a file: it asks for nothing else, and shows its charts and tables."""
    asked, failed, said = [], [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("requestfailed", lambda request: failed.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.context.set_offline(True)
    page.goto(report.as_uri())
    assert (asked, failed, said) == ([report.as_uri()], [], [])
    chart = page.locator("svg").first
    expect(chart).to_be_visible()
    curves = chart.locator("path").evaluate_all(
        "all => all.filter(e => e.getBoundingClientRect().width > 100).length"
    )
    assert curves >= 7  # a group each
    expect(page.get_by_role("row", name="head classifier")).to_be_visible()
