"""The state of a browser session: one typed object, under one key of Streamlit's session state.

Streamlit keeps the values of widgets beside it, by their keys.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import streamlit as st
from streamlit.navigation.page import Page

from core import presets
from core.compare.comparable import Comparable
from core.demo import limits
from core.export.targets import TARGETS
from core.files.home import is_demo
from core.library import TrashedSchedule
from core.runs.progress import RunProgress
from core.runs.settings import RunSettings
from core.schedule.spec import Schedule
from pages.components.shared.axis import Span
from pages.components.shared.history import History

if TYPE_CHECKING:
    from pages.components.run.run_reader import RunReader
    from pages.components.shared.fields import FieldState, Refusal

KEY = "session"
FIRST_PLAYHEAD = 0.55
"""Where the playhead stands at first, as a share of the run."""
NOW = "now"
"""The source of a comparison that is the schedule in Design."""
Dialog = Literal["help", "rates", "presets", "why", "begin"]
"""What a dialog shows; Streamlit allows one at a time."""
Selected = tuple[str, int]
"""A group's name and the index of one of its windows."""


class FixDone(NamedTuple):
    """A fix that was applied, its problem's index in the list, and the revision that it made."""

    label: str
    place: int
    revision: int


@dataclass(slots=True)
class Design:
    """The state of the Design page. `playhead` is in epochs.

    `span` is the part of the run that is in view, and the length of the run at which it was chosen.
    `narrow` says whether the timeline is less than 700 px wide, None until it has told.
    `outside_timeline` is the last drawn state of what a drag of windows does not change.
    """

    playhead: float
    span: tuple[int | None, Span | None] = (None, None)
    narrow: bool | None = None
    folded_stages: tuple[str, ...] = ()
    selected_window: Selected | None = None
    selected_group: str | None = None
    selected_part: str | None = None
    opened_parts: frozenset[str] = frozenset()
    shows_groups: bool = False
    wanted_model: str | None = None
    opened_files: int = 0
    outside_timeline: tuple[object, ...] | None = None
    timeline_events: int = 0
    problem_events: int = 0
    explained_problem: str | None = None
    fix_done: FixDone | None = None


@dataclass(slots=True)
class StartedRun:
    """The run that the session started last, and until when the address must name it.

    Streamlit answers a second click in a thread of its own, while the first one's goes on to its
    next access of the session's state, where it ends. So whoever launches holds `alone`, and notes
    the run before letting go of it. `until` is in monotonic seconds.
    """

    run: str | None = None
    until: float = math.inf
    alone: Any = field(default_factory=threading.RLock)


@dataclass(slots=True)
class Waiting:
    """A visitor's place in the queue: schedule and settings at the press of Start, and the run.

    It is noted here since any access to the session's state may end the script for a rerun.
    """

    ticket: str
    schedule: Schedule
    settings: RunSettings
    run: str | None = None


class DeletedRun(NamedTuple):
    """A deleted run's id, and its name as it was then."""

    run: str
    name: str


@dataclass(slots=True)
class Run:
    """The state of the Run page, with the runs that the session has started, opened and deleted.

    `followed` is what the header knows of live runs: the progress of each, and the bytes of events
    that were read for it.
    `shown` is the run that the page showed last.
    `wanted_data` is a kind of data that was chosen and has not been given yet, `upload_place` the
    name of the session's own folder of uploads.
    """

    own: frozenset[str] = frozenset()
    shown: str | None = None
    started: StartedRun = field(default_factory=StartedRun)
    waiting: Waiting | None = None
    deleted: tuple[DeletedRun, ...] = ()
    reader: RunReader | None = None
    followed: Mapping[Path, tuple[RunProgress, int]] = field(default_factory=dict)
    wanted_data: str | None = None
    refused_upload: str | None = None
    uploads: int = 0
    upload_place: str | None = None
    shows_all: bool = False
    shows_all_mistakes: bool = False


@dataclass(slots=True)
class Compare:
    """The state of the Compare page: sources by slot, and those from files and links."""

    slots: list[str] = field(default_factory=lambda: [NOW])
    brought: Mapping[str, tuple[str, Comparable]] = field(default_factory=dict)
    adding_slot: bool = False
    inputs: int = 0


@dataclass(slots=True)
class Library:
    """The state of the library card, and what was deleted or replaced, with the verb."""

    trashed: tuple[tuple[TrashedSchedule, str], ...] = ()
    selected_file: str | None = None
    shows_all: bool = False
    opened: int = 0


@dataclass(slots=True)
class Learn:
    """The state of the Learn page. `turns` counts changes of the step."""

    language: str = ""
    step: str = ""
    ticked: frozenset[str] = frozenset()
    turns: int = 0
    takes_focus: bool = False


@dataclass(slots=True)
class Session:
    """The state of a session.

    `revision` changes whenever the schedule does. `was_given` says that the session began with a
    link or a draft, `refused_link` is one that could not be opened. `notice` waits to be shown.
    `address` is what a page has read of its address, as long as it is shown, and `after_edit` what
    it does at the end of an edit's callback. `cited_run` is the run that reports cite. `dialog` is
    open until it is dismissed, whatever draws the page anew.
    """

    history: History
    settings: RunSettings
    design: Design
    has_own_settings: bool = False
    revision: int = 0
    was_given: bool = False
    refused_link: str | None = None
    notice: str | None = None
    dialog: Dialog | None = None
    pages: Mapping[str, Page] = field(default_factory=dict)
    page: str = ""
    address: Mapping[str, str] = field(default_factory=dict)
    after_edit: Callable[[], None] | None = None
    fields: dict[str, FieldState] = field(default_factory=dict)
    refusals: dict[str, Refusal] = field(default_factory=dict)
    run: Run = field(default_factory=Run)
    compare: Compare = field(default_factory=Compare)
    library: Library = field(default_factory=Library)
    export_target: str = next(iter(TARGETS))
    cited_run: str | None = None
    learn: Learn = field(default_factory=Learn)

    @property
    def schedule(self) -> Schedule:
        """The schedule that every page shows; it can also be read when no script is running."""
        return self.history.present


def current() -> Session:
    """Return the session that the script runs for."""
    return session_in(st.session_state)


def show_dialog(name: Dialog) -> None:
    """Open a dialog, in place of another one; as a callback, which a rerun cannot swallow."""
    current().dialog = name


def close_dialog() -> None:
    """Open no dialog."""
    current().dialog = None


def session_in(store: Any) -> Session:
    """Return the session in a Streamlit session state, which is a new one at first."""
    if KEY not in store:
        store[KEY] = _first_session()
    found: Session = store[KEY]
    return found


def _first_session() -> Session:
    """Return a session at its beginning, with the default preset."""
    first = limits.first_schedule() if is_demo() else presets.load(presets.DEFAULT)
    settings = limits.first_settings() if is_demo() else RunSettings()
    history = History.start(first, presets.DEFAULT)
    return Session(history, settings, Design(FIRST_PLAYHEAD * first.epochs))
