"""The styles and scripts that the server puts into a page's HTML.

Streamlit serves files only from a folder `static` in the root, which the root does not have, and a
style that a page draws itself comes when parts of the page are there already, and jump.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.export.palette import ROLES
from pages.components.learn import glossary
from pages.components.shared.fonts import font_faces

_PAGES = Path(__file__).parents[2]
_FILES = (
    "shared/page_head/frame.css",
    "design/costs.css",
    "design/groups.css",
    "run/data.css",
    "design/presets.css",
    "compare/compare.css",
    "export/export.css",
    "learn/learn.css",
)
_SCRIPTS = (
    "shared/page_head/clipboard.js",
    "shared/page_head/first_paint.js",
    "shared/page_head/popovers.js",
    "shared/page_head/terms.js",
    "shared/page_head/welcome.js",
)


def _text(file: str) -> str:
    return (_PAGES / file).read_text(encoding="utf-8")


def _colours() -> str:
    """Return the palette as CSS variables, each with its value in the light and in the dark."""
    lines = (
        f"--thaw-{role}: light-dark({light}, {dark});" for role, (light, dark) in ROLES.items()
    )
    return f":root {{ {' '.join(lines)} }}"


STYLES = "\n".join(map(_text, _FILES))
"""The stylesheets of all pages, those of the components apart."""
_SHEET = f"{font_faces()}\n{_colours()}\n{STYLES}".encode()
_NAME = f"thaw-{sha256(_SHEET).hexdigest()[:16]}.css"
_INNER = f'<style id="streamlit-css">{_text("shared/page_head/streamlit.css")}</style>'
_GLOSSARY = f'<script type="application/json" id="thaw-glossary">{glossary.as_json()}</script>'
_HEAD = f"{_INNER}{_GLOSSARY}<script>{''.join(map(_text, _SCRIPTS))}</script></head>".encode()
# at the end, so that the rules come after those that Streamlit adds to the head
_BODY = f'<link rel="stylesheet" id="thaw-css" href="./{_NAME}"></body>'.encode()


class PageHead:
    """Middleware that puts the styles and scripts into a page's HTML, and serves the styles."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the app does, or with the styles, which a browser may keep for ever."""
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            await self._app(scope, receive, send)
        elif scope["path"].endswith(f"/{_NAME}"):
            kept = {"Cache-Control": "public, max-age=31536000, immutable"}
            await Response(_SHEET, headers=kept, media_type="text/css")(scope, receive, send)
        elif asks_for_a_page(scope):
            await self._page(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _page(self, scope: Scope, receive: Receive, send: Send) -> None:
        # compressed, or as the browser has it, it could not be changed
        left_out = (b"accept-encoding", b"if-none-match", b"if-modified-since")
        asked = [header for header in scope["headers"] if header[0] not in left_out]
        only_head = scope["method"] == "HEAD"
        start: Message = {}
        body = b""

        async def answer(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                start = message
                return
            body += message.get("body", b"")
            if message.get("more_body"):
                return
            body = body.replace(b"</head>", _HEAD, 1).replace(b"</body>", _BODY, 1)
            headers = MutableHeaders(scope=start)
            headers["Content-Length"] = str(len(body))
            for name in ("ETag", "Last-Modified"):
                if name in headers:
                    del headers[name]
            await send(start)
            await send({"type": "http.response.body", "body": b"" if only_head else body})

        # else there would be nothing whose length could be told
        await self._app({**scope, "method": "GET", "headers": asked}, receive, answer)


def asks_for_a_page(scope: Scope) -> bool:
    """Return whether a browser opens a page, and not a file, which may be HTML as well."""
    is_file = "." in scope["path"].rpartition("/")[2]
    accepts = (value for name, value in scope["headers"] if name == b"accept")
    return not is_file and any(b"text/html" in value for value in accepts)
