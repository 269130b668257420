"""The Run page: train by the schedule in a process of its own, and watch it."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.design import problems
from core.runs import folder, launch
from core.runs.digest import digest
from pages.components import frame, state
from pages.components.audit_card import audit_card
from pages.components.run_charts import planned_chart, run_charts
from pages.components.run_list import run_list
from pages.components.run_settings import device_chip, run_settings
from pages.components.run_status import empty_card, status_card

_POLL_SECONDS = 1.0
_LIVE = ("starting", "running", "stopping")


def page() -> None:
    """Draw the page: a run that the address names, or the one that could be started."""
    shown = _shown_run()
    frame.show_notice()
    status = folder.status(shown) if shown else None
    live = status in _LIVE
    _top(shown, status)
    with st.container(key="run-body"):
        side, wide = st.columns([336, 1040], gap="small")
    with side:
        run_settings(folder.read(shown)[1] if shown else None, live=live)
        run_list(launch.root(), shown)
    with wide:
        if shown is None:
            _compose()
        else:
            st.fragment(run_every=_POLL_SECONDS if live else None)(_watch)(shown, status)


def _shown_run() -> Path | None:
    """The folder that `?run=` names; a name that is none becomes a notice."""
    name = st.query_params.get("run")
    if name is None:
        return None
    found: list[Path] = []
    if state.attempt(lambda: found.append(folder.run_folder(launch.root(), name))):
        return found[0]
    del st.query_params["run"]
    return None


def _top(shown: Path | None, status: str | None) -> None:
    schedule = folder.read(shown)[0] if shown else state.schedule()
    with frame.title_row(schedule):
        device_chip()
        if shown is None:
            _start_button()
        elif status in _LIVE:
            _stop_button(shown, status)
        else:
            if status != "finished" and st.button("Resume", icon=":material/resume:", key="resume"):
                state.attempt(launch.resume, shown)
                st.rerun()
            if st.button("New run", type="primary", icon=":material/add:", key="new-run"):
                del st.query_params["run"]
                st.rerun()


def _start_button() -> None:
    refused = problems.errors(state.schedule(), state.table())
    if st.button(
        "Start",
        type="primary",
        icon=":material/play_arrow:",
        key="start",
        disabled=bool(refused),
        help=refused[0].message if refused else None,
    ):
        state.attempt(_start)
        st.rerun()


def _start() -> None:
    run = launch.start(state.schedule(), state.settings(), launch.root())
    st.query_params["run"] = run


def _stop_button(shown: Path, status: str) -> None:
    if status == "stopping":
        if st.button("Force stop", icon=":material/dangerous:", key="force-stop"):
            launch.force_stop(shown)
            st.rerun()
    elif st.button("Stop", icon=":material/stop:", key="stop"):
        launch.stop(shown)
        st.rerun()


def _compose() -> None:
    schedule = state.schedule()
    empty_card(schedule, state.settings(), problems.errors(schedule, state.table()))
    planned_chart(schedule, state.steps_per_epoch())


def _watch(shown: Path, status_before: str | None) -> None:
    status = folder.status(shown)
    if status != status_before:
        st.rerun()
    schedule, settings = folder.read(shown)
    told = digest(folder.events(shown))
    steps = told.started.steps_per_epoch if told.started else state.steps_of(settings)
    status_card(schedule, settings, status, told, shown)
    run_charts(schedule, told, steps)
    audit_card(schedule, status, told)


if __name__ == "__main__":
    import app

    app.main()
