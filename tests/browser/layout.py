"""Finds texts that lie over each other, are cut off, or stick out of what they stand in."""

from __future__ import annotations

import time
from typing import Any

from playwright.sync_api import Page

from tests.browser import driving

WATCH_SHIFT = """
window.shift = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shift += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""
"""Sums up the layout shifts of a page, of which web.dev asks for less than 0.1."""

_FAULTS = """() => {
  const SLACK = 2; // px by which the boxes of letters are higher than the letters
  const UNSEEN = /^(style|script|title|desc)$/i;
  const outer = (e) => e.assignedSlot ?? e.parentElement ?? e.getRootNode().host ?? null;
  const main = document.querySelector("[data-testid=stMain]"); // which scrolls
  const up = function* (e) { for (; e && e !== main; e = outer(e)) yield e; };
  const texts = (node, found = []) => {
    for (const child of [...(node.shadowRoot?.childNodes ?? []), ...node.childNodes]) {
      if (child.nodeType === Node.TEXT_NODE && child.data.trim()) found.push(child);
      if (child.nodeType === Node.ELEMENT_NODE && !UNSEEN.test(child.tagName)) texts(child, found);
    }
    return found;
  };
  // The part of a box that is seen, or null.
  const seen = (element, { left, right, top, bottom }) => {
    const box = { left, right, top: top + SLACK, bottom: bottom - SLACK };
    for (const e of up(element)) {
      const style = getComputedStyle(e);
      if (style.visibility !== "visible" || style.opacity === "0") return null;
      if (style.clipPath.startsWith("inset(50%")) return null;
      const clip = e.getBoundingClientRect();
      if (style.overflowX !== "visible" && !(e instanceof SVGElement)) {
        box.left = Math.max(box.left, clip.left);
        box.right = Math.min(box.right, clip.right);
      }
      if (style.overflowY !== "visible" && !(e instanceof SVGElement)) {
        box.top = Math.max(box.top, clip.top);
        box.bottom = Math.min(box.bottom, clip.bottom);
      }
    }
    return box.right - box.left > 1 && box.bottom - box.top > 1 ? box : null;
  };
  // Whether an element ends its text with an ellipsis.
  const ends = (e) => {
    const style = getComputedStyle(e);
    const may = style.textOverflow === "ellipsis" && style.overflowX !== "visible";
    return may && e.scrollWidth > e.clientWidth;
  };
  // Whether an element hides an end of such a box, and says so by nothing.
  const cuts = (e, { left, right }) => {
    const style = getComputedStyle(e);
    if (style.overflowX === "visible" || style.display === "inline") return false;
    if (e instanceof SVGElement || style.textOverflow === "ellipsis") return false;
    if (e.matches("[tabindex], [role=region]")) return false; // scrolls
    const sides = e.getBoundingClientRect();
    return right > sides.right + 1 || left < sides.left - 1;
  };
  const faults = [], boxes = [];
  const range = document.createRange();
  for (const text of texts(main)) {
    const element = text.parentElement;
    if (element.closest(".stCode, pre") || !element.checkVisibility()) continue;
    range.selectNodeContents(text);
    const whole = [...range.getClientRects()];
    const parts = whole.map((rect) => seen(element, rect)).filter(Boolean);
    if (parts.length === 0) continue;
    const words = text.data.trim().slice(0, 60);
    for (const part of parts) boxes.push({ words, text, part });
    const above = [...up(element)];
    const dots = above.findIndex(ends);
    const below = above.slice(0, dots < 0 ? undefined : dots);
    const cutter = below.find((e) => whole.some((rect) => cuts(e, rect)));
    if (cutter && !element.closest("[title]")) faults.push(["cut off", words, cutter.className]);
    const holder = element.closest("button, [class*=st-key-card-]");
    const sides = holder?.getBoundingClientRect();
    if (sides && parts.some((part) => part.left < sides.left - 1 || part.right > sides.right + 1))
      faults.push(["sticks out", words, holder.className]);
  }
  boxes.forEach((one, at) => {
    for (const other of boxes.slice(at + 1)) {
      const [a, b] = [one.part, other.part];
      const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (one.text !== other.text && one.words !== other.words && across > 1 && down > 1)
        faults.push(["over each other", one.words, other.words]);
    }
  });
  return faults;
}"""


def faults(page: Page) -> list[Any]:
    """Return each fault of the page once it has settled: kind, text, and what is in its way.

    Code, what scrolls, ends with an ellipsis or has a title is not cut off.
    """
    driving.settle(page)
    found: list[Any] = page.evaluate(_FAULTS)
    until = time.monotonic() + 5.0
    while found and time.monotonic() < until:  # a chart takes a new width a moment later
        page.wait_for_timeout(100)
        found = page.evaluate(_FAULTS)
    return found
