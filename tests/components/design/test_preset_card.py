from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from html import unescape

import pytest

from core import presets
from core.export.palette import ROLES, group_colours
from core.models import layer_table
from core.presets.apply import apply
from core.presets.schema import Reference
from core.schedule import edits
from pages.components.design.preset_card import card
from pages.components.design.preset_picture import HEIGHT, WIDTH, picture, svg

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("name", presets.names())
def test_every_picture_stays_in_its_frame(name: str) -> None:
    root = ET.fromstring(svg(presets.load(name), dark=False))
    for polygon in root.iter(f"{SVG}polygon"):
        for point in polygon.attrib["points"].split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= WIDTH
            assert -0.01 <= y <= HEIGHT + 0.01


@pytest.mark.parametrize("dark", [False, True])
def test_a_group_is_coloured_only_where_it_trains_and_the_head_is_on_top(dark: bool) -> None:
    schedule = presets.load("surgical-first")
    root = ET.fromstring(svg(schedule, dark=dark))
    drawn = [group.attrib["fill"] for group in root.iter(f"{SVG}g")]
    colours = group_colours(len(schedule.groups))
    trains = [place for place, group in enumerate(schedule.groups) if group.trainable]
    assert drawn == [colours[place][dark] for place in trains]
    (head,) = list(root.iter(f"{SVG}g"))[-1].iter(f"{SVG}rect")
    assert float(head.attrib["y"]) == 0.0
    grounds = [rect.attrib["fill"] for rect in root.findall(f"{SVG}rect")]
    assert grounds == [ROLES["hatch-ground"][dark]] * len(schedule.groups)


def test_slower_groups_are_paler() -> None:
    root = ET.fromstring(svg(presets.load("mae-vit-b"), dark=False))
    strengths = [float(group.attrib["opacity"]) for group in root.iter(f"{SVG}g")]
    assert strengths == sorted(strengths)
    assert strengths[-1] == 1.0


def test_a_picture_says_in_words_how_much_trains() -> None:
    told = re.search(r'alt="([^"]+)"', picture(presets.load("gradual"), dark=False))
    assert told is not None
    assert re.findall(r"\d+", told[1]) == ["7", "6", "1", "7"]  # groups, epochs, at first, at last


@pytest.mark.parametrize("name", presets.names())
def test_a_card_says_when_to_use_the_preset_where_it_is_from_and_what_it_cannot(name: str) -> None:
    found = presets.by_name(name)
    html = unescape(card(found, presets.load(name), in_use=False, dark=False))
    assert found.when in html
    assert all(f'href="{source.url}"' in html for source in found.sources if source.url)
    assert all(text in html for text in (*found.cannot, *found.changed))
    assert "in use" not in html


def test_a_card_has_the_numbers_for_the_model_at_hand_and_says_that_it_is_in_use() -> None:
    made = apply(presets.by_name("ulmfit"), layer_table.load("torchvision/resnet18"))
    html = card(presets.by_name("ulmfit"), made, in_use=True, dark=False)
    for fact in (f"{made.epochs} epochs", "Adam 0.01", f"{len(made.groups)} groups"):
        assert fact in html
    assert "in use" in html


def test_a_card_shows_text_as_text_and_why_a_preset_does_not_fit() -> None:
    bad = Reference(citation="<b>A & B</b>, C", url='https://x.y/"><i>', where="<script>")
    found = presets.by_name("ulmfit").model_copy(update={"sources": (bad,), "title": "<u>T</u>"})
    html = card(found, "model.name is too small", in_use=False, dark=True)
    assert "model.name is too small" in html
    assert not re.search(r"<(b|i|u|script|img)\b", html)


def test_a_renamed_schedule_has_the_same_picture() -> None:
    schedule = presets.load("gradual")
    renamed = edits.set_field(schedule, "name", "mine")
    assert svg(schedule, dark=False) == svg(renamed, dark=False)
