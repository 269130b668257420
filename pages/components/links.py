"""A schedule's address in this server."""

from __future__ import annotations

import streamlit as st

from core.design import link
from core.design.spec import Schedule
from core.errors import LinkError
from pages.components import frame
from pages.components.copy_button import copy_button

_INSIDE = "/~/+"
"""What Streamlit's own hosting puts behind the address of the frame that the app is shown in."""


def show_link(schedule: Schedule) -> None:
    """Show the address that opens this schedule, to copy; or why there is none."""
    try:
        address = link_of(schedule)
    except LinkError as error:
        st.warning(frame.escape_markdown(str(error)), icon=":material/link_off:")
        return
    with st.container(key="link"):
        st.code(address, language=None, wrap_lines=True)
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(f"{len(address):,} characters", width="stretch")
            copy_button(address, "copy-link")


def link_of(schedule: Schedule) -> str:
    """The address that opens this schedule in the designer of this server.

    Raises LinkError if the schedule is too large for one.
    """
    base = (st.context.url or "").split("?")[0].rstrip("/")
    for page in frame.page_names():
        base = base.removesuffix(f"/{page}")
    base = base.removesuffix(_INSIDE)
    return f"{base}/?{link.PARAMETER}={link.encode(schedule)}"
