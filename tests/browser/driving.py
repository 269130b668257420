"""What a person does with the app, as functions of a page."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Locator, Page, ViewportSize, expect

OpenPage = Callable[..., Page]
"""The fixture `open_page`."""
WIDE = {"width": 1440, "height": 1000}
LAPTOP: ViewportSize = {"width": 1280, "height": 720}
PHONE = {"width": 390, "height": 844}
PATHS = ("/", "/run", "/compare", "/export", "/learn")
"""The address of each page."""
NOT_THE_FIRST_VISIT = 'localStorage.setItem("thaw-welcomed", "yes")'
"""A script that leaves out the note of the first visit."""


def thaw(page: Page, group: str) -> Locator:
    """The handle at which a group thaws."""
    return page.get_by_role("slider", name=f"{group} thaws", exact=True)


def undo_button(page: Page) -> Locator:
    """The toolbar's button, which is enabled once an edit has reached the server."""
    return page.locator(".st-key-undo button:visible").first


def epoch_of(handle: Locator) -> int:
    return int(handle.get_attribute("aria-valuenow") or -1)


def middle(handle: Locator) -> tuple[float, float]:
    box = handle.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def place_of(page: Page, group: str, epoch: int) -> tuple[float, float, float]:
    """Where a group's thaw handle is now (x, y), and the x of another epoch on the same axis."""
    handle = thaw(page, group)
    handle.scroll_into_view_if_needed()
    x, y = middle(handle)
    axis = thaw(page, "head"), thaw(page, "stem")
    first, last = middle(axis[0])[0], middle(axis[1])[0]
    epochs = epoch_of(axis[1]) - epoch_of(axis[0])
    return x, y, first + (last - first) * (epoch - epoch_of(axis[0])) / epochs


def drag_with_mouse(page: Page, group: str, epoch: int) -> None:
    x, y, target = place_of(page, group, epoch)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move((x + target) / 2, y, steps=4)
    page.mouse.move(target, y, steps=4)
    page.mouse.up()


def drag_with_finger(page: Page, group: str, epoch: int) -> None:
    x, y, target = place_of(page, group, epoch)
    touch = page.context.new_cdp_session(page)

    def send(kind: str, *points: dict[str, float]) -> None:
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": list(points)})

    send("touchStart", {"x": x, "y": y})
    for step in range(1, 9):
        send("touchMove", {"x": x + (target - x) * step / 8, "y": y})
    send("touchEnd")


def tab_to(page: Page, is_there: str, *, within: float = 60) -> None:
    """Press Tab until the focused element, also inside a component, fulfils a JS condition.

    As many rounds as fit into `within` seconds: a page that is still being drawn has fewer stops.
    """
    script = f"""() => {{
        let e = document.activeElement;
        while (e && e.shadowRoot && e.shadowRoot.activeElement) e = e.shadowRoot.activeElement;
        return Boolean(e && ({is_there}));
    }}"""
    settle(page)
    end = time.monotonic() + within
    while time.monotonic() < end:
        page.keyboard.press("Tab")
        if page.evaluate(script):
            return
    raise AssertionError(f"Tab never came to an element with {is_there}")


def change_with_keys(page: Page, group: str, epoch: int) -> None:
    tab_to(page, f"e.getAttribute('aria-label') === '{group} thaws'")
    steps = epoch - epoch_of(thaw(page, group))
    for _ in range(abs(steps)):
        page.keyboard.press("ArrowRight" if steps > 0 else "ArrowLeft")


def settle(page: Page) -> None:
    """Wait until all is told, the script has run, and no widget is still on its way."""
    expect(page.locator('.thaw[data-painted=""]')).to_have_count(0)
    page.wait_for_selector('[data-test-script-state="notRunning"]')
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)


def open_recipe(page: Page) -> None:
    """Open the menu in which a phone has the model, its groups and the presets."""
    menu = page.locator(".st-key-recipe button")
    if menu.count():
        menu.click()


def assert_fits(page: Page) -> None:
    """Nothing on the page is wider than the screen, which would make it scroll sideways."""
    settle(page)
    assert page.viewport_size is not None
    wide = page.evaluate(
        """() => [document.documentElement, document.querySelector("[data-testid=stMain]")]
            .map((e) => e.scrollWidth)"""
    )
    assert max(wide) <= page.viewport_size["width"]


def switch_scheme(page: Page, scheme: Literal["light", "dark"]) -> None:
    """Switch what the browser's system prefers, as it does at sunset, and wait for the page."""
    page.emulate_media(color_scheme=scheme)
    expect(page.locator(".stApp")).to_have_css("color-scheme", scheme)
    settle(page)


def rates(page: Page) -> Locator:
    """The rate chart's SVG."""
    return page.locator(".stVegaLiteChart svg.marks").first


def crosshair(page: Page, key: str) -> Locator:
    """The crosshair over the chart of that key, a slider whose value is what it reads."""
    return page.locator(f".st-key-crosshair-{key}").get_by_role("slider")


def expect_redrawn(page: Page, before: str) -> None:
    """Expect the rate chart to be another one than `before`, its earlier inner HTML."""
    expect(rates(page)).not_to_have_js_property("innerHTML", before)


def go_to(page: Page, name: str) -> None:
    """Follow the navigation, which is behind a menu on a phone and takes no click while it comes.

    A page is titled after its name as soon as it is drawn.
    """
    settle(page)
    if page.viewport_size == PHONE:
        page.get_by_test_id("stExpandSidebarButton").click()
    page.get_by_role("link", name=name, exact=True).first.click()
    expect(page).to_have_title(f"{name} · Thaw")


def fill(page: Page, label: str, value: object) -> None:
    field = page.get_by_label(label, exact=True)
    field.fill(str(value))
    field.press("Enter")


def choose(page: Page, label: str, option: str | re.Pattern[str], *, search: str = "") -> None:
    """Choose in a select box; of a long list only what is searched for is there to be clicked.

    A list that is open closes when it is scrolled, and a click is lost in one that is drawn anew.
    """
    box = page.get_by_role("combobox", name=label)
    expect(box).to_be_visible()
    settle(page)
    box.scroll_into_view_if_needed()
    box.click()
    if search:
        box.fill(search)
    page.get_by_role("option", name=option, exact=True).first.click()


def downloaded(page: Page, press: Callable[[], None]) -> dict[str, Any]:
    """The JSON that pressing a button downloads."""
    with page.expect_download() as waiting:
        press()
    return dict(json.loads(Path(waiting.value.path()).read_text(encoding="utf-8")))


def file_menu(page: Page) -> None:
    """Open the File menu and wait until the page is drawn: before, its download loses a click."""
    settle(page)
    page.locator(".st-key-toolbar").get_by_role("button", name="File").click()
    expect(page.locator(".st-key-download-json")).to_be_visible()
    settle(page)


def download_schedule(page: Page) -> dict[str, Any]:
    """The schedule as Export downloads it, or Design in its File menu."""
    return downloaded(page, page.locator(".st-key-download-json button").click)


def escape(page: Page) -> None:
    """Press Escape where a popover or dialog has just come: it hears no Escape that is sooner."""
    settle(page)
    page.wait_for_timeout(500)
    page.keyboard.press("Escape")
