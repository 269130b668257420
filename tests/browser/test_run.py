"""The Run page in a browser: stop, resume, refresh, links to runs, and settings that cannot be."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser import driving

OpenPage = Callable[..., Page]


def test_a_run_is_stopped_found_again_and_resumed_to_its_end(open_page: OpenPage) -> None:
    page = open_page("/run")
    for label, value in (
        ("Images, train", 96),
        ("Images, validation", 64),
        ("Image size, px", 32),
    ):
        driving.fill(page, label, value)
    page.get_by_role("button", name="Start").click()
    page.locator(".st-key-stop button").click()  # the server has a Stop of its own
    expect(page.locator(".thaw-headline")).to_contain_text("Stopped", timeout=60_000)

    address = page.url
    assert "run=" in address
    other = open_page(address)
    expect(other.locator(".thaw-headline")).to_contain_text("Stopped")
    other.get_by_role("button", name="Resume").click()
    other.reload()
    expect(other.locator(".thaw-headline")).to_contain_text("Finished", timeout=180_000)
    expect(other.locator(".thaw-checks")).to_contain_text("Rates equal the plan")

    third = open_page("/run")
    third.locator(".st-key-card-runs button").first.click()
    expect(third.locator(".thaw-headline")).to_contain_text("Finished")


@pytest.mark.parametrize("run", ["../../x", "no-such-run", "%2e%2e%2fetc", "a" * 300, ""])
def test_a_run_that_is_not_there_is_said_so(open_page: OpenPage, run: str) -> None:
    page = open_page(f"/run?run={run}")
    expect(page.get_by_test_id("stAlert")).to_contain_text("run is")
    expect(page.get_by_role("button", name="Start")).to_be_visible()


def test_a_folder_that_is_not_there_is_said_so_and_nothing_can_be_started(
    open_page: OpenPage,
) -> None:
    page = open_page("/run")
    page.get_by_role("combobox", name="Data").click()
    page.get_by_role("option", name="A folder of class folders").click()
    driving.fill(page, "Folder", "/no/such/folder")
    expect(page.locator(".st-key-card-data").get_by_test_id("stAlert")).to_contain_text(
        "--data is '/no/such/folder', which does not exist"
    )
    expect(page.get_by_role("button", name="Start")).to_be_disabled()
