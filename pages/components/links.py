"""A schedule's address in this server, and its file names."""

from __future__ import annotations

import streamlit as st

from core.design import link
from core.design.spec import Schedule

_PAGES = ("/design", "/run", "/export")


def link_of(schedule: Schedule) -> str:
    """The address that opens this schedule in the designer of this server."""
    base = (st.context.url or "").split("?")[0].rstrip("/")
    for page in _PAGES:
        base = base.removesuffix(page)
    return f"{base}/?{link.PARAMETER}={link.encode(schedule)}"


def file_name(schedule: Schedule, suffix: str) -> str:
    """A plain file name for the schedule: `gradual-unfreezing.json`."""
    words = "".join(c if c.isascii() and c.isalnum() else " " for c in schedule.name.lower())
    return f"{'-'.join(words.split()) or 'schedule'}{suffix}"
