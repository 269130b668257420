"""The frame around every page: title, colours, cards, and notices."""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.navigation.page import Page

from core.export.palette import ROLES, group_colours
from core.schedule.spec import Schedule
from core.schedule.words import epochs
from pages.components.learn.language import LANGUAGES
from pages.components.shared import help_dialog, session
from pages.components.shared.browser_tab import browser_tab
from pages.components.shared.live_run import live_run_pill
from pages.components.shared.plain_text import escape_markdown as escape_markdown
from pages.components.shared.state import current

_LOGO = Path(__file__).with_name("mark.svg").read_text(encoding="utf-8")
_ICON = re.sub("<path.*?/>", "", re.sub("viewBox.*?>", 'viewBox="1 -1 24 24">', _LOGO, count=1))
"""The mark without the name beside it, as a square."""


def dress() -> None:
    """Set icon, menu and logo, and take up a share link; the first thing of every page."""
    about = f"**Thaw** \n\n{LANGUAGES['en'].word('help.what')}"
    st.set_page_config(page_icon=_ICON, layout="wide", menu_items={"About": about})
    st.logo(_LOGO.replace("TEXT", colour("text")))
    # for dialogs and popovers too, which lie outside of the app's element
    st.html(f"<style>:root {{ color-scheme: {'dark' if is_dark() else 'light'}; }}</style>")
    session.open_link()


def unseen_title(title: str) -> None:
    """Give a page that shows no title one for screen readers."""
    st.html(f'<h1 class="thaw-unseen">{escape(title)}</h1>')


def navigate(pages: dict[str, Page]) -> None:
    """Run the page that the address names, and remember all of them for `go`."""
    mine = current()
    mine.pages = pages
    page = st.navigation(list(pages.values()), position="top")
    name = next(name for name, each in pages.items() if each is page)
    if name != mine.page:
        mine.page, mine.address, mine.after_edit, mine.dialog = name, {}, None, None
    st.set_page_config(page_title=f"{page.title} · Thaw")
    browser_tab(dark=is_dark())  # first: what it has to tell is not known before it is drawn
    help_dialog.help_button()
    live_run_pill()
    page.run()
    _freeze_imports()


def go(name: str) -> None:
    """Leave for another page, by its name in the navigation."""
    st.switch_page(current().pages[name])


def is_dark() -> bool:
    """Return whether the reader sees the dark theme now."""
    return st.context.theme.type == "dark"


def is_phone() -> bool:
    """Return whether the browser is a phone's: as MDN says, one that does not hide it says so."""
    return "Mobi" in st.context.headers.get("User-Agent", "")


def colour(role: str) -> str:
    """Return the colour of a role in the theme that the reader sees."""
    return ROLES[role][is_dark()]


def swatch_and_name(name: str, colour: str) -> str:
    """Return a name beside its swatch, as HTML."""
    return f'<i class="thaw-swatch" style="background:{colour}"></i>{escape(name)}'


def group_tints(schedule: Schedule) -> dict[str, str]:
    """Return the colour of each group, by name, in the theme that the reader sees."""
    pairs = group_colours(len(schedule.groups))
    return {g.name: pair[is_dark()] for g, pair in zip(schedule.groups, pairs, strict=True)}


@contextmanager
def card(
    name: str, title: str | None = None, aside: str = "", swatch: str | None = None
) -> Iterator[None]:
    """Draw a card around the block, with a heading and a remark at its right if they are given.

    `swatch` is the colour of a group whose name the title is.
    """
    with st.container(key=f"card-{name}", border=True):
        if title is not None:
            heading(title, aside, swatch)
        yield


def heading(title: str, aside: str = "", swatch: str | None = None) -> None:
    """Draw a heading, with a remark at its right and a group's colour at its left."""
    with heading_row(title, swatch=swatch):
        if aside:
            st.html(f'<span class="thaw-aside">{escape(aside)}</span>', width="stretch")


@contextmanager
def heading_row(title: str, key: str | None = None, swatch: str | None = None) -> Iterator[None]:
    """Draw a heading, with a group's colour at its left, and the block's content at its right."""
    mark = f'<i class="thaw-swatch" style="background:{swatch}"></i>' if swatch else ""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=key):
        st.html(f'<h2 class="thaw-heading">{mark}{escape(title)}</h2>', width="content")
        yield


def view_switch(label: str, options: Sequence[str], key: str) -> Any:
    """Draw a switch of what is shown, the first option at first; return the chosen one.

    The session remembers the choice, under `key`.
    """
    return st.segmented_control(
        label,
        options,
        default=options[0],
        required=True,
        key=key,
        persist_state="session",
        label_visibility="collapsed",
    )


def fold_row(
    label: str, key: str, select: Callable[[str | None], None], name: str, *, is_open: bool
) -> None:
    """Draw a row of a list, which selects what it names, or nothing where that `is_open`."""
    st.button(
        label,
        icon=f":material/keyboard_arrow_{'up' if is_open else 'down'}:",
        icon_position="right",
        key=key,
        type="tertiary",
        width="stretch",
        on_click=select,
        args=(None if is_open else name,),
    )


def mark_chosen(key: str) -> None:
    """Give the row with that key the background of the chosen one.

    Not by a key of its own: that would make it another row, and leave the focus behind.
    """
    st.html(
        f"<style>.st-key-{key} {{ border-radius: 8px; background: var(--thaw-accent-soft); "
        "box-shadow: inset 3px 0 0 var(--thaw-accent); }</style>"
    )


@contextmanager
def title_row(schedule: Schedule, run: str = "") -> Iterator[None]:
    """Draw the top row of a page that shows a schedule; the block's content is at its right.

    `run` is the name of the run that is shown, if it has one of its own.
    """
    model = schedule.model.name.rsplit("/", 1)[-1]
    title, *tags = filter(None, (run, schedule.name, model, epochs(schedule.epochs)))
    with st.container(horizontal=True, horizontal_alignment="distribute", key="title-row"):
        with st.container(horizontal=True, vertical_alignment="center", width="content"):
            st.html(f'<h1 class="thaw-title">{escape(title)}</h1>', width="content")
            for tag in tags:
                st.badge(escape_markdown(tag), color="gray")
            if st.button(
                "Open in Design", icon=":material/edit:", type="tertiary", key="to-design"
            ):
                session.open_schedule(lambda: schedule)
                go("design")
        with st.container(
            horizontal=True, vertical_alignment="center", width="content", key="title-actions"
        ):
            yield


def why_off(reason: str | None) -> None:
    """Say beside a button why it is off; nothing where it is on."""
    # always there, so that the button is not made anew
    with st.container(key="why-off", width="content"):
        if reason is not None:
            st.html(f'<p class="thaw-off" role="status">{escape(reason)}</p>')


def show_notice() -> None:
    """Show the message of a refused edit or a broken link, until it is closed; it moves nothing."""
    notice = session.take_notice()
    if notice:
        st.toast(escape_markdown(notice), icon=":material/error:", duration="infinite")


@cache
def _freeze_imports() -> None:
    """Exclude all present objects from later garbage collections in this process.

    Streamlit collects after each run of the script, a tenth of a second in which the page is not
    answered: nearly all of it goes through modules, classes and functions that stay. Call it when
    the first page has been drawn and so everything is imported.
    """
    gc.collect()
    gc.freeze()
