"""The gallery of presets, as a person uses it: by mouse, by keyboard, on a phone."""

from __future__ import annotations

import re
from collections.abc import Callable

import psutil
import pytest
from playwright.sync_api import Locator, Page, ViewportSize, expect

from core.design import presets
from tests.browser import driving
from tests.browser.driving import PHONE, WIDE
from tests.browser.faults import serious_faults

OpenPage = Callable[..., Page]


def preset_button(page: Page) -> Locator:
    return page.locator(".st-key-presets button").first


def said(page: Page) -> Locator:
    """What the button says, without its icon."""
    return preset_button(page).locator("p")


def test_a_preset_is_applied_to_three_models_and_undone(open_page: OpenPage) -> None:
    page = open_page("/")
    driving.use_preset(page, "ULMFiT")
    expect(driving.thaw(page, "stage4")).to_have_attribute(
        "aria-valuetext", "stage4 thaws at epoch 2 of 11"
    )
    expect(said(page)).to_have_text("Preset ULMFiT")

    driving.choose(page, "Model", "torchvision/resnet50", search="resnet50")
    expect(driving.thaw(page, "layer4")).to_have_attribute(
        "aria-valuetext", "layer4 thaws at epoch 1 of 10"
    )
    expect(said(page)).to_have_text("Preset ULMFiT")
    driving.use_preset(page, "Surgical: middle blocks")
    expect(driving.thaw(page, "layer3")).to_have_attribute(
        "aria-valuetext", "layer3 thaws at epoch 0 of 15"
    )
    expect(page.get_by_role("combobox", name="Model")).to_have_value("torchvision/resnet50")

    page.locator(".st-key-undo button").first.click()
    expect(said(page)).to_have_text("Preset ULMFiT")
    expect(driving.thaw(page, "layer4")).to_have_attribute("aria-valuenow", "1")

    driving.choose(page, "Model", "torchvision/vit_b_16", search="vit_b_16")
    driving.use_preset(page, "MAE: ViT-B")
    expect(said(page)).to_have_text("Preset MAE: ViT-B")
    expect(driving.thaw(page, "embed")).to_have_attribute(
        "aria-valuetext", "embed thaws at epoch 0 of 100"
    )
    blocks = page.get_by_role("slider", name=re.compile(r"^encoder\.layers\.\S+ thaws$"))
    expect(blocks).to_have_count(12)


def test_a_model_that_could_not_be_read_is_told_and_read_when_tried_again(
    open_page: OpenPage,
) -> None:
    page = open_page("/")
    driving.choose(page, "Model", "timm/resnet10t", search="resnet10t")
    said = page.locator(".thaw-reading")
    expect(said).to_contain_text("Reading timm/resnet10t")
    (reader,) = (
        process
        for process in psutil.Process().children(recursive=True)
        if process.cmdline()[-2:] == ["timm/resnet10t", "--json"]
    )
    reader.kill()
    expect(said).to_have_text(
        "timm/resnet10t could not be read: its process was ended (SIGKILL). "
        "Choose another model, or try again."
    )
    expect(page.get_by_role("combobox", name="Model")).to_have_value("timm/resnet10t")
    page.get_by_role("button", name="Try again").click()
    expect(driving.thaw(page, "layer4")).to_be_visible()
    expect(said).to_have_count(0)


def test_an_edit_is_said_beside_the_presets_name(open_page: OpenPage) -> None:
    page = open_page("/")
    driving.fill(page, "Epochs", 11)
    expect(preset_button(page)).to_contain_text("edited")


def test_the_gallery_tells_when_to_use_each_preset_and_where_its_numbers_are_from(
    open_page: OpenPage,
) -> None:
    page = open_page("/")
    preset_button(page).click()
    gallery = page.get_by_role("dialog")
    expect(gallery.locator("article")).to_have_count(len(presets.names()))
    for name in presets.names():
        found = presets.find(name)
        told = gallery.locator(f".st-key-preset-card-{name}")
        expect(told).to_contain_text(found.when)
        for source in found.sources:
            if source.url is not None:
                expect(told.locator(f'a[href="{source.url}"]').first).to_be_visible()
        if found.cannot:
            told.locator("summary").click()
            expect(told).to_contain_text(found.cannot[-1])
    expect(gallery.get_by_role("img")).to_have_count(len(presets.names()))
    expect(gallery.get_by_role("button", name="Use Gradual unfreezing")).to_be_disabled()
    assert serious_faults(page) == []


def test_the_gallery_is_used_by_keyboard_alone(open_page: OpenPage) -> None:
    page = open_page("/")
    button = preset_button(page)
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Use Chain-thaw")).to_be_visible()
    driving.tab_to(page, "e.textContent.trim() === 'Use Chain-thaw'")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(said(page)).to_have_text("Preset Chain-thaw")


@pytest.mark.parametrize(
    ("viewport", "scheme"),
    [
        (PHONE, "dark"),
        pytest.param(PHONE, "light", marks=pytest.mark.thorough),
        pytest.param(WIDE, "dark", marks=pytest.mark.thorough),
    ],
)
def test_the_gallery_fits_the_screen_in_both_themes(
    open_page: OpenPage, viewport: ViewportSize, scheme: str
) -> None:
    page = open_page("/", viewport, scheme)
    preset_button(page).click()
    gallery = page.get_by_role("dialog")
    card = gallery.locator(".st-key-preset-card-ulmfit")
    expect(card).to_be_visible()
    box = card.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= viewport["width"]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    ground = card.evaluate("e => getComputedStyle(e).backgroundColor")
    assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(23, 26, 31)"}[scheme]
    assert serious_faults(page) == []
