"""A real server and a real Chromium for the browser tests."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    ViewportSize,
    expect,
    sync_playwright,
)

from tests.browser.driving import PHONE, WIDE
from tests.browser.server import FLAGS, HEADLESS, LOG, running_app

expect.set_options(timeout=20_000)

# Streamlit tells a phone by its user agent, and closes the menu behind a choice only there.
PHONE_AGENT = (
    "Mozilla/5.0 (Linux; Android 15; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Mobile Safari/537.36"
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The server's THAW_HOME, empty at first."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def server(home: Path) -> Iterator[str]:
    """The address of the running app, which may print no traceback whatever the tests do."""
    cache = str(home / "cache")  # not the person's own
    with running_app(home, XDG_CACHE_HOME=cache) as address:
        yield address
        # before the server is told to end, which a page that is still being drawn may take badly
        said = (home / LOG).read_text(encoding="utf-8", errors="replace")
    assert "Traceback" not in said, said[-3000:]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium; where there is none the tests are skipped, or fail if CI requires it."""
    if not Path(HEADLESS).exists():
        message = "no chromium: apt-get install chromium"
        if os.environ.get("THAW_REQUIRE_BROWSER"):
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=HEADLESS, args=list(FLAGS))
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Browser, server: str) -> Iterator[Callable[..., Page]]:
    """Opens a page of the app in a new browser session: `open_page("/run", PHONE)`."""
    contexts: list[BrowserContext] = []

    def opened(path: str = "/", viewport: ViewportSize = WIDE, scheme: str = "light") -> Page:
        phone = viewport is PHONE
        context = browser.new_context(
            viewport=viewport,
            color_scheme=scheme,
            has_touch=phone,
            is_mobile=phone,
            user_agent=PHONE_AGENT if phone else None,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.goto(path if path.startswith("http") else f"{server}{path}")
        page.wait_for_selector("[class*=st-key-card-]")
        return page

    yield opened
    for context in contexts:
        context.close()
