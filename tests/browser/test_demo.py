"""The hosted demo in browsers: visitors wait for one another, and find only their own runs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.demo.limits import first_schedule, first_settings
from core.runs import run_folder
from core.runs.processes import launch, run_lock
from tests.browser import driving
from tests.browser.driving import OpenPage
from tests.browser.server import LOG, running_app


@pytest.fixture(scope="module")
def demo_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's THAW_HOME."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def demo(demo_home: Path) -> Iterator[str]:
    """The address of a hosted demo, which may print no traceback."""
    with running_app(demo_home, THAW_DEMO="1") as address:
        yield address
        said = (demo_home / LOG).read_text(encoding="utf-8", errors="replace")
    assert "Traceback" not in said, said[-3000:]


@pytest.fixture
def held(demo_home: Path) -> Iterator[Path]:
    """Somebody else's run, which is on until the test has ended."""
    run = launch.new_folder(demo_home / "demo" / "runs", "somebody's", datetime.now())
    run_folder.create(run, first_schedule(), first_settings())
    yield run
    run_lock.release(run)


def start(page: Page) -> None:
    driving.settle(page)
    page.get_by_role("button", name="Start").click()


def expect_number(page: Page, number: int) -> None:
    queue = page.locator(".st-key-card-queue")
    expect(queue).to_contain_text(f"You are number {number}", timeout=60_000)


@pytest.mark.thorough
@pytest.mark.usefixtures("held")
def test_a_visitor_who_closes_the_page_gives_up_the_place_in_the_queue(
    open_page: OpenPage, demo: str
) -> None:
    first, second = (open_page(f"{demo}/run") for _ in range(2))
    for number, page in enumerate((first, second), start=1):
        start(page)
        expect_number(page, number)
    first.close()
    expect_number(second, 1)
    second.locator(".st-key-leave-queue button").click()
    expect(second.locator(".st-key-card-queue")).to_have_count(0)
    expect(second.get_by_role("button", name="Start")).to_be_enabled()


@pytest.mark.thorough
def test_visitors_wait_in_line_and_find_only_their_own_run(open_page: OpenPage, demo: str) -> None:
    first, second, third = (open_page(f"{demo}/run") for _ in range(3))
    start(first)
    expect(first.locator(".thaw-headline")).to_be_visible(timeout=60_000)
    for page, number in ((second, 1), (third, 2)):
        driving.fill(page, "Images, train", 40)
        start(page)
        expect_number(page, number)

    second.close()  # who leaves frees the place
    expect_number(third, 1)
    first.locator(".st-key-stop button").click()
    expect(third.locator(".thaw-headline")).to_be_visible(timeout=60_000)
    runs = third.locator(".st-key-card-runs")  # of which two may be there while one gives way
    expect(runs.filter(has_text="1 in all")).to_be_visible()

    assert first.url != third.url
    found = open_page(first.url)
    expect(found.locator(".thaw-headline")).to_contain_text("Stopped")
    expect(found.get_by_role("button", name="Resume")).to_have_count(0)
    stranger = open_page(f"{demo}/run")
    expect(stranger.locator(".st-key-card-runs")).to_contain_text("Nothing has run yet")
    start(stranger)
    expect_number(stranger, 1)
    third.locator(".st-key-stop button").click()
    expect(third.locator(".thaw-headline")).to_contain_text("Stopped", timeout=60_000)
