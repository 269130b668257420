"""Take the README's picture: python -m tests.browser.pictures."""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.driving import NOT_THE_FIRST_VISIT, WIDE
from tests.browser.server import CHROMIUM, FLAGS, running_app

PICTURES = Path(__file__).with_name("pictures")


def main() -> None:
    """Start the app, open the Design page, and keep what it looks like."""
    PICTURES.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as home,
        running_app(Path(home)) as address,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = browser.new_page(viewport=WIDE)
        page.add_init_script(NOT_THE_FIRST_VISIT)
        page.goto(address)
        page.wait_for_selector(".stVegaLiteChart svg.marks")
        page.wait_for_timeout(2_000)  # the last fonts and widgets
        page.screenshot(path=PICTURES / "design.png")
        browser.close()


if __name__ == "__main__":
    main()
