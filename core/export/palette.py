"""The palette: all colours of pages, charts and groups, for the light and the dark theme."""

from __future__ import annotations

from itertools import pairwise

Pair = tuple[str, str]
"""The same colour for the light and for the dark theme, as `#RRGGBB`."""

ROLES: dict[str, Pair] = {
    "page": ("#F6F7F9", "#101317"),
    "card": ("#FFFFFF", "#171A1F"),
    "sunk": ("#F3F5F7", "#1E2228"),
    "card-border": ("#E4E8EC", "#2A2F37"),
    "control-border": ("#CDD4DB", "#3D444F"),
    "gridline": ("#EDF0F3", "#242930"),
    "text": ("#151A21", "#EEF1F4"),
    "text-2": ("#4D5764", "#B3BCC7"),
    "text-3": ("#5F6975", "#8C96A3"),
    "accent-fill": ("#0B766E", "#0F857C"),
    "on-accent": ("#FFFFFF", "#FFFFFF"),
    "accent": ("#0B766E", "#4CCABD"),
    "accent-soft": ("#E2F2F0", "#12312F"),
    "ink": ("#28313C", "#D7DDE4"),
    "error": ("#B3261E", "#FF8A80"),
    "hatch-ground": ("#F4F6F8", "#1A1E23"),
    "hatch-stroke": ("#DCE1E7", "#2B3139"),
}
"""Colours by role. `on-accent` is for text on `accent-fill`; `accent` is for lines and text."""

GROUP_STOPS: tuple[Pair, ...] = (
    ("#1332A0", "#3464CC"),
    ("#700C7E", "#AB49A5"),
    ("#960055", "#D8527B"),
    ("#AF2B2B", "#F1745A"),
    ("#BC5A00", "#FAA15A"),
    ("#C38A27", "#FFCF7D"),
)
"""Group colours from stem to head; other counts are interpolated between these."""

Lab = tuple[float, float, float]


def group_colours(n: int) -> list[Pair]:
    """Return the colours of n groups from stem to head, interpolated in OKLab.

    Group i is at i / (n - 1) along GROUP_STOPS; a single group has the head's colour.
    """
    if n == 1:
        return [GROUP_STOPS[-1]]
    light, dark = zip(*GROUP_STOPS, strict=True)
    places = [i / (n - 1) for i in range(n)]
    return [(_along(light, place), _along(dark, place)) for place in places]


def oklab(colour: str) -> Lab:
    """Return lightness in [0, 1], green-red and blue-yellow of `#RRGGBB` (Ottosson 2020, OKLab)."""
    r, g, b = _linear(colour)
    long = (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b) ** (1 / 3)
    medium = (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b) ** (1 / 3)
    short = (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


def from_oklab(lab: Lab) -> str:
    """Return the nearest sRGB colour as `#RRGGBB`; channels outside the gamut are clipped."""
    lightness, a, b = lab
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    channels = (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )
    return "#" + "".join(f"{_encoded(channel):02X}" for channel in channels)


def _along(stops: tuple[str, ...], place: float) -> str:
    position = place * (len(stops) - 1)
    segment = min(int(position), len(stops) - 2)
    share = position - segment
    start, end = list(pairwise(stops))[segment]
    # On a stop, its own colour is returned, which rounding could change by one.
    if share in (0.0, 1.0):
        return end if share else start
    one, other = oklab(start), oklab(end)
    return from_oklab(
        (
            one[0] + share * (other[0] - one[0]),
            one[1] + share * (other[1] - one[1]),
            one[2] + share * (other[2] - one[2]),
        )
    )


def _linear(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return _decoded(red), _decoded(green), _decoded(blue)


def _decoded(channel: float) -> float:
    return float(channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4)


def _encoded(linear: float) -> int:
    light = min(max(linear, 0.0), 1.0)
    channel = 12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055
    return round(channel * 255)
