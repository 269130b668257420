"""The page explains itself to a newcomer: a note, tooltips of terms, and the list behind “?”."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import driving
from tests.browser.driving import WIDE, OpenPage
from tests.browser.timeline import at_rest, expect_thaws

pytestmark = pytest.mark.thorough


def test_the_note_of_the_first_visit_moves_nothing_and_stays_away_after_the_first_edit(
    browser: Browser, server: str
) -> None:
    context = browser.new_context(viewport=WIDE)
    page = context.new_page()
    page.goto(server)
    at_rest(page)
    note, timeline = page.locator(".thaw-welcome"), page.locator(".st-key-card-timeline")
    expect(note).to_be_visible()
    place = timeline.bounding_box()
    driving.drag_with_mouse(page, "stage4", 4)
    expect_thaws(page, "stage4", 4)
    expect(note).to_be_hidden()
    driving.settle(page)
    assert timeline.bounding_box() == place
    again = context.new_page()
    again.goto(server)
    at_rest(again)
    expect(again.locator(".thaw-welcome")).to_be_hidden()
    context.close()


def test_a_term_is_explained_by_mouse_and_by_keyboard(open_page: OpenPage) -> None:
    page = at_rest(open_page("/"))
    meaning = page.locator(".thaw-meaning")
    page.locator("[data-term=lr-budget]:visible").first.hover()
    expect(meaning).to_be_visible()
    page.mouse.move(700, 700)
    expect(meaning).to_be_hidden()
    driving.tab_to(page, "e.dataset?.term === 'phase'")
    expect(meaning).to_be_visible()
    page.keyboard.press("Enter")
    expect(meaning.get_by_role("link")).to_be_focused()
    page.keyboard.press("Escape")
    expect(meaning).to_be_hidden()
    expect(page.locator("[data-term=phase]").first).to_be_focused()


def test_a_question_mark_opens_the_list_unless_it_is_typed(open_page: OpenPage) -> None:
    page = at_rest(open_page("/"))
    name = page.get_by_label("Name", exact=True)
    name.press("End")
    name.press("?")
    expect(name).to_have_value("Gradual unfreezing?")
    name.press("Enter")
    expect(driving.undo_button(page)).to_be_enabled()
    driving.settle(page)
    page.locator("[data-term=phase]").first.focus()
    driving.settle(page)  # of the new name
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("[lang=en] dt").first).to_be_visible()
    dialog.get_by_text("Español").click()
    expect(dialog.locator("[lang=es] dt").first).to_be_visible()
    driving.escape(page)
    expect(dialog).to_have_count(0)
