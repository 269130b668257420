"""The costs of a visit: seconds until a page is there, layout shift, an idle server's memory."""

from __future__ import annotations

import time
from dataclasses import dataclass

import psutil
from playwright.sync_api import Browser, Page, ViewportSize

from tests.browser.driving import LAPTOP, PATHS, PHONE, WIDE
from tests.browser.layout import WATCH_SHIFT

SIZES: tuple[ViewportSize, ...] = (WIDE, LAPTOP, PHONE)
CHART = ".stVegaLiteChart svg.marks"


@dataclass(frozen=True, slots=True)
class Opening:
    """`charts` are ms until the Design page's chart is there, with what the browser has kept.

    `shifts` is each page's layout shift, the greatest of three sizes of screen, and `idle_mb` the
    memory of the server and its helpers with one visitor who does nothing.
    """

    charts: list[float]
    shifts: dict[str, float]
    idle_mb: float


def measure_opening(browser: Browser, address: str, times: int, idle_seconds: float) -> Opening:
    """Open every page, the Design page so many times, and wait for so long."""
    shifts = {
        path: max(_shift(browser, f"{address}{path}", size) for size in SIZES) for path in PATHS
    }
    context = browser.new_context(viewport=WIDE)
    _until_chart(context.new_page(), address)
    charts = [_until_chart(context.new_page(), address) for _ in range(times)]
    for page in context.pages[1:]:
        page.close()
    time.sleep(idle_seconds)
    idle = _memory()
    context.close()
    return Opening(charts, shifts, idle)


def _until_chart(page: Page, address: str) -> float:
    started = time.perf_counter()
    page.goto(address)
    page.wait_for_selector(CHART)
    took = (time.perf_counter() - started) * 1e3
    page.wait_for_selector('[data-test-script-state="notRunning"]')
    return took


def _shift(browser: Browser, address: str, size: ViewportSize) -> float:
    context = browser.new_context(viewport=size)
    page = context.new_page()
    page.add_init_script(WATCH_SHIFT)
    page.goto(address)
    page.wait_for_selector('[data-test-script-state="notRunning"]')
    page.wait_for_timeout(2_000)  # what comes later, as fonts and charts, moves things too
    found: float = page.evaluate("shift")
    context.close()
    return found


def _memory() -> float:
    """Return the MB of the server and of all that it has started, shared memory shared out."""
    server = server_process()
    processes = [server, *server.children(recursive=True)]
    return sum(each.memory_full_info().pss for each in processes) / 1e6


def server_process() -> psutil.Process:
    """Return the process that this one has started the app in."""
    for process in psutil.Process().children(recursive=True):
        if "streamlit" in process.cmdline():
            return process
    raise RuntimeError("the app is no longer running")
