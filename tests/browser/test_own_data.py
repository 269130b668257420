"""One's own pictures: a zip of them uploaded, looked at, trained on, and its mistakes seen."""

from __future__ import annotations

import io

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import FilePayload, Page, expect

from core import presets
from core.schedule import edits
from tests.browser import driving
from tests.browser.driving import OpenPage
from tests.browser.faults import serious_faults
from tests.data.zips import zipped

DOWN_A_PHONE = ("runs", "status", "settings", "data", "rates")
"""The Run page's cards before a run."""


def shape(label: int, number: int) -> bytes:
    """A circle, a square or a triangle on a ground, each picture of another colour and place."""
    image = Image.new("RGB", (60 + number, 50), (200 - 5 * number, 90 + 7 * number, 120))
    x, y = 4 + number % 7 * 3, 3 + number % 5 * 3
    drawn = ImageDraw.Draw(image)
    if label == 0:
        drawn.ellipse((x, y, x + 26, y + 26), fill="navy")
    elif label == 1:
        drawn.rectangle((x, y, x + 24, y + 24), fill="navy")
    else:
        drawn.polygon([(x, y + 26), (x + 28, y + 26), (x + 14, y)], fill="navy")
    made = io.BytesIO()
    image.save(made, "JPEG")
    return made.getvalue()


def upload(page: Page, name: str, content: bytes) -> None:
    # its coming draws the page anew, where for a moment there are two
    expect(page.locator(".st-key-device").first).to_be_visible()
    expect(page.locator(".st-key-device", has_text="finding")).to_have_count(0)
    driving.choose(page, "Data", "A zip of class folders")
    expect(page.get_by_role("button", name="Start")).to_be_disabled()
    payload = FilePayload(name=name, mimeType="application/zip", buffer=content)
    page.locator("[class*=st-key-data-zip] input[type=file]").set_input_files(payload)


NAMES = ("circle", "square", "tri&amp;angle")
HELD_BACK = 4
"""Every fifth picture of a class is kept for validation: four of twenty, from this one on."""

SHAPES = [
    (f"shapes/{name}/{number:02}.jpg", shape(label, number))
    for label, name in enumerate(NAMES)
    for number in range(20)
]
CONTRADICTING = [
    (f"shapes/{name}/{number:02}.jpg", shape(drawn, number))
    for label, name in enumerate(NAMES)
    for number in range(20)
    for drawn in [0 if label == 1 and number % 5 == HELD_BACK else label]
]
"""The squares that are held back are the circles that are: of each such pair, one is mistaken."""


@pytest.mark.thorough
def test_a_zip_is_uploaded_and_looked_at(open_page: OpenPage) -> None:
    page = open_page("/run")
    broken = [("shapes/circle/broken.jpg", b"no image"), ("shapes/notes.txt", b"x")]
    upload(page, "shapes.zip", zipped([*SHAPES, *broken]).getvalue())

    data = page.locator(".st-key-card-data")
    expect(data).to_contain_text("shapes.zip: 60 images, 3 classes")
    expect(data.get_by_role("list", name="Training images").get_by_role("img")).to_have_count(24)
    expect(data.get_by_role("row", name="tri&amp;angle 16 4")).to_be_visible()  # text, no mark-up
    settings = page.locator(".st-key-card-settings")
    settings.get_by_text("What is left out").click()
    expect(settings).to_contain_text("shapes/circle/broken.jpg: not an image")
    assert serious_faults(page) == []
    driving.go_to(page, "Design")
    page.get_by_role("button", name="Pretrained").click()
    expect(page.get_by_test_id("stPopoverBody")).to_contain_text("3 classes")
    driving.escape(page)
    driving.go_to(page, "Run")
    expect(page.locator(".st-key-card-status")).to_contain_text("on 48 images")


@pytest.mark.thorough
def test_a_zip_is_trained_on_and_its_mistakes_are_seen(open_page: OpenPage) -> None:
    page = open_page(edits.set_length(presets.load(presets.DEFAULT), 1))
    driving.go_to(page, "Run")
    upload(page, "shapes.zip", zipped(CONTRADICTING).getvalue())
    expect(page.locator(".st-key-card-data")).to_contain_text("shapes.zip: 60 images, 3 classes")
    driving.fill(page, "Image size, px", 32)
    driving.settle(page)
    page.get_by_role("button", name="Start").click()
    expect(page.locator(".thaw-headline")).to_contain_text("Finished", timeout=120_000)

    confusion = page.locator(".st-key-card-confusion")
    expect(confusion.locator("svg.marks")).to_be_visible()
    confusion.get_by_text("All counts as a table").click()
    table = confusion.get_by_role("region", name="Confusion matrix")
    expect(table.get_by_role("row")).to_have_count(4)
    counts = [cell.evaluate("e => +e.firstChild.data") for cell in table.locator("td").all()]
    assert sum(counts) == 12
    right = counts[0] + counts[4] + counts[8]
    assert right <= 12 - 4  # four pictures are both a circle and a square
    expect(confusion).to_contain_text(f"{right} of 12 right")

    wrong = page.locator(".st-key-card-mistakes")
    pictures = wrong.get_by_role("list", name="Surest mistakes").get_by_role("img")
    expect(pictures).to_have_count(12 - right)
    for picture in pictures.all():
        assert picture.evaluate("e => e.naturalWidth") > 20
        assert " taken for " in (picture.get_attribute("alt") or "")

    page.set_viewport_size(driving.PHONE)
    page.emulate_media(color_scheme="dark")
    page.reload()
    expect(pictures).to_have_count(12 - right)
    driving.assert_fits(page)
    assert serious_faults(page) == []


@pytest.mark.thorough
def test_on_a_phone_the_cards_stand_in_order_and_reach_no_further_than_the_screen(
    open_page: OpenPage,
) -> None:
    page = open_page("/run", driving.PHONE)
    upload(page, "shapes.zip", zipped(SHAPES).getvalue())
    expect(page.locator(".st-key-card-data")).to_contain_text("shapes.zip: 60 images")
    driving.assert_fits(page)
    assert page.locator(".st-key-card-data").evaluate("e => e.scrollWidth <= e.clientWidth")
    cards = [page.locator(f".st-key-card-{name}").bounding_box() for name in DOWN_A_PHONE]
    tops = [card["y"] for card in cards if card]
    assert len(tops) == len(DOWN_A_PHONE)
    assert tops == sorted(tops)
    assert serious_faults(page) == []
