"""Where the focus is after a press: on what was pressed, or in what that has opened."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser import driving
from tests.browser.driving import OpenPage


@pytest.mark.thorough
def test_groups_keeps_the_focus_and_a_menu_takes_it_in_and_gives_it_back(
    open_page: OpenPage,
) -> None:
    page = open_page("/")
    button = page.locator(".st-key-groups button")
    for press, name in (("Enter", "Hide groups"), ("Space", "Groups")):
        button.press(press, timeout=60_000)
        expect(button).to_have_accessible_name(name, timeout=60_000)
        expect(page.locator(".st-key-card-groups")).to_have_count(int(name != "Groups"))
        expect(button).to_be_focused()

    body = page.get_by_test_id("stPopoverBody")
    inside = {"File": body.get_by_role("button", name="Download JSON"), "Share": body}
    for name, first in inside.items():  # all that is in Share is text
        menu = page.get_by_role("button", name=name, exact=True)
        menu.press("Enter", timeout=60_000)
        expect(first).to_be_focused(timeout=60_000)
        driving.escape(page)
        expect(body).to_have_count(0)
        expect(menu).to_be_focused()
