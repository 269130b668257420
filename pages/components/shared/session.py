"""What one browser session holds: one schedule with its history, and the view of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import streamlit as st

from core import presets
from core.demo import limits
from core.errors import InputError, ThawError
from core.files.home import is_demo
from core.models import table_cache
from core.models.layer_table import LayerTable, for_classes
from core.runs.settings import RunSettings, planned_steps, read_settings
from core.schedule import edits, link
from core.schedule.spec import Schedule
from pages.components.shared.data_preview import known_classes, train_images
from pages.components.shared.history import History
from pages.components.shared.setting_names import by_label

_FIRST_PLAYHEAD = 0.55
REFUSED = "refused-numbers"
"""Where the session keeps what `fields` refused."""
_GIVEN, _REFUSED, _SET = "given", "refused-link", "settings-set"
"""Where the session keeps that it came by a link or had a draft, a link that was refused, and that
its run settings are its own."""
Selected = tuple[str, int]
"""A group's name and the index of one of its windows."""


@dataclass(slots=True)
class Newest:
    """The session's schedule, also for whoever asks when no script is running."""

    schedule: Schedule


def begin() -> None:
    """Give a new session its schedule, and open the link that it came with."""
    if "history" not in st.session_state:
        st.session_state["history"] = History.start(_first_schedule(), presets.DEFAULT)
    if "settings" not in st.session_state:
        st.session_state["settings"] = limits.first_settings() if is_demo() else RunSettings()
    st.session_state.setdefault("playhead", _FIRST_PLAYHEAD * schedule().epochs)
    text = st.query_params.get(link.PARAMETER)
    if text is not None:
        del st.query_params[link.PARAMETER]
        if attempt(open_schedule, link.decode, text):
            st.session_state[_GIVEN] = True
        else:
            st.session_state[_REFUSED] = text


def begin_with(draft: str, preset: str | None) -> None:
    """Let a new session begin with a draft, written as in a link; what is none is dropped.

    `preset` is the name of the preset that it began as. An empty draft is one that was too large to
    be kept.
    """
    if not is_new():
        return
    st.session_state[_GIVEN] = True
    if not draft:
        notice("The schedule was too large to be kept while the page was loaded again.")
    refused = st.session_state.pop(_REFUSED, None)
    if refused is not None:  # that was said on a page which this one takes the place of
        attempt(link.decode, refused)
    with suppress(ThawError):
        begun = History.start(link.decode(draft), preset)
        st.session_state["playhead"] = _FIRST_PLAYHEAD * begun.present.epochs
        _remember(begun)


def is_new() -> bool:
    """Return whether the session was given no schedule to begin with, and has edited none."""
    return revision() == 0 and _GIVEN not in st.session_state


def history() -> History:
    """Return the session's schedules."""
    found: History = st.session_state["history"]
    return found


def schedule() -> Schedule:
    """Return the schedule that every page shows."""
    return history().present


def newest() -> Newest:
    """Return where the schedule stands, always the newest one."""
    found: Newest = st.session_state.setdefault("newest", Newest(schedule()))
    found.schedule = schedule()
    return found


def table() -> LayerTable | None:
    """Return the layer table of the schedule's model, with heads for the data's classes.

    None while there is no table; the library's own heads where the classes are not known.
    """
    found = table_cache.find(schedule().model.name, table_cache.cache_folder())
    count = classes()
    return found if found is None or count is None else for_classes(found, count)


def classes() -> int | None:
    """Return the number of classes that a run of the session's settings would have, if known."""
    return known_classes(settings().data)


def settings() -> RunSettings:
    """Return the session's run settings."""
    found: RunSettings = st.session_state["settings"]
    return found


def use_settings(made: RunSettings) -> None:
    """Make these the session's run settings."""
    st.session_state["settings"] = made
    st.session_state[_SET] = True


def own_settings() -> str | None:
    """The run settings as JSON without defaults; None where the session has set none of its own."""
    return settings().model_dump_json(exclude_defaults=True) if _SET in st.session_state else None


def use_kept_settings(text: str) -> None:
    """Let a session that has set none take run settings as `own_settings` of an earlier one."""
    if _SET not in st.session_state:
        lead = "The run settings from before the page was loaded are dropped: "
        if not attempt(_use_kept_settings, text, lead=lead):
            use_settings(settings())


