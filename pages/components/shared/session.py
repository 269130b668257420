"""Edits, undo, links and notices of a session's schedule and settings."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import streamlit as st

from core import presets
from core.demo import limits
from core.errors import InputError, ThawError
from core.models import table_cache
from core.models.layer_table import LayerTable, for_classes
from core.runs.settings import RunSettings, planned_steps, read_settings
from core.schedule import edits, link
from core.schedule.spec import Schedule
from pages.components.shared import state
from pages.components.shared.data_preview import known_classes, train_images
from pages.components.shared.history import History
from pages.components.shared.setting_names import by_label
from pages.components.shared.state import Selected, current


def open_link() -> None:
    """Open the link that the session came with, if any."""
    text = st.query_params.get(link.PARAMETER)
    if text is not None:
        del st.query_params[link.PARAMETER]
        if attempt(open_schedule, link.decode, text):
            current().was_given = True
        else:
            current().refused_link = text


def begin_with(draft: str, preset: str | None) -> None:
    """Let a new session begin with a draft, written as in a link; what is none is dropped.

    `preset` is the name of the preset that it began as. An empty draft is one that was too large to
    be kept.
    """
    if not is_new():
        return
    mine = current()
    mine.was_given = True
    if not draft:
        notice("The schedule was too large to be kept while the page was loaded again.")
    if mine.refused_link is not None:  # that was said on a page which this one takes the place of
        attempt(link.decode, mine.refused_link)
        mine.refused_link = None
    with suppress(ThawError):
        begun = History.start(link.decode(draft), preset)
        mine.design.playhead = state.FIRST_PLAYHEAD * begun.present.epochs
        _remember(begun)


def is_new() -> bool:
    """Return whether the session was given no schedule to begin with, and has edited none."""
    return current().revision == 0 and not current().was_given


def schedule() -> Schedule:
    """Return the schedule that every page shows."""
    return current().schedule


def table() -> LayerTable | None:
    """Return the layer table of the schedule's model, with heads for the data's classes.

    None while there is no table; the library's own heads where the classes are not known.
    """
    return table_of(schedule().model.name, settings().data)


def table_of(model: str, data: str) -> LayerTable | None:
    """Return the layer table of a model, with heads for the data's classes, as `table` does."""
    found = table_cache.find(model, table_cache.cache_folder())
    count = known_classes(data)
    return found if found is None or count is None else for_classes(found, count)


def classes() -> int | None:
    """Return the number of classes that a run of the session's settings would have, if known."""
    return known_classes(settings().data)


def settings() -> RunSettings:
    """Return the session's run settings."""
    return current().settings


def use_settings(new: RunSettings) -> None:
    """Make these the session's run settings."""
    mine = current()
    mine.settings, mine.has_own_settings = new, True


def own_settings() -> str | None:
    """Return the run settings as JSON without defaults; None if the session has set none."""
    mine = current()
    return mine.settings.model_dump_json(exclude_defaults=True) if mine.has_own_settings else None


def use_kept_settings(text: str) -> None:
    """Let a session that has set none take run settings as `own_settings` of an earlier one."""
    if not current().has_own_settings:
        lead = "The run settings from before the page was loaded are dropped: "
        if not attempt(_use_kept_settings, text, lead=lead):
            use_settings(settings())


def open_schedule(read: Callable[..., Schedule], *args: Any, preset: str | None = None) -> None:
    """Show the schedule that `read` gives, which can be undone; raises what `read` raises.

    `preset` is the name of the preset that it is.
    """
    _remember(current().history.edited(read(*args), preset))
    current().refusals.clear()  # that was typed for another schedule


def preset_origin() -> str | None:
    """Return the preset that the schedule began as, if it did."""
    return current().history.origin


def preset_in_use() -> str | None:
    """Return the preset that the schedule is, whatever its own name; None once it is edited."""
    found = table()
    return None if found is None else presets.matching(schedule(), found)


def preset_for_model(name: str) -> Schedule:
    """Return a preset for the schedule's model and weights, or for its own model.

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
    _remember(current().history.edited(verb(schedule(), *args, **kwargs), origin))


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
    current().notice = by_label(message)


def redraw() -> None:
    """Redraw what an edit changed outside its fragment; a callback does this last."""
    after_edit = current().after_edit
    if after_edit is not None:
        after_edit()


def undo() -> None:
    """Show the version of the schedule before the present one."""
    _remember(current().history.undone())


def redo() -> None:
    """Show the version of the schedule that was undone last."""
    _remember(current().history.redone())


def take_notice() -> str | None:
    """Return the message that waits to be shown, once."""
    mine = current()
    message, mine.notice = mine.notice, None
    return message


def selected() -> Selected | None:
    """Return the selected window, if it is still there."""
    choice = current().design.selected_window
    if choice is None:
        return None
    name, index = choice
    windows = {group.name: group.trainable for group in schedule().groups}
    return (name, index) if index < max(1, len(windows.get(name, ()))) and name in windows else None


def steps_per_epoch() -> int:
    """Return the optimizer steps of an epoch with the session's run settings and images."""
    return planned_steps(settings(), train_images(settings()))


def _use_kept_settings(text: str) -> None:
    kept = read_settings(text)
    limits.refuse_settings(kept)
    use_settings(kept)


def _with_model(schedule: Schedule, preset: str | None, found: LayerTable) -> Schedule:
    moved = edits.use_model(schedule, found)
    if preset is None:
        return moved
    try:
        applied = presets.load_for(preset, found, moved.model)
    except InputError:  # too few groups
        return moved
    return edits.set_field(applied, "name", schedule.name)


def _remember(changed: History) -> None:
    mine = current()
    if changed is mine.history:
        return  # an edit that is under way still fits
    mine.history = changed
    mine.revision += 1
    mine.design.playhead = min(mine.design.playhead, changed.present.epochs)
