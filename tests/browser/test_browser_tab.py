"""What a browser tab keeps of the session over a reload, which begins a new one."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from core import presets
from core.schedule import edits, link
from tests.browser import driving
from tests.browser.driving import OpenPage

_KEPT = "() => sessionStorage.getItem('thaw-draft')"
_FORBID = """
for (const name of ["getItem", "setItem", "removeItem"]) {
  const own = Storage.prototype[name];
  Storage.prototype[name] = function (key, ...rest) {
    if (key === "thaw-draft") throw new DOMException("forbidden", "SecurityError");
    return own.call(this, key, ...rest);
  };
}
"""


def _edited(page: Page, epoch: int) -> str:
    """Have stage4 thaw at another epoch, wait until the tab keeps that, and return its code."""
    driving.thaw(page, "stage4").wait_for()
    driving.drag_with_mouse(page, "stage4", epoch)
    made = edits.set_windows(presets.load(presets.DEFAULT), {"stage4": [[epoch, None]]})
    _wait_until_kept(page, link.encode(made))
    return link.encode(made)


def _wait_until_kept(page: Page, code: str) -> None:
    script = f"code => ({_KEPT})()?.endsWith(`.${{code}}`)"
    page.wait_for_function(script, arg=code, timeout=60_000)


def _expect_thaw(page: Page, epoch: int) -> None:
    handle = driving.thaw(page, "stage4")
    expect(handle).to_have_attribute("aria-valuenow", str(epoch), timeout=60_000)


@pytest.mark.thorough
def test_what_was_edited_stays_over_a_reload_and_gives_way_to_a_link_which_stays_too(
    open_page: OpenPage,
) -> None:
    page = open_page("/")
    address = page.url
    driving.thaw(page, "stage4").wait_for()
    assert page.evaluate(_KEPT) is None  # what nobody has touched is not kept
    _edited(page, 4)
    page.reload()
    _expect_thaw(page, 4)
    expect(page.locator(".st-key-presets")).to_contain_text("edited", timeout=60_000)
    expect(driving.undo_button(page)).to_be_disabled()
    _edited(page, 5)  # an edit of the session that began with what was kept
    page.goto(f"{address}export")
    expect(page.locator(".st-key-title-row")).to_be_visible(timeout=60_000)
    driving.go_to(page, "Design")
    _expect_thaw(page, 5)
    driving.go_to(page, "Run")
    driving.fill(page, "Images, train", 64)
    kept = """() => sessionStorage.getItem('thaw-settings') === '{"samples":64}'"""
    page.wait_for_function(kept, timeout=60_000)

    default = link.encode(presets.load(presets.DEFAULT))
    page.goto(f"{address}?s={default}")
    _expect_thaw(page, 2)
    _wait_until_kept(page, default)
    page.reload()
    _expect_thaw(page, 2)
    driving.go_to(page, "Run")
    expect(page.get_by_label("Images, train")).to_have_value("64")


@pytest.mark.thorough
def test_what_cannot_be_read_is_dropped_and_storage_that_is_forbidden_breaks_nothing(
    open_page: OpenPage,
) -> None:
    page = open_page("/")
    page.evaluate("sessionStorage.setItem('thaw-draft', 'gradual.no-such-schedule')")
    page.reload()
    _wait_until_kept(page, link.encode(presets.load(presets.DEFAULT)))
    expect(page.get_by_test_id("stToast")).to_have_count(0)
    page.add_init_script(_FORBID)
    page.reload()
    driving.thaw(page, "stage4").wait_for()
    driving.drag_with_mouse(page, "stage4", 4)
    expect(driving.undo_button(page)).to_be_enabled(timeout=60_000)
    expect(page.get_by_test_id("stException")).to_have_count(0)
