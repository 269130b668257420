"""The HTML that a page has drawn, which AppTest gives in parts."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest


def html(app: AppTest) -> str:
    """All of it, of a page that has raised nothing."""
    return " ".join(_parts(app))


def without_styles(app: AppTest) -> str:
    """The same, as one text, but for style sheets and scripts."""
    return "".join(part for part in _parts(app) if not part.startswith(("<style>", "<script>")))


def _parts(app: AppTest) -> list[str]:
    assert not app.exception, app.exception
    return [part.proto.body for part in app.get("html")]
