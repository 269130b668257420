from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from core.design import edits, layers, presets
from core.design.apply import apply
from core.design.palette import ROLES, group_colours
from core.design.preset import Source
from pages.components.preset_card import card
from pages.components.preset_picture import HEIGHT, WIDTH, picture, svg

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
    assert told[1] == "7 groups over 6 epochs: 1 trains at first, 5 at the end"


def test_a_card_has_all_that_the_preset_says() -> None:
    found = presets.find("ulmfit")
    made = apply(found, layers.load("torchvision/resnet18"))
    html = card(found, made, in_use=True, dark=False)
    assert found.when in html
    assert "10 epochs · Adam 0.01 · 6 groups · ×0.385 per group" in html
    assert html.count('href="https://arxiv.org/abs/1801.06146"') == 2
    assert html.count("<li>") == len(found.cannot) + len(found.changed)
    assert "in use" in html


def test_a_card_shows_text_as_text_and_why_a_preset_does_not_fit() -> None:
    bad = Source(citation="<b>A & B</b>, C", url='https://x.y/"><i>', where="<script>")
    found = presets.find("ulmfit").model_copy(update={"sources": (bad,), "title": "<u>T</u>"})
    html = card(found, "model.name is too small", in_use=False, dark=True)
    assert "model.name is too small" in html
    assert not re.search(r"<(b|i|u|script|img)\b", html)


def test_a_renamed_schedule_has_the_same_picture() -> None:
    schedule = presets.load("gradual")
    renamed = edits.set_field(schedule, "name", "mine")
    assert svg(schedule, dark=False) == svg(renamed, dark=False)
