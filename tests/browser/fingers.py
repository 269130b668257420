"""Fingers on a touch screen, by Chromium's own touch events."""

from __future__ import annotations

from playwright.sync_api import Locator, Page

from tests.browser.driving import middle

Place = tuple[float, float]

_RESTS_MS = 700
_SOON_MS = 30
_STEPS = 8


class Fingers:
    """One or two fingers on a page that has touch; places are in pixels of its viewport."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._session = page.context.new_cdp_session(page)

    def tap(self, target: Locator) -> None:
        """Touch the middle of something and let go."""
        self._send("touchStart", middle(target))
        self._send("touchEnd")

    def rest(self, target: Locator) -> None:
        """Touch the middle of something and stay for a moment."""
        self._send("touchStart", middle(target))
        self._page.wait_for_timeout(_RESTS_MS)
        self._send("touchEnd")

    def swipe(self, start: Place, end: Place, *, rests: bool = False) -> None:
        """Draw one finger from a place to another, which may stay for a moment first."""
        self._move([(start, end)], rests=rests)

    def pinch(self, one: Place, other: Place, one_end: Place, other_end: Place) -> None:
        """Draw two fingers, each from a place to another."""
        self._move([(one, one_end), (other, other_end)])

    def join(self, start: Place, one: Place, other: Place, other_end: Place) -> None:
        """Draw a finger to a place, where it stays, and then a second one besides."""
        self._send("touchStart", start)
        self._send("touchMove", one)
        self._page.wait_for_timeout(_SOON_MS)
        self._send("touchStart", one, other)
        for step in range(1, _STEPS + 1):
            self._page.wait_for_timeout(_SOON_MS)
            share = step / _STEPS
            x = other[0] + (other_end[0] - other[0]) * share
            self._send("touchMove", one, (x, other_end[1]))
        self._send("touchEnd")

    def _move(self, ways: list[tuple[Place, Place]], *, rests: bool = False) -> None:
        self._send("touchStart", *(start for start, _ in ways))
        if rests:
            self._page.wait_for_timeout(_RESTS_MS)
        for step in range(1, _STEPS + 1):
            share = step / _STEPS
            self._send(
                "touchMove",
                *(
                    (x + (to_x - x) * share, y + (to_y - y) * share)
                    for (x, y), (to_x, to_y) in ways
                ),
            )
        self._send("touchEnd")

    def _send(self, kind: str, *places: Place) -> None:
        points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(places)]
        self._session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
