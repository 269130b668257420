"""Each rule on what Streamlit draws inside its elements changes how a page looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from core import presets
from core.runs import run_folder
from core.runs.settings import RunSettings
from tests.browser import driving
from tests.browser.driving import PHONE, OpenPage
from tests.runs.made import finished_run
from tests.sample import thorough

LIVE = "streamlit-css-live"
NARROW = {"width": 1000, "height": 900}
TOUCHED = ':is(.stMain, .stAppHeader, .stSidebar, [data-testid="stPopoverBody"])'
ROWS = ":is(.st-key-run-rows, .st-key-card-targets, .st-key-group-rows, .st-key-library-rows)"
LINES = ":is(.st-key-group-rows, .st-key-library-rows)"
CHOSEN = 'button:is([data-variant="segmented_control"], [data-variant="pills"])'
OPTION = '[data-testid="stRadioOption"]'
RUN_BUTTONS = (".st-key-start", ".st-key-stop", ".st-key-force-stop", ".st-key-new-run")
OLD_BUTTONS = (*RUN_BUTTONS, ".st-key-resume", ".st-key-to-compare", ".st-key-delete-run")

RULES = {
    "design": (
        ".stApp .stMainBlockContainer",
        ".stApp",
        ".stApp .stAppHeader",
        '.stApp [data-stale="true"]',
        ".stSelectbox input",
        '.stTextInput [data-testid="InputInstructions"]',
        f'{CHOSEN}[data-selected="true"]',
        '.st-key-card-curve button[data-variant="segmented_control"]',
        ".stMain .stElementToolbar",
        ".stColumn.stColumn",
        f'{ROWS} button[kind="tertiary"]',
        f'{LINES} button[kind="tertiary"] :is(div, span:has(div), p)',
        f'{LINES} button[kind="tertiary"] p',
        f'{LINES} button[kind="tertiary"] strong',
    ),
    "design on a phone": (
        ":is(.st-key-phase-before, .st-key-phase-after, .st-key-more-menu) p",
        ".st-key-help p",
        f"{TOUCHED} button:not(.thaw-term)",
        f":is(.stMain summary, .stSidebar a, .stCheckbox label, {OPTION})",
        ":is(.stTextInput, .stNumberInput, .stSelectbox) input",
        ".st-key-recipe p",
        ".stElementToolbar",
        ".stVegaLiteChart .role-axis-label text",
    ),
    "run": (
        f'.st-key-title-actions:has(> :is({", ".join(RUN_BUTTONS)})[data-stale="false"])'
        f' > :is({", ".join(OLD_BUTTONS)})[data-stale="true"]',
        '.stApp [data-testid="stStatusWidget"]',
        '.stApp:has([data-testid="stStatusWidget"]) .st-key-live-run',
        '[data-testid="stLayoutWrapper"]:has(> .st-key-live-run)',
        ".st-key-live-run a",
        ".st-key-live-run p",
        ".stMain :is(label[disabled], input:disabled)",
        'button[kind="tertiary"]:hover',
        ":is(.stColumn, .st-key-lesson) .stColumn.stColumn",
        ".st-key-run-body .stColumn:has(> * > * > .st-key-card-settings)",
        ':is(.st-key-run-rows, .st-key-card-targets) button[kind="tertiary"] div',
    ),
    "export": (
        "body .stCode .token.token",
        "body .stCode .token:is(.comment, .punctuation, .operator)",
        "body .stCode .token:is(.property, .keyword, .tag)",
        "body .stCode .token.string",
        "body .stCode .token:is(.number, .boolean)",
        "body .stCode .linenumber",
        ".stCode",
        ".stCode pre",
    ),
    "learn": (
        f".st-key-card-steps {OPTION}",
        f".st-key-card-steps {OPTION}:hover",
        f'.st-key-card-steps {OPTION}[data-selected="true"]',
        f".st-key-card-steps {OPTION} > div > :first-child",
        f".st-key-card-steps {OPTION}:has(:focus-visible)",
        ".stColumn.stColumn:has(> * > * > .st-key-card-steps)",
        '.st-key-card-steps [role="radiogroup"]',
    ),
    "export on a phone": (
        ".st-key-card-targets .stElementContainer:has(.stButton)",
        ".st-key-card-targets button :is(br, br ~ span)",
    ),
}
"""Every rule of streamlit.css, by its selector, with a page on which it is in force."""

BEFORE_DRAWN = (
    "html:not(.thaw-drawn) .stMainBlockContainer",
    "html:not(.thaw-drawn) .stMainBlockContainer *",
)
"""The rules that are in force only before a page is seen; test_first_paint.py holds them."""

SELECTORS = """() => {
    const selectors = (rules) =>
        [...rules].filter((rule) => !(rule instanceof CSSKeyframesRule))
            .flatMap((rule) => rule.selectorText ?? selectors(rule.cssRules));
    return selectors(document.getElementById("streamlit-css").sheet.cssRules);
}"""

CHANGES = """selector => {
    const place = (list) => {
        for (const [at, rule] of [...list.cssRules].entries()) {
            if (rule.selectorText === selector) return [list, at];
            const found = rule.cssRules?.length ? place(rule) : null;
            if (found) return found;
        }
        return null;
    };
    const found = place(document.getElementById("streamlit-css").sheet);
    if (!found) return [];
    const [list, at] = found;
    const rule = list.cssRules[at];
    const names = [...rule.style];
    const elements = [...document.querySelectorAll(selector)];
    const looks = () => names.map((name) =>
        elements.map((e) => getComputedStyle(e).getPropertyValue(name)).join());
    const before = looks();
    const text = rule.cssText;
    list.deleteRule(at);
    const after = looks();
    list.insertRule(text, at);
    return names.filter((_, i) => before[i] !== after[i]);
}"""
"""The properties that a rule changes on the page, as it is found by taking the rule away."""


BUSY = """header => {
    const said = document.createElement("div");
    said.dataset.testid = "stStatusWidget";
    header.append(said);
}"""
"""Puts into the header what Streamlit puts there while a page takes long."""


def design(open_page: OpenPage) -> Page:
    page = open_page("/")
    driving.settle(page)
    page.locator(".st-key-groups button").click()
    expect(page.locator(".st-key-group-rows")).to_be_visible()
    driving.settle(page)
    page.get_by_label("Name", exact=True).first.press_sequentially("x")
    stale(page, ".st-key-undo")
    return page


def run(open_page: OpenPage, home: Path) -> Page:
    source = finished_run(home, "streamlit-css", presets.load("gradual"), (0.5,))
    run_folder.create(home / "runs" / LIVE, presets.load("gradual"), RunSettings())
    page = open_page(f"/run?run={source.partition(':')[2]}", NARROW, "dark")
    expect(page.locator(".thaw-headline")).to_contain_text("Finished")
    expect(page.locator(".st-key-live-run p")).to_be_visible()
    driving.settle(page)
    stale(page, ".st-key-delete-run")
    page.locator(".stAppHeader").evaluate(BUSY)
    page.locator(".st-key-to-design button").hover()
    return page


def stale(page: Page, selector: str) -> None:
    """Mark an element as Streamlit does where it waits to be drawn anew."""
    page.locator(f'{selector}[data-stale="false"]').first.evaluate("e => e.dataset.stale = 'true'")


def export(open_page: OpenPage, **options: Any) -> Page:
    page = open_page("/export", **options)
    expect(page.locator(".st-key-card-preview .token").first).to_be_attached()
    expect(page.locator(".st-key-card-json .token").first).to_be_attached()
    driving.settle(page)
    return page


def learn(open_page: OpenPage) -> Page:
    page = open_page("/learn", NARROW)
    steps = page.locator(".st-key-card-steps")
    steps.get_by_role("radio").first.focus()
    page.keyboard.press("ArrowDown")
    driving.settle(page)
    steps.get_by_text("Setup").hover()
    return page


@pytest.fixture
def opened(open_page: OpenPage, home: Path) -> Iterator[Callable[[str], Page]]:
    """Opens one of the pages of RULES, as it is when all of its rules are in force."""

    def phone() -> Page:
        page = open_page("/", PHONE)
        expect(page.locator(".st-key-phase-before")).to_be_visible()
        driving.settle(page)
        page.get_by_role("button", name="Table").click()
        expect(page.get_by_role("dialog").locator(".stElementToolbar")).to_be_attached()
        return page

    pages = {
        "design": lambda: design(open_page),
        "design on a phone": phone,
        "run": lambda: run(open_page, home),
        "export": lambda: export(open_page),
        "learn": lambda: learn(open_page),
        "export on a phone": lambda: export(open_page, viewport=PHONE),
    }
    yield lambda name: pages[name]()
    if (home / "runs" / LIVE).exists():
        run_folder.discard(home / "runs" / LIVE)


DEFAULT = ("design", "export")
"""The pages that have most of the rules; the others are opened by `thorough`."""


@pytest.mark.parametrize(
    "name", [*DEFAULT, *thorough(*(name for name in RULES if name not in DEFAULT))]
)
def test_every_rule_on_streamlits_own_elements_has_an_effect(
    opened: Callable[[str], Page], name: str
) -> None:
    page = opened(name)
    assert set(page.evaluate(SELECTORS)) == {
        *BEFORE_DRAWN,
        *(part for selectors in RULES.values() for part in selectors),
    }
    assert [each for each in RULES[name] if not page.evaluate(CHANGES, each)] == []
