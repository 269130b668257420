"""Where the focus is after a press: on what was pressed, or in what that has opened."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

OpenPage = Callable[..., Page]


def test_groups_keeps_the_focus_and_says_in_words_that_the_card_is_open(
    open_page: OpenPage,
) -> None:
    page = open_page("/")
    button = page.locator(".st-key-groups button")
    for press, name in (("Enter", "Hide groups"), ("Space", "Groups")):
        button.press(press, timeout=60_000)
        expect(button).to_have_accessible_name(name, timeout=60_000)
        expect(page.locator(".st-key-card-groups")).to_have_count(int(name != "Groups"))
        expect(button).to_be_focused()
