"""What the timeline's tests share: a long run, its bars and tools, and its two axes."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Locator, Page, expect

from core import presets
from core.schedule.parse import from_raw, to_raw
from core.schedule.spec import Schedule
from tests.browser import driving


def long_run(**lr: Any) -> Schedule:
    """Gradual unfreezing over 300 epochs, the groups thawing 20 epochs apart."""
    raw = to_raw(presets.load("gradual"))
    raw["epochs"] = 300
    raw["lr"] |= {"warmup": {"epochs": 10, "start_factor": 0.1}, **lr}
    for at, group in enumerate(reversed(raw["groups"])):
        group["trainable"] = [[20 * at, None]]
    return from_raw(raw)


def at_rest(page: Page) -> Page:
    """The page once all is drawn: places on it stay where they are."""
    driving.rates(page).wait_for()
    driving.settle(page)
    return page


def field(page: Page, label: str) -> Locator:
    """The newest field of that name, for one that has given way may stay in the page."""
    return page.get_by_label(label, exact=True).filter(visible=True).last


def bar(page: Page, group: str) -> Locator:
    """The first bar of a group."""
    return page.get_by_role("button", name=re.compile(f"^{group} trains in epochs")).first


def gap(page: Page, group: str) -> Locator:
    """The first frozen part of a group's row."""
    return page.get_by_role("button", name=re.compile(f"^{group} is frozen in epochs")).first


def tool(page: Page, name: str) -> Locator:
    """A tool above the timeline."""
    return page.get_by_role("toolbar", name="Edit the timeline").get_by_role(
        "button", name=name, exact=True
    )


def scrollbar(page: Page) -> Locator:
    """The timeline's scroll bar, which says what part of the run is shown."""
    return page.get_by_role("scrollbar", name="Part of the run that is shown")


def expect_thaws(page: Page, group: str, epoch: int) -> None:
    """Expect a group's thaw handle at an epoch."""
    expect(driving.thaw(page, group)).to_have_attribute("aria-valuenow", str(epoch))


def expect_windows(page: Page, group: str, *expected: str) -> None:
    """Expect a group's bars, each as `start-end`."""
    found = page.get_by_role("button", name=re.compile(f"^{group} trains in epochs"))
    expect(found).to_have_count(len(expected))
    for each, span in zip(found.all(), expected, strict=True):
        start, end = span.split("-")
        expect(each).to_have_attribute("aria-label", re.compile(f"epochs {start} to {end}(,|$)"))


def drag(page: Page, handle: Locator, across: float, down: float = 0) -> None:
    """Move a handle by so many pixels, with the mouse, once the page is at rest."""
    driving.settle(page)
    x, y = driving.middle(handle)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + across, y + down, steps=4)
    page.mouse.up()


def undo(page: Page) -> None:
    """Undo by key, once there is something to undo."""
    expect(driving.undo_button(page)).to_be_enabled()
    page.keyboard.press("Control+z")


def time_axis(page: Page) -> Locator:
    """What the rate chart writes under its time axis."""
    return page.locator(".stVegaLiteChart .role-axis-label").first


def x_labels(page: Page) -> list[str]:
    """The same, label by label."""
    return [text for text in time_axis(page).locator("text").all_text_contents() if text]
