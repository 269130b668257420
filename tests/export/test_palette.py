from __future__ import annotations

import tomllib
from itertools import combinations, pairwise
from pathlib import Path

import pytest

from core.export.palette import GROUP_STOPS, ROLES, from_oklab, group_colours, oklab

LIGHT, DARK = 0, 1
THEMES = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])

# Machado, Oliveira & Fernandes 2009, "A Physiologically-based Model for Simulation of Color
# Vision Deficiency", severity 1.0: matrices on linear RGB.
DEFICIENCIES = {
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
}


def linear(colour: str) -> list[float]:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]


def as_seen(colour: str, matrix: tuple[tuple[float, ...], ...]) -> str:
    rgb = linear(colour)
    seen = [sum(m * c for m, c in zip(row, rgb, strict=True)) for row in matrix]
    encoded = [
        12.92 * c if c <= 0.0031308 else 1.055 * min(c, 1.0) ** (1 / 2.4) - 0.055
        for c in (max(c, 0.0) for c in seen)
    ]
    return "#" + "".join(f"{round(c * 255):02X}" for c in encoded)


def distance(one: str, other: str) -> float:
    return sum((a - b) ** 2 for a, b in zip(oklab(one), oklab(other), strict=True)) ** 0.5


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, 1 to 21 (WCAG 2.2, "contrast ratio")."""
    low, high = sorted(
        sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear(colour), strict=True))
        for colour in (one, other)
    )
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("n", range(2, 20))
def test_the_first_group_has_the_stems_stop_and_the_last_the_heads(n: int) -> None:
    colours = group_colours(n)
    assert len(colours) == n
    assert colours[0] == GROUP_STOPS[0]
    assert colours[-1] == GROUP_STOPS[-1]


def test_six_groups_have_exactly_the_six_stops() -> None:
    assert tuple(group_colours(6)) == GROUP_STOPS


def test_a_single_group_is_the_head() -> None:
    assert group_colours(1) == [GROUP_STOPS[-1]]


@THEMES
@pytest.mark.parametrize("n", range(2, 20))
def test_lightness_never_falls_from_stem_to_head(n: int, theme: int) -> None:
    lightness = [oklab(colours[theme])[0] for colours in group_colours(n)]
    assert all(later >= earlier for earlier, later in pairwise(lightness))


@THEMES
@pytest.mark.parametrize("n", range(1, 13))
def test_every_group_colour_has_three_to_one_contrast_on_the_card(n: int, theme: int) -> None:
    card = ROLES["card"][theme]
    assert min(contrast(colours[theme], card) for colours in group_colours(n)) >= 3.0


@THEMES
def test_any_two_stops_are_told_apart(theme: int) -> None:
    stops = [stop[theme] for stop in GROUP_STOPS]
    assert min(distance(*pair) for pair in combinations(stops, 2)) >= 0.065


@THEMES
@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_any_two_stops_are_told_apart_by_the_colour_blind(deficiency: str, theme: int) -> None:
    stops = [as_seen(stop[theme], DEFICIENCIES[deficiency]) for stop in GROUP_STOPS]
    assert min(distance(*pair) for pair in combinations(stops, 2)) >= 0.06


@THEMES
@pytest.mark.parametrize("role", ["text", "text-2", "text-3"])
@pytest.mark.parametrize("ground", ["page", "card", "sunk"])
def test_text_has_four_and_a_half_to_one_contrast(role: str, ground: str, theme: int) -> None:
    assert contrast(ROLES[role][theme], ROLES[ground][theme]) >= 4.5


def test_white_text_reads_on_the_accent_fill() -> None:
    for theme in (LIGHT, DARK):
        assert contrast(ROLES["on-accent"][theme], ROLES["accent-fill"][theme]) >= 4.5


def test_a_colour_survives_the_way_to_oklab_and_back() -> None:
    colours = {colour for pair in (*GROUP_STOPS, *ROLES.values()) for colour in pair}
    assert {from_oklab(oklab(colour)) for colour in colours} == colours


def test_oklab_of_white_red_and_black_are_the_published_values() -> None:
    # Ottosson 2020, "A perceptual color space for image processing"; red by its reference code.
    assert oklab("#FFFFFF") == pytest.approx((1.0, 0.0, 0.0), abs=1e-4)
    assert oklab("#000000") == pytest.approx((0.0, 0.0, 0.0), abs=1e-9)
    assert oklab("#FF0000") == pytest.approx((0.62796, 0.22486, 0.12585), abs=1e-4)


def test_contrast_of_black_on_white_is_twenty_one() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21.0)


@THEMES
def test_streamlits_theme_has_the_palettes_colours(theme: int) -> None:
    file = Path(__file__).parents[2] / ".streamlit" / "config.toml"
    config = tomllib.loads(file.read_text(encoding="utf-8"))
    roles = {
        "primaryColor": "accent-fill",
        "backgroundColor": "page",
        "secondaryBackgroundColor": "card",
        "textColor": "text",
        "borderColor": "control-border",
        "linkColor": "accent",
        "codeBackgroundColor": "sunk",
        "redColor": "error",
        "grayTextColor": "text-2",
        "grayBackgroundColor": "card-border",
    }
    configured = config["theme"][("light", "dark")[theme]]
    assert {name: configured[name] for name in roles} == {
        name: ROLES[role][theme] for name, role in roles.items()
    }
