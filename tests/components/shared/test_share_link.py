"""Share links: the address that they begin with, and on which machines they open."""

from __future__ import annotations

import pytest

from pages.components.shared.share_link import base_address, is_local

HOST = "https://thaw.example:8501"


@pytest.mark.parametrize("served_below", ["learn", "/export/", "a/run", "design"])
@pytest.mark.parametrize("page", ["design", "run", "export", "learn"])
def test_a_base_path_that_is_called_as_a_page_stays_in_the_link(
    served_below: str, page: str
) -> None:
    base = f"{HOST}/{served_below.strip('/')}"
    # Streamlit takes the last part of `base` for a page where it is called so.
    for url in (base, f"{base}/", f"{base}/{page}", HOST):
        assert base_address(url, served_below, page) == base


@pytest.mark.parametrize("behind", ["", "/thaw", "/~/+"])
def test_without_a_base_path_the_page_alone_is_cut_off(behind: str) -> None:
    base = HOST if behind == "/~/+" else f"{HOST}{behind}"
    for url in (f"{HOST}{behind}", f"{HOST}{behind}/", f"{HOST}{behind}/export"):
        assert base_address(url, "", "export") == base
    assert base_address(f"{HOST}/learn/export", "", "export") == f"{HOST}/learn"


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://localhost:8501/export", True),
        ("http://127.0.0.1:8501", True),
        ("http://[::1]:8501/run", True),
        ("http://0.0.0.0:8501", True),
        ("http://thaw.localhost", True),
        ("", True),
        ("http://192.168.1.7:8501", False),
        ("https://thaw.example/run", False),
        ("https://localhost.example", False),
    ],
)
def test_a_link_to_this_machine_is_told_from_one_that_others_can_open(
    url: str, local: bool
) -> None:
    assert is_local(url) == local
