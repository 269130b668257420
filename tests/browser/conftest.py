"""A real server and a real Chromium for the browser tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
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

from core.schedule import link
from core.schedule.spec import Schedule
from tests.browser import driving
from tests.browser.driving import PHONE, WIDE
from tests.browser.needed import need
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


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium; where there is none the tests are skipped, or fail if CI requires it.

    It ends with the last test of this folder, since Playwright keeps a loop of asyncio running in
    the thread that others may need for one of their own.
    """
    need(HEADLESS)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=HEADLESS, args=list(FLAGS))
        yield started
        started.close()


@pytest.fixture(scope="package")
def contexts(browser: Browser) -> Callable[[ViewportSize, str], BrowserContext]:
    """The browser's profile for a size of window and a color scheme.

    Tests share them, for what a profile has in its cache opens a page a second sooner.
    """

    @cache
    def context(width: int, height: int, phone: bool, scheme: str) -> BrowserContext:
        made = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            has_touch=phone,
            is_mobile=phone,
            user_agent=PHONE_AGENT if phone else None,
        )
        made.add_init_script(driving.NOT_THE_FIRST_VISIT)
        return made

    # a window as narrow as a phone is not one
    return lambda viewport, scheme: context(
        viewport["width"], viewport["height"], viewport is PHONE, scheme
    )


@pytest.fixture
def open_page(
    contexts: Callable[[ViewportSize, str], BrowserContext], server: str
) -> Iterator[Callable[..., Page]]:
    """Opens a page of the app in a new tab, a session of its own: `open_page("/run", PHONE)`.

    A schedule is opened by its link: `open_page(schedule)`.
    """
    used: set[BrowserContext] = set()

    def opened(
        path: str | Schedule = "/", viewport: ViewportSize = WIDE, scheme: str = "light"
    ) -> Page:
        if isinstance(path, Schedule):
            path = f"/?{link.PARAMETER}={link.encode(path)}"
        context = contexts(viewport, scheme)
        used.add(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.goto(path if path.startswith("http") else f"{server}{path}")
        page.wait_for_selector("[class*=st-key-card-]")
        return page

    yield opened
    for context in used:
        leave_as_new(context)


def leave_as_new(context: BrowserContext) -> None:
    """Close a profile's tabs and take away what they have left in it, but for its cache."""
    context.set_offline(False)
    context.clear_permissions()
    context.clear_cookies()
    last = context.new_page()
    for page in context.pages:
        if page is not last:
            page.close()
    clear = {"origin": "*", "storageTypes": "local_storage,indexeddb,cache_storage"}
    context.new_cdp_session(last).send("Storage.clearDataForOrigin", clear)
    last.close()
