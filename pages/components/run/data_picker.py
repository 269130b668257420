"""The choice of the data: the bundled images, a folder on this machine, or an uploaded zip."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Generator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from core.data import uploads
from core.data.bundled import BUNDLED_DATA
from core.data.readable import left_out_lines
from core.data.summary import DataSummary
from core.data.uploads import UnpackProgress, Upload
from core.demo import limits
from core.demo import uploads as upload_turn
from core.demo.uploads import WaitingForTurn
from core.errors import InputError
from core.files.home import is_demo
from core.schedule.words import counted
from pages.components.run.data_card import BUNDLED_NAME, data_name
from pages.components.shared import frame, server
from pages.components.shared.data_preview import seen
from pages.components.shared.fields import bound
from pages.components.shared.setting_names import LABELS, by_label
from pages.components.shared.state import current

BUNDLED, FOLDER, ZIP = (
    BUNDLED_NAME,
    "A folder of class folders",
    "A zip of class folders",
)
_LAYOUT = "One folder of images per class, or train and val folders that hold them."
Take = Callable[[str], object]
"""Makes a path, or `fashion-mnist`, the data of the run settings."""


def data_choice(data: str, take: Take, *, locked: bool) -> None:
    """Draw the choice; what is chosen is the data once it is there, and until then `missing`."""
    kind = kind_of(data) if locked else current().run.wanted_data or kind_of(data)
    # a hosted demo opens no paths for strangers
    kinds = [k for k in (BUNDLED, FOLDER, ZIP) if k != FOLDER or not is_demo() or k == kind]
    st.selectbox(
        LABELS["data"],
        kinds,
        disabled=locked,
        **bound("data-kind", kind, partial(_take_kind, data, take)),
    )
    if kind == FOLDER:
        _folder(data, take, locked=locked)
    elif kind == ZIP and locked:
        st.caption(frame.escape_markdown(data_name(data)))
    elif kind == ZIP:
        _zip(data, take)


def kind_of(data: str) -> str:
    """Return which of the three the run settings' `data` is."""
    if data == BUNDLED_DATA:
        return BUNDLED
    return ZIP if uploads.read_note(Path(data)) else FOLDER


def missing() -> str | None:
    """Return what is missing when a kind of data was chosen but no data; None otherwise."""
    waits = {FOLDER: "Name the folder of your images.", ZIP: "Upload a zip of your images."}
    return waits.get(current().run.wanted_data or "")


def _take_kind(data: str, take: Take, kind: str) -> None:
    current().run.refused_upload = None
    waits = kind not in (BUNDLED, kind_of(data))
    current().run.wanted_data = kind if waits else None
    if kind == BUNDLED:
        take(BUNDLED_DATA)


def _folder(data: str, take: Take, *, locked: bool) -> None:
    named = data if kind_of(data) == FOLDER else ""
    st.text_input(
        "Folder",
        disabled=locked,
        placeholder="/home/me/pictures",
        help=f"Its path on the machine that Thaw runs on. {_LAYOUT}",
        **bound("data-folder", named, partial(_take_folder, take)),
    )
    found = seen(data) if kind_of(data) == FOLDER and not locked else None
    if isinstance(found, DataSummary) and not current().run.wanted_data:
        images = found.train + found.validation
        _contents(data_name(data), images, found.left_out, found.skipped)


def _take_folder(take: Take, typed: str) -> None:
    if typed.strip():
        current().run.wanted_data = None
        take(typed.strip())


def _zip(data: str, take: Take) -> None:
    most = uploads.limits()
    megabytes = min(most.upload // 1_000_000, st.get_option("server.maxUploadSize"))
    larger = "" if is_demo() else " Unpack a larger one yourself, and name its folder."
    given = st.file_uploader(
        "Zip",
        type="zip",
        key=f"data-zip-{current().run.uploads}",
        help=f"{_LAYOUT} At most {megabytes} MB and {most.members:,} files.{larger}",
        max_upload_size=megabytes,  # the server refuses what is larger than its own option
    )
    if given is not None:
        _unpack(given, take)
    if refused := current().run.refused_upload:
        st.error(frame.escape_markdown(refused), icon=":material/error:")
    elif (note := uploads.read_note(Path(data))) and not current().run.wanted_data:
        _contents(note.name, note.images, note.left_out, note.skipped)


def _unpack(given: Any, take: Take) -> None:
    """Unpack an upload, showing how far it is; what it holds becomes the data.

    The server need not hold it any longer then, and the next one gets a new widget.
    """
    bar = st.progress(0.0, "Unpacking …")
    refused = None
    try:
        with closing(_unpacking(given)) as going:
            for item in going:
                if isinstance(item, Upload):
                    take(str(item.folder))
                    current().run.wanted_data = None
                elif isinstance(item, WaitingForTurn):
                    bar.progress(0.0, "Waiting for the upload of another visitor …")
                else:
                    bar.progress(
                        item.done / max(1, item.total), f"Unpacking {item.done:,} of {item.total:,}"
                    )
    except InputError as error:
        refused = by_label(error)
    bar.empty()
    server.give_back(given.file_id)
    mine = current().run
    mine.refused_upload = refused
    mine.uploads += 1
    st.rerun()


def _unpacking(given: Any) -> Generator[WaitingForTurn | UnpackProgress | Upload, None, None]:
    """Unpack an upload; in the demo in turn, into a folder whose name nobody can guess."""
    if not is_demo():
        return uploads.unpack(given, given.name, uploads.folder(), uploads.limits())
    mine = current().run
    mine.upload_place = mine.upload_place or secrets.token_hex(16)
    session = f"{limits.visitor_name(st.context.ip_address)}-{mine.upload_place}"
    return upload_turn.unpack_in_turn(given, given.name, session)


def _contents(name: str, images: int, left_out: tuple[tuple[str, str], ...], skipped: int) -> None:
    """Draw the number of images of the data in use, and the files that are left out."""
    text = f"{name}: {images:,} images."
    if skipped:
        text += f" Left out: {counted(skipped, 'file')}."
    st.caption(frame.escape_markdown(text))
    if skipped:
        with st.expander("What is left out"):
            st.text("\n".join(left_out_lines(left_out, skipped)))
