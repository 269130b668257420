"""The stylesheets ask little of the browser when a redraw changes classes."""

from __future__ import annotations

import re
from pathlib import Path

from pages.components.shared import frame, page_head

PAGES = Path(frame.__file__).parents[2]
STREAMLIT = PAGES / "components" / "shared" / "page_head" / "streamlit.css"


def test_no_rule_is_about_what_lies_below_a_part_of_a_class() -> None:
    """Else Chromium restyles all that lies below any element whose class changes.

    Streamlit changes the class of every element when a run of the script begins, and again when it
    has ended: a whole page was restyled each time.
    """
    selectors = _selectors(page_head.STYLES + STREAMLIT.read_text(encoding="utf-8"))
    assert ".st-key-card-problems" in selectors
    assert ".stColumn.stColumn" in selectors
    assert [selector for selector in selectors if _above(selector, "[class*=")] == []


def test_only_one_file_has_rules_on_what_streamlit_draws() -> None:
    """Its parts may be named otherwise in another version; keys of containers are ours."""
    inner = re.compile(r"data-|\[kind|\.st[A-Z]|emotion|\bbutton\b|\.st-key-\S+ +> +(div|\*)")
    files = [each for each in PAGES.rglob("*.css") if each != STREAMLIT]
    own = [each for each in files if not {"timeline", "copy_button", "problems"} & {*each.parts}]
    style = "\n".join(each.read_text(encoding="utf-8") for each in own)
    assert [selector for selector in _selectors(style) if inner.search(selector)] == []


def _selectors(style: str) -> list[str]:
    rules = re.findall(r"([^{}]+)\{", re.sub(r"/\*.*?\*/", "", style, flags=re.DOTALL))
    return [each.strip() for rule in rules for each in re.split(r",(?![^(]*\))", rule)]


def _above(selector: str, part: str) -> bool:
    """Whether a part of a selector stands before its last combinator, but for one in `:has`."""
    *ancestors, _ = re.split(r"\s*[>+~]\s*|\s+", re.sub(r":has\(.*?\)+", "", selector))
    return any(part in each for each in ancestors)