def open_schedule(read: Callable[..., Schedule], *args: Any, preset: str | None = None) -> None:
    """Show the schedule that `read` gives, which can be undone; raises what `read` raises.

    `preset` is the name of the preset that it is.
    """
    _remember(history().edited(read(*args), preset))
    st.session_state.pop(REFUSED, None)  # that was typed for another schedule


def preset_origin() -> str | None:
    """Return the preset that the schedule began as, if it did."""
    return history().origin


def preset_in_use() -> str | None:
    """Return the preset that the schedule is, whatever its own name; None once it is edited."""
    found = table()
    return None if found is None else presets.matching(schedule(), found)


def preset_for_model(name: str) -> Schedule:
    """A preset for the schedule's model, which keeps its weights; else for the preset's own model.

    That is while the model has no layer table. ModelError if it has too few groups for the preset.
    """
    found = table()
    return presets.load(name) if found is None else presets.load_for(name, found, schedule().model)


def use_preset(name: str) -> None:
    """Apply a preset to the schedule's model, which can be undone."""
    attempt(lambda: open_schedule(preset_for_model, name, preset=name))


def use_model(found: LayerTable) -> None:
    """Take another model; a preset that nobody has edited is applied to it anew."""
    edit(_with_model, preset_in_use(), found)


def edit(verb: Callable[..., Schedule], *args: Any, **kwargs: Any) -> None:
    """Apply one of the designer's verbs; a refusal becomes a notice and changes nothing."""
    attempt(lambda: change(verb, *args, **kwargs))


def change(verb: Callable[..., Schedule], *args: Any, **kwargs: Any) -> None:
    """Apply one of the designer's verbs, or raise the InputError of its refusal."""
    origin = preset_in_use() or preset_origin()
    _remember(history().edited(verb(schedule(), *args, **kwargs), origin))


def attempt(action: Callable[..., object], *args: Any, lead: str = "Nothing was changed: ") -> bool:
    """Run an action; what it refuses becomes a notice that begins with `lead`."""
    try:
        action(*args)
    except ThawError as error:
        notice(f"{lead}{error}")
        return False
    return True


def notice(message: str) -> None:
    """Keep a message until `take_notice` shows it; it calls settings as the Run page does."""
    st.session_state["notice"] = by_label(message)


def undo() -> None:
    """Back to the schedule before."""
    _remember(history().undone())


def redo() -> None:
    """On to the schedule that was undone."""
    _remember(history().redone())


def take_notice() -> str | None:
    """Return the message that waits to be shown, once."""
    message: str | None = st.session_state.pop("notice", None)
    st.session_state["notice-since"] = None if message is None else revision()
    return message


def notice_is_due() -> bool:
    """Return whether a message waits to be shown, or one that is shown has had its edit."""
    since = st.session_state.get("notice-since")
    return "notice" in st.session_state or since not in (None, revision())


def selected() -> Selected | None:
    """Return the window in hand, if it is still there."""
    choice: Any = st.session_state.get("selected")
    if choice is None:
        return None
    name, index = choice
    windows = {group.name: group.trainable for group in schedule().groups}
    return (name, index) if index < max(1, len(windows.get(name, ()))) and name in windows else None


def revision() -> int:
    """Return a number that changes whenever the schedule does."""
    found: int = st.session_state.get("revision", 0)
    return found


def steps_per_epoch() -> int:
    """Optimizer steps of one epoch with the session's run settings and as many images as it has."""
    return planned_steps(settings(), train_images(settings()))


def _use_kept_settings(text: str) -> None:
    made = read_settings(text)
    limits.refuse_settings(made)
    use_settings(made)


def _first_schedule() -> Schedule:
    return limits.first_schedule() if is_demo() else presets.load(presets.DEFAULT)


def _with_model(schedule: Schedule, preset: str | None, found: LayerTable) -> Schedule:
    moved = edits.use_model(schedule, found)
    if preset is None:
        return moved
    try:
        made = presets.load_for(preset, found, moved.model)
    except InputError:  # too few groups
        return moved
    return edits.set_field(made, "name", schedule.name)


def _remember(changed: History) -> None:
    if changed is history():
        return  # an edit that is under way still fits
    st.session_state["history"] = changed
    newest()
    st.session_state["revision"] = revision() + 1
    st.session_state["playhead"] = min(st.session_state["playhead"], changed.present.epochs)
