"""A schedule's address in this server."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import ip_address
from urllib.parse import urlsplit

import streamlit as st

from core.errors import LinkError
from core.schedule import link
from core.schedule.spec import Schedule
from pages.components.shared import frame
from pages.components.shared.copy_button import copy_button
from pages.components.shared.state import current

_INSIDE = "/~/+"
"""What Streamlit's own hosting puts behind the address of the frame that the app is shown in."""


def show_link(schedule: Schedule) -> None:
    """Show the address that opens this schedule, to copy; or why there is none."""
    try:
        address = link_of(schedule)
    except LinkError as error:
        st.warning(frame.escape_markdown(str(error)), icon=":material/link_off:")
        return
    st.code(address, language=None)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(f"{len(address):,} characters")
        copy_button(address, "copy-link")


def link_of(schedule: Schedule) -> str:
    """Return the address that opens this schedule in the designer of this server.

    Raises LinkError if the schedule is too large for one.
    """
    served_below = st.get_option("server.baseUrlPath")
    base = base_address(st.context.url or "", served_below, current().page)
    return f"{base}/?{link.PARAMETER}={link.encode(schedule)}"


def base_address(url: str, served_below: str, page: str) -> str:
    """Return the address of the app, without a slash at its end.

    `url` is the address of a page of it, `page` the page's name, and `served_below` Streamlit's
    `server.baseUrlPath`: without one, a path that ends in another name than the page's belongs to
    a proxy.
    """
    parts = urlsplit(url)
    path = f"/{served_below.strip('/')}"
    if path == "/":
        path = parts.path.rstrip("/").removesuffix(f"/{page}")
    address = f"{parts.scheme}://{parts.netloc}{path}" if url else ""
    return address.rstrip("/").removesuffix(_INSIDE)


def opens_where() -> str:
    """Return a sentence on where the share link opens: one to this machine opens on it alone."""
    if is_local(st.context.url or ""):
        return (
            "It opens on this machine alone, while Thaw runs here. For a phone in your network, "
            "start Thaw with --server.address 0.0.0.0 and open it there by this machine's address; "
            "whoever is in the network can then start runs. Or send the JSON."
        )
    return "It opens wherever this address can be reached."


def is_local(url: str) -> bool:
    """Return whether an address means the machine of whoever opens it."""
    host = urlsplit(url).hostname or "localhost"
    with suppress(ValueError):
        address = ip_address(host)
        return address.is_loopback or address.is_unspecified
    return host == "localhost" or host.endswith(".localhost")
