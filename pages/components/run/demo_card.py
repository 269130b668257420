"""The limits of the hosted demo, and buttons that bring a schedule within them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from core import presets
from core.data.bundled import BUNDLED_DATA
from core.demo import limits
from core.demo.limits import LIMITS
from core.errors import InputError
from core.files.home import is_demo
from core.models import layer_table
from core.schedule import edits
from core.schedule.spec import Schedule
from pages.components.shared import frame, session
from pages.components.shared.setting_names import by_label


def limits_note() -> None:
    """Say in the demo what it allows; elsewhere nothing."""
    if is_demo():
        st.caption(
            f"Hosted demo: one run at a time, at most {LIMITS.epochs} epochs, {LIMITS.images} "
            f"images to train and as many to validate, {LIMITS.image_size} px and "
            f"{LIMITS.seconds:.0f} s. Uploads and runs are deleted after an hour; the address of "
            "a run is the only way back to it."
        )


def drop_deleted_upload() -> bool:
    """In the demo, go back to the bundled data if the session's upload has been deleted.

    Return whether it was deleted: a click in the same message meant the upload.
    """
    settings = session.settings()
    if not is_demo() or settings.data == BUNDLED_DATA or Path(settings.data).is_dir():
        return False
    session.use_settings(settings.model_copy(update={"data": BUNDLED_DATA}))
    session.notice("Your upload was deleted, an hour after its last use: upload it again.")
    return True


def refusals() -> tuple[InputError, ...]:
    """Return the demo's objections to running the session's schedule and settings."""
    if not is_demo():
        return ()
    return (
        *limits.schedule_errors(session.schedule()),
        *limits.settings_errors(session.settings()),
    )


def too_much_card(found: tuple[InputError, ...]) -> None:
    """Draw the limits that are exceeded, with a button for each that one click can mend."""
    schedule = session.schedule()
    with frame.card("status", "Beyond the hosted demo's limits"):
        for each in found:
            st.info(frame.escape_markdown(by_label(each)), icon=":material/info:")
        with st.container(horizontal=True):
            if schedule.epochs > LIMITS.epochs:
                _button(f"Shorten it to {LIMITS.epochs} epochs", "shorten", limits.shortened)
            if schedule.model.name not in LIMITS.models:
                _button(
                    "Use the bundled model",
                    "use-bundled",
                    edits.use_model,
                    layer_table.load(presets.BUNDLED_MODEL),
                )
            if limits.settings_errors(session.settings()):
                st.button(
                    "Use the demo's settings",
                    key="use-first",
                    on_click=session.use_settings,
                    args=(limits.first_settings(),),
                )
        st.caption("The schedule can be designed, shared and exported as it is.")


def _button(label: str, key: str, verb: Callable[..., Schedule], *args: object) -> None:
    st.button(label, key=key, type="primary", on_click=session.edit, args=(verb, *args))
