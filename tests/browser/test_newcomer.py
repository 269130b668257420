"""What a newcomer does: shape the schedule, run it, stop and resume, take it away, share it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser import driving
from tests.browser.driving import PHONE, WIDE, OpenPage
from tests.sample import thorough

FINISHED_WITHIN = 180_000


def _small_run(page: Page) -> None:
    for label, value in (
        ("Images, train", 64),
        ("Images, validation", 64),
        ("Image size, px", 32),
    ):
        driving.fill(page, label, value)


@pytest.mark.parametrize(
    ("viewport", "drag"),
    [(WIDE, driving.drag_with_mouse), *thorough((PHONE, driving.drag_with_finger))],
    ids=["mouse", "finger"],
)
def test_a_newcomer_drags_runs_stops_resumes_downloads_and_shares(
    open_page: OpenPage, viewport: dict[str, int], drag: Callable[[Page, str, int], None]
) -> None:
    page = open_page("/", viewport)
    handle = driving.thaw(page, "stage4")
    expect(handle).to_have_attribute("aria-valuenow", "2")
    before = driving.rates(page).inner_html()

    drag(page, "stage4", 4)

    expect(handle).to_have_attribute("aria-valuenow", "4")
    driving.expect_redrawn(page, before)

    driving.go_to(page, "Run")
    _small_run(page)
    page.get_by_role("button", name="Start").click()
    page.locator(".st-key-stop button").click()  # the server has a Stop of its own
    headline = page.locator(".thaw-headline").last  # for a moment there may be the one before
    expect(headline).to_contain_text("Stopped", timeout=60_000)
    page.get_by_role("button", name="Resume").click()
    expect(headline).not_to_contain_text("Stopped")
    page.reload()
    expect(headline).to_contain_text("Finished", timeout=FINISHED_WITHIN)
    expect(page.locator(".thaw-checks").last).to_contain_text("Rates equal the plan")
    expect(page.locator(".thaw-checks").last).to_contain_text("Frozen groups did not move")

    driving.go_to(page, "Export")
    document = driving.download_schedule(page)
    windows = {group["name"]: group["trainable"] for group in document["groups"]}
    assert windows["stage4"] == [[4, None]]

    link = page.locator(".st-key-card-link code").inner_text().replace("\n", "")
    elsewhere = open_page(link, viewport)
    expect(driving.thaw(elsewhere, "stage4")).to_have_attribute("aria-valuenow", "4")
    driving.go_to(elsewhere, "Export")
    again = driving.download_schedule(elsewhere)
    assert again == document


@pytest.mark.thorough
def test_the_keyboard_alone_is_enough(open_page: OpenPage) -> None:
    page = open_page("/")
    before = driving.rates(page).inner_html()

    driving.change_with_keys(page, "stage4", 4)

    expect(driving.thaw(page, "stage4")).to_have_attribute("aria-valuenow", "4")
    driving.expect_redrawn(page, before)

    driving.tab_to(page, "e.closest('.st-key-to-run')")
    page.keyboard.press("Enter")
    expect(page.locator(".st-key-start")).to_be_visible()
    for label, value in (("Images, train", "64"), ("Image size, px", "32")):
        driving.tab_to(page, f"e.getAttribute('aria-label') === '{label}'")
        page.keyboard.press("Control+A")
        page.keyboard.type(value)
        page.keyboard.press("Enter")
    driving.tab_to(page, "e.closest('.st-key-start')")
    page.keyboard.press("Enter")
    expect(page.locator(".st-key-stop")).to_be_visible()
    driving.tab_to(page, "e.closest('.st-key-stop')")
    page.keyboard.press("Enter")
    expect(page.locator(".thaw-headline")).to_contain_text("Stopped")

    driving.tab_to(page, "e.textContent.trim() === 'Export'")
    page.keyboard.press("Enter")
    expect(page.locator(".st-key-download-json")).to_be_visible()
    driving.tab_to(page, "e.closest('.st-key-download-json')")
    document = driving.downloaded(page, lambda: page.keyboard.press("Enter"))
    windows = {group["name"]: group["trainable"] for group in document["groups"]}
    assert windows["stage4"] == [[4, None]]

    link = page.locator(".st-key-card-link code").inner_text().replace("\n", "")
    expect(driving.thaw(open_page(link), "stage4")).to_have_attribute("aria-valuenow", "4")
