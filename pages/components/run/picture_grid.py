"""A grid of small pictures with captions, as HTML."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True, slots=True)
class Tile:
    """A picture: its address (None if it is gone), description, caption as HTML, and title."""

    address: str | None
    about: str
    caption: str
    title: str


def picture_grid(tiles: Iterable[Tile], name: str) -> str:
    """Return the grid, as a list that is called by its name."""
    return (
        f'<ul class="thaw-pictures" aria-label="{escape(name)}">{"".join(map(_tile, tiles))}</ul>'
    )


def _tile(tile: Tile) -> str:
    about = escape(tile.about)
    picture = (
        f'<img src="{tile.address}" alt="{about}">'
        if tile.address
        else f'<span class="thaw-gone" role="img" aria-label="{about}">not there</span>'
    )
    return f'<li title="{escape(tile.title)}">{picture}<p>{tile.caption}</p></li>'
