"""Thaw's navigation: which page stands at which address, and nothing else."""

from __future__ import annotations

import streamlit as st

from pages import compare, design, export, learn, run
from pages.components import demo_card, frame


def main() -> None:
    """Show the page that the address names."""
    frame.dress()
    demo_card.keep_swept()
    frame.navigate(
        {
            "design": st.Page(design.page, title="Design", url_path="design", default=True),
            "run": st.Page(run.page, title="Run", url_path="run"),
            "compare": st.Page(compare.page, title="Compare", url_path="compare"),
            "export": st.Page(export.page, title="Export", url_path="export"),
            "learn": st.Page(learn.page, title="Learn", url_path="learn"),
        }
    )


if __name__ == "__main__":
    main()
