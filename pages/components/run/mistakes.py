"""The mistakes of a finished run: the confusion matrix, and the surest ones as pictures."""

from __future__ import annotations

from html import escape
from pathlib import Path

import streamlit as st

from core.data.bundled import BUNDLED_DATA
from core.runs import predictions, run_folder
from core.runs.predictions import Predictions, worst
from core.runs.settings import RunSettings
from pages.components.run.confusion import confusion_card
from pages.components.run.picture_grid import Tile, picture_grid
from pages.components.shared import frame
from pages.components.shared.data_preview import thumbnail
from pages.components.shared.state import current

_FEW, _MAX_SHOWN = 12, 60


def mistakes(run: Path, settings: RunSettings) -> None:
    """Draw the cards of a run that kept its predictions; of any other run, nothing."""
    file = run / run_folder.PREDICTIONS
    try:
        outputs = _read(str(file), file.stat().st_mtime_ns)
    except OSError:
        return
    if outputs is not None and outputs.images:
        confusion_card(outputs)
        _worst_card(outputs, settings.data)


@st.cache_resource(show_spinner=False, max_entries=8)
def _read(file: str, changed: int) -> Predictions | None:
    return predictions.read(Path(file))


def _worst_card(outputs: Predictions, data: str) -> None:
    wrong = sum(
        true != predicted for true, predicted in zip(outputs.true, outputs.predicted, strict=True)
    )
    aside = f"{wrong:,} of {len(outputs.images):,} validation images"
    with frame.card("mistakes", "Surest mistakes", aside):
        if not wrong:
            st.caption("Every validation image was classified right.")
            return
        if data != BUNDLED_DATA and not _is_there(data):
            gone = f"The pictures are gone: {data} no longer exists. Their labels are kept."
            st.info(frame.escape_markdown(gone), icon=":material/info:")
        shown = _MAX_SHOWN if current().run.shows_all_mistakes else _FEW
        places = worst(outputs, shown)
        st.html(picture_grid([_tile(outputs, at, data) for at in places], "Surest mistakes"))
        left = min(wrong, _MAX_SHOWN) - len(places)
        if left > 0:
            st.button(f"Show {left} more", key="more-mistakes", type="tertiary", on_click=_more)


def _more() -> None:
    current().run.shows_all_mistakes = True


def _is_there(data: str) -> bool:
    try:
        return Path(data).is_dir()
    except (OSError, ValueError):
        return False


def _tile(outputs: Predictions, at: int, data: str) -> Tile:
    true, predicted = outputs.classes[outputs.true[at]], outputs.classes[outputs.predicted[at]]
    name = outputs.images[at]
    about = f"{true}, taken for {predicted}"
    caption = (
        f"<b>{escape(true)}</b> taken for<br><b>{escape(predicted)}</b>, "
        f"{outputs.confidence[at]:.0%} sure"
    )
    place = f"validation image {name}" if data == BUNDLED_DATA else name
    return Tile(thumbnail(data, "validation", name), about, caption, place)
