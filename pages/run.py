"""The Run page: train by the schedule in a process of its own, and watch it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import streamlit as st

from core import checks
from core.checks.problem import Problem
from core.errors import InputError
from core.files.home import is_demo
from core.runs import estimate, label, run_folder
from core.runs.processes import launch
from core.runs.progress import RunProgress
from core.runs.settings import RunSettings, planned_steps
from core.runs.status import LIVE, Status
from core.schedule.spec import Schedule
from pages.components.compare import slots
from pages.components.run import deleted_runs, demo_card, demo_queue
from pages.components.run.audit_card import audit_card
from pages.components.run.baseline import baseline_card
from pages.components.run.begin_beside import begin_beside
from pages.components.run.charts import planned_chart, run_charts
from pages.components.run.data_card import data_card
from pages.components.run.data_picker import missing
from pages.components.run.estimate import estimate_now
from pages.components.run.label import label_fields, note_row, star_button
from pages.components.run.mistakes import mistakes
from pages.components.run.run_reader import RunSnapshot, read_run
from pages.components.run.runs_card import live_runs_card, run_list, waiting_card
from pages.components.run.settings_card import device_chip, run_settings
from pages.components.run.status_card import empty_card, status_card
from pages.components.shared import frame, session, visible_runs
from pages.components.shared.data_preview import seen
from pages.components.shared.fields import refusals
from pages.components.shared.setting_names import by_label
from pages.components.shared.state import current

_PREPARE_SECONDS = 20.0
"""How often a page that someone has open sees to it that a run begins soon."""
_WATCH_SECONDS = 0.5
_REFUSED_DATA = "The data cannot be used. The Data card says why."
_DRAW_SECONDS = 1.0  # the charts take longer to draw than the card, on the cores that train
_WATCH_STEPS, _DRAW_STEPS = 15_000, 3_000
"""Steps up to which that is done so often: a longer run takes longer to look different."""


@dataclass(frozen=True, slots=True)
class _Shown:
    """The run that the address names."""

    folder: Path
    schedule: Schedule
    settings: RunSettings


def page() -> None:
    """Draw the page: a run that the address names, or the one that could be started."""
    try:
        root = launch.runs_folder()
    except InputError as error:
        st.error(frame.escape_markdown(str(error)), icon=":material/error:")
        return
    visible_runs.show_started()
    shown = _shown_run(root)
    data_dropped = demo_card.drop_deleted_upload()
    frame.show_notice()
    progress = _read(shown).progress if shown else None
    status = _status(shown, progress) if shown and progress else None
    live = status in LIVE
    if not live:
        every = None if is_demo() else _PREPARE_SECONDS
        st.fragment(run_every=every)(launch.prewarm)()
    errors = () if shown else checks.errors(session.schedule(), session.table())
    going = visible_runs.live(root)
    _top(root, shown, status, errors, going, data_dropped=data_dropped)
    if shown is not None:
        note_row(shown.folder)
    # a phone has the columns below each other, and the list would be far down
    place = st.container() if frame.is_phone() else None
    demo_queue.queue_card(root)
    waiting_card()
    if shown is None:  # above the columns, and so above the settings on a phone
        live_runs_card(going)
        _ready_card(errors)
    with st.container(key="run-body" if shown else "run-new"):
        side, wide = st.columns([336, 1040])
    with side:
        run_settings(shown.settings if shown else None, live=live)
    with wide:
        if shown is None or progress is None:
            if missing() is None:
                data_card(session.settings())
            planned_chart(session.schedule(), session.steps_per_epoch())
        else:
            watch_every = _WATCH_SECONDS * max(1.0, len(progress.steps) / _WATCH_STEPS)
            draw_every = _DRAW_SECONDS * max(1.0, len(progress.steps) / _DRAW_STEPS)
            st.fragment(run_every=watch_every if live else None)(_watch)(shown, status)
            if status == "finished":
                baseline_card(root, shown.folder, shown.schedule, shown.settings, progress.seconds)
            st.fragment(run_every=draw_every if live else None)(_draw)(shown, live=live)
    with place or side:
        run_list(root, shown.folder if shown else None, folded=place is not None)


def _shown_run(root: Path) -> _Shown | None:
    """Return the run of `?run=`; a name that is none, or a damaged folder, becomes a notice."""
    mine = current().run
    before, mine.shown = mine.shown, st.query_params.get("run")
    if (name := mine.shown) is None:
        return None
    if name != before:
        # The browser's address stays as it was where a link leads to the page that it is on.
        st.query_params["run"] = name
    way_out = ""
    try:
        run = run_folder.find_run(root, name)
        if not is_demo():
            way_out = f"; or delete the run: python -m core delete {name}"
        found = _Shown(run, *run_folder.read(run))
    except InputError as error:
        if not deleted_runs.is_deleted(root / name):  # which the second click on Delete still names
            session.notice(f"{error}{way_out}")
        visible_runs.show_none()
        return None
    visible_runs.remember(name)
    return found


def _top(
    root: Path,
    shown: _Shown | None,
    status: str | None,
    errors: tuple[Problem, ...],
    going: Mapping[Path, Status],
    *,
    data_dropped: bool,
) -> None:
    name = label.read(shown.folder).name if shown else None
    with frame.title_row(shown.schedule if shown else session.schedule(), name or ""):
        if shown is not None:
            star_button(shown.folder)
            label_fields(shown.folder, shown.schedule.name)
        if shown is None or status in LIVE:  # what has ended says its device in its card
            device_chip()
        if shown is None:
            clicked = _start_button(errors) and not data_dropped
            others = {} if clicked and _has_started() else going  # the second click of two
            begin_beside(others, _start, "Start", clicked=clicked)
        elif status in LIVE:
            _stop_button(shown.folder, status)
        else:
            if status != "finished" and not is_demo():
                clicked = st.button("Resume", icon=":material/resume:", key="resume")
                others = {run: its for run, its in going.items() if run != shown.folder}
                resume = partial(launch.resume, shown.folder)
                begin_beside(others, resume, "Resume", clicked=clicked)
            if st.button("Compare", icon=":material/compare_arrows:", key="to-compare"):
                slots.put(f"run:{shown.folder.name}")
                frame.go("compare")
            deleted_runs.delete_button(root, shown.folder)
            if st.button("New run", type="primary", icon=":material/add:", key="new-run"):
                visible_runs.show_none()
                st.rerun()


def _start_button(errors: tuple[Problem, ...]) -> bool:
    """Draw Start, and return whether it was clicked."""
    refused = _refusal(errors)
    frame.why_off(refused)
    return st.button(
        "Start",
        type="primary",
        icon=":material/play_arrow:",
        key="start",
        disabled=refused is not None,
    )


def _refusal(errors: tuple[Problem, ...]) -> str | None:
    """Return why nothing can be started now; `errors` are those of the schedule."""
    if errors:
        return errors[0].message
    if demo_queue.is_waiting():
        return "You are in the queue: cancel to start something else."
    return _unready() or next(map(by_label, demo_card.refusals()), None)


def _unready() -> str | None:
    """Return why a run would not be of what the fields show: a number or the data is refused."""
    if of_schedule := refusals(of_schedule=True):
        return f"On the Design page, {of_schedule[0]}"
    if of_settings := refusals():
        return of_settings[0]
    refused = isinstance(seen(session.settings().data), str)
    return missing() or (_REFUSED_DATA if refused else None)


def _has_started() -> bool:
    """Return whether the session has just started a run, once a first click is carried out."""
    note = current().run.started
    with note.alone:
        return note.run is not None


def _start() -> None:
    note = current().run.started
    with note.alone:
        if note.run is not None or demo_queue.is_waiting():
            return  # the second click of two
        if is_demo():
            demo_queue.join_queue(launch.runs_folder())
        else:
            root, found = launch.runs_folder(), estimate_now()
            note.run = launch.start(session.schedule(), session.settings(), root)
            estimate.write(root / note.run, found)


def _stop_button(run: Path, status: str | None) -> None:
    # As callbacks: a rerun that cuts the script short cannot swallow the click.
    if status == "stopping":
        st.button(
            "Force stop",
            icon=":material/dangerous:",
            key="force-stop",
            on_click=_force_stop,
            args=(run,),
        )
    else:
        st.button("Stop", icon=":material/stop:", key="stop", on_click=launch.stop, args=(run,))


def _force_stop(run: Path) -> None:
    session.attempt(launch.force_stop, run, lead="")


def _ready_card(errors: tuple[Problem, ...]) -> None:
    """Draw what Start would do, or why nothing can be started."""
    schedule = session.schedule()
    too_much = demo_card.refusals()
    if too_much and not errors:
        demo_card.too_much_card(too_much)
    elif not demo_queue.is_waiting():
        empty_card(schedule, session.settings(), errors, _unready())


def _watch(shown: _Shown, status_before: str | None) -> None:
    progress = _read(shown).progress
    status = _status(shown, progress)
    if status != status_before:
        st.rerun()
    status_card(shown.schedule, shown.settings, status, progress, shown.folder)


def _draw(shown: _Shown, *, live: bool) -> None:
    progress, error, *_ = _read(shown)
    started = progress.started
    steps = started.steps_per_epoch if started else planned_steps(shown.settings)
    run_charts(shown.schedule, progress, steps)
    audit_card(shown.schedule, shown.settings, progress, error, live=live)
    mistakes(shown.folder, shown.settings)


def _status(shown: _Shown, progress: RunProgress) -> Status:
    return run_folder.status_from(shown.folder, (*progress.rare, *progress.last))


def _read(shown: _Shown) -> RunSnapshot:
    return read_run(shown.folder, shown.schedule)


if __name__ == "__main__":
    import app

    app.main()
