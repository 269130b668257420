"""The stylesheets ask little of the browser when a redraw changes classes."""

from __future__ import annotations

import re

from pages.components.shared import frame


def test_no_rule_is_about_what_lies_below_a_part_of_a_class() -> None:
    """Else Chromium restyles all that lies below any element whose class changes.

    Streamlit changes the class of every element when a run of the script begins, and again when it
    has ended: a whole page was restyled each time.
    """
    selectors = _selectors(frame.STYLE)
    assert ".st-key-card-problems" in selectors
    assert [selector for selector in selectors if _above(selector, "[class*=")] == []


def _selectors(style: str) -> list[str]:
    rules = re.findall(r"([^{}]+)\{", re.sub(r"/\*.*?\*/", "", style, flags=re.DOTALL))
    return [each.strip() for rule in rules for each in re.split(r",(?![^(]*\))", rule)]


def _above(selector: str, part: str) -> bool:
    """Whether a part of a selector stands before its last combinator, but for one in `:has`."""
    *ancestors, _ = re.split(r"\s*[>+~]\s*|\s+", re.sub(r":has\(.*?\)+", "", selector))
    return any(part in each for each in ancestors)
