"""Thaw's navigation: which page stands at which address. Streamlit serves it by `app`."""

from __future__ import annotations

import streamlit as st

from pages.components.shared import server


def main() -> None:
    """Show the page that the address names."""
    from pages import compare, design, export, learn, run  # which want a server that has started
    from pages.components.shared import frame

    frame.dress()
    frame.navigate(
        {
            "design": st.Page(design.page, title="Design", url_path="design", default=True),
            "run": st.Page(run.page, title="Run", url_path="run"),
            "compare": st.Page(compare.page, title="Compare", url_path="compare"),
            "export": st.Page(export.page, title="Export", url_path="export"),
            "learn": st.Page(learn.page, title="Learn", url_path="learn"),
        }
    )


if __name__ == "__main__":  # for each visit
    main()
else:  # as the server starts
    app = st.App(__file__, middleware=server.MIDDLEWARE, lifespan=server.lifespan)
