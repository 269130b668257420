"""The Data card: the images and classes of the next run."""

from __future__ import annotations

from html import escape

import streamlit as st

from core.data import uploads
from core.data.bundled import BUNDLED_DATA, BUNDLED_TITLE
from core.data.summary import ClassCount, DataSummary
from core.runs.settings import RunSettings
from core.schedule.words import counted
from pages.components.run.picture_grid import Tile, picture_grid
from pages.components.shared import frame
from pages.components.shared.data_preview import seen, thumbnail

BUNDLED_NAME = f"{BUNDLED_TITLE}, bundled"
_ROWS = 1_000
_TALL = 9
"""Rows above which the list of classes scrolls."""


def data_card(settings: RunSettings) -> None:
    """Draw the card: counts per class, some images, their sizes, and what is odd."""
    found = seen(settings.data)
    if isinstance(found, str):
        with frame.card("data", "Data", data_name(settings.data)):
            st.error(frame.escape_markdown(found), icon=":material/error:")
        return
    images = found.train + found.validation
    classes = counted(len(found.classes), "class")
    aside = f"{data_name(settings.data)}: {images:,} images, {classes}"
    with frame.card("data", "Data", aside):
        if found.warnings:
            items = "".join(f"<li>{escape(warning)}</li>" for warning in found.warnings)
            st.html(f'<ul class="thaw-warnings" aria-label="Warnings">{items}</ul>')
        label = "Classes, samples, sizes"
        with st.expander(label, expanded=True, key="data-open", type="compact"):
            left, right = st.columns([2, 3], gap="medium")
            with left:
                st.html(class_table(found.classes))
            with right:
                st.html(_samples(settings.data, found))
            st.html(f'<p class="thaw-said">{split_text(found, settings)}</p>')


def data_name(data: str) -> str:
    """Return what the data is called: the bundled set, an uploaded zip's name, or a folder's."""
    return BUNDLED_NAME if data == BUNDLED_DATA else uploads.data_title(data)


def class_table(classes: tuple[ClassCount, ...]) -> str:
    """Return a row per class as HTML: its counts, and a bar as a share of the largest class."""
    most = max(each.train + each.validation for each in classes)
    rows = "".join(_row(each, most) for each in classes[:_ROWS])
    table = (
        '<table class="thaw-classes"><thead><tr><th scope="col">Class</th><td></td>'
        '<th scope="col">Train</th><th scope="col">Validation</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )
    if len(classes) > _ROWS:
        table += f'<p class="thaw-said">and {len(classes) - _ROWS:,} more classes</p>'
    if len(classes) <= _TALL:
        return table
    return f'<div class="thaw-scroll" tabindex="0" role="region" aria-label="Classes">{table}</div>'


def _row(each: ClassCount, most: int) -> str:
    train, rest = each.train / most, each.validation / most
    return (
        f'<tr><th scope="row" title="{escape(each.name)}">{escape(each.name)}</th>'
        f'<td class="thaw-count"><i style="width:{train:.2%}"></i>'
        f'<b style="width:{rest:.2%}"></b></td>'
        f"<td>{each.train:,}</td><td>{each.validation:,}</td></tr>"
    )


def _samples(data: str, found: DataSummary) -> str:
    tiles = []
    for picture in found.samples:
        label = found.classes[picture.label].name
        address = thumbnail(data, "train", picture.name)
        tiles.append(Tile(address, label, escape(label), f"{label}: {picture.name}"))
    return picture_grid(tiles, "Training images")


def split_text(found: DataSummary, settings: RunSettings) -> str:
    """Return sentences on the split, the images that a run takes, and their sizes, as HTML."""
    counts = f"<b>{found.train:,}</b> images train, <b>{found.validation:,}</b> validate"
    origin = (
        "as the data itself splits them"
        if found.brings_validation
        else "the data has no validation split, so every fifth image of a class, by name, is kept "
        "for validation (the last one if there are fewer than five)"
    )
    taken = min(settings.samples, found.train), min(settings.validation_samples, found.validation)
    limits = (
        f" The settings take <b>{taken[0]:,}</b> and <b>{taken[1]:,}</b> of them, spread evenly "
        "over the classes."
        if taken != (found.train, found.validation)
        else ""
    )
    return f"{counts}: {origin}.{limits} {_sizes_text(found, settings)}"


def _sizes_text(found: DataSummary, settings: RunSettings) -> str:
    if found.sizes is None:
        return ""
    (w, h), (wide, high) = found.sizes.smallest, found.sizes.largest
    same = (w, h) == (wide, high)
    sizes = f"{w} × {h} px" if same else f"from {w} × {h} to {wide} × {high} px"
    images = found.train + found.validation
    some = found.sizes.opened < images and settings.data != BUNDLED_DATA
    by = f" (of {found.sizes.opened} files opened)" if some else ""
    side = settings.image_size
    return f"Images are {sizes}{by}; a run resizes each to {side} × {side}, whatever its shape."
