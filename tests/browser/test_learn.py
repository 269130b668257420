"""The lesson, walked through on a phone in both languages, and by keyboard."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from pages.components.learn import numbers, texts
from pages.components.learn.language import LANGUAGES
from pages.components.learn.visit import PLACES
from tests.browser import driving
from tests.browser.driving import PHONE, OpenPage
from tests.sample import thorough


def _fits(page: Page) -> bool:
    return bool(
        page.evaluate(
            """() => {
                const main = document.querySelector('[data-testid="stMain"]');
                const inside = '.st-key-lesson [class*="st-key-card-"]';
                const cards = [...document.querySelectorAll(inside)];
                return main.scrollWidth <= main.clientWidth
                    && cards.every((card) => card.scrollWidth <= card.clientWidth);
            }"""
        )
    )


@pytest.mark.thorough
@pytest.mark.parametrize(("code", "scheme"), [("es", "dark"), *thorough(("en", "light"))])
def test_the_lesson_is_walked_through_on_a_phone(
    open_page: OpenPage, code: str, scheme: str
) -> None:
    page = open_page("/learn?lang=en", PHONE, scheme)
    driving.settle(page)
    entries = page.evaluate("history.length")
    assert page.url.endswith("/learn?lang=en")  # as opened, so without another entry
    page.get_by_text(LANGUAGES[code].name, exact=True).click()
    for place in PLACES:
        text = texts.read(code, place)
        title = page.get_by_role("heading", level=1, name=text.title, exact=True)
        expect(title).to_be_in_viewport()
        expect(page.locator(f".st-key-lesson-{place} h2")).not_to_have_count(0)
        driving.settle(page)
        assert title.evaluate("e => e.closest('[lang]').lang") == code
        assert _fits(page), place
        if place == "unfreezing":
            bars = page.locator(".thaw-lesson-line [role=img]")
            assert [box["width"] > 200 for bar in bars.all() if (box := bar.bounding_box())] == [
                True
            ] * len(numbers.exercise().sizes)
        if place in texts.STEPS:
            answer = page.locator(f".st-key-lesson-answer-{place}")
            expect(answer.get_by_test_id("stMarkdownContainer").last).not_to_be_visible()
            answer.locator("summary").click()
            expect(answer.get_by_test_id("stMarkdownContainer").last).to_be_visible()
            driving.settle(page)  # as the answer opens, the button below it moves
            page.locator(".st-key-lesson-next button").click()
    turns = len(texts.STEPS) + (code != "en")
    assert page.evaluate("history.length") == entries + turns
    page.locator(".st-key-lesson-tick-cover label").click()
    expect(page.locator(".st-key-card-lesson-items")).to_contain_text(
        f"1 {'de' if code == 'es' else 'of'} 12"
    )
    page.reload()
    expect(page.get_by_role("heading", level=1, name=text.title, exact=True)).to_be_visible()


@pytest.mark.thorough
def test_the_keyboard_walks_on_and_opens_the_exercise_which_undo_takes_back(
    open_page: OpenPage,
) -> None:
    page = open_page("/learn?lang=en&step=rates")
    driving.settle(page)
    driving.tab_to(page, "e.closest('.st-key-lesson-place')")
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("heading", level=1, name="Freezing", exact=True)).to_be_visible()
    expect(page.get_by_role("radio", name="3 Freezing")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("heading", level=1, name="Discriminative")).to_be_visible()
    driving.tab_to(page, "e.closest('.st-key-lesson-next')")
    page.keyboard.press("Enter")
    title = page.get_by_role("heading", level=1, name="Gradual unfreezing")
    expect(title).to_be_focused()
    driving.tab_to(page, "e.closest('.st-key-lesson-open-exercise')")
    page.keyboard.press("Enter")
    name = page.locator("[class*=st-key-name] input")
    expect(name).to_have_value("The exercise")
    driving.settle(page)
    driving.undo_button(page).click()
    expect(driving.undo_button(page)).to_be_disabled()
    driving.settle(page)  # until then Streamlit may keep the field that has given way
    expect(name).to_have_value("Gradual unfreezing")
    driving.go_to(page, "Learn")
    expect(title).to_be_visible()
