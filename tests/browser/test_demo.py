"""The hosted demo in browsers: visitors wait for one another, and find only their own runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser import driving
from tests.browser.server import LOG, running_app

OpenPage = Callable[..., Page]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a hosted demo, which may print no traceback."""
    home = tmp_path_factory.mktemp("demo")
    with running_app(home, THAW_DEMO="1") as address:
        yield address
        said = (home / LOG).read_text(encoding="utf-8", errors="replace")
    assert "Traceback" not in said, said[-3000:]


def start(page: Page) -> None:
    page.get_by_role("button", name="Start").click()


def test_visitors_wait_in_line_and_find_only_their_own_run(open_page: OpenPage, demo: str) -> None:
    first, second, third = (open_page(f"{demo}/run") for _ in range(3))
    start(first)
    expect(first.locator(".thaw-headline")).to_be_visible(timeout=60_000)
    for page, number in ((second, 1), (third, 2)):
        driving.fill(page, "Images, train", 40)
        driving.settle(page)
        start(page)
        expect(page.locator(".st-key-card-queue")).to_contain_text(f"You are number {number}")

    second.close()  # who leaves frees the place
    expect(third.locator(".st-key-card-queue")).to_contain_text("You are number 1", timeout=60_000)
    first.locator(".st-key-stop button").click()
    expect(third.locator(".thaw-headline")).to_be_visible(timeout=60_000)
    expect(third.locator(".st-key-card-runs")).to_contain_text("1 in all")

    assert first.url != third.url
    found = open_page(first.url)
    expect(found.locator(".thaw-headline")).to_contain_text("Stopped")
    expect(found.get_by_role("button", name="Resume")).to_have_count(0)
    stranger = open_page(f"{demo}/run")
    expect(stranger.locator(".st-key-card-runs")).to_contain_text("Nothing has run yet")
    start(stranger)
    expect(stranger.locator(".st-key-card-queue")).to_contain_text("You are number 1")
    stranger.locator(".st-key-leave-queue button").click()
    expect(stranger.locator(".st-key-card-queue")).to_have_count(0)
    third.locator(".st-key-stop button").click()
    expect(third.locator(".thaw-headline")).to_contain_text("Stopped", timeout=60_000)
