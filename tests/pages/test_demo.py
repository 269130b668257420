"""The hosted demo's Run page: limits said and kept, the queue, and sessions that stay apart."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
import streamlit as st
from streamlit.runtime.scriptrunner import RerunData, RerunException
from streamlit.testing.v1 import AppTest

from core import presets
from core.data import uploads
from core.data.bundled import BUNDLED_DATA
from core.demo import limits
from core.files.home import CODE
from core.models import layer_table
from core.runs import events as ev
from core.runs import label, run_folder
from core.runs.processes import launch, run_lock
from core.runs.session import RunSession
from core.runs.settings import RunSettings
from core.schedule import edits, link
from core.schedule.spec import Schedule
from pages.components.compare import slots
from pages.components.run.data_picker import BUNDLED, ZIP
from pages.components.shared import visible_runs
from pages.components.shared.history import History
from pages.components.shared.state import session_in
from tests.data.zips import classes, zipped
from tests.pages.drawn import html

APP = str(CODE / "app.py")


@pytest.fixture(autouse=True)
def hosted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("THAW_DEMO", "1")
    monkeypatch.setenv("THAW_HOME", str(tmp_path))
    yield
    st.cache_resource.clear()
    for run in run_folder.list_runs(launch.runs_folder()):
        launch.force_stop(run)


@pytest.fixture
def held() -> Path:
    """Somebody else's run, which is on."""
    made = launch.new_folder(launch.runs_folder(), "somebody's", datetime.now())
    run_folder.create(made, limits.first_schedule(), limits.first_settings())
    return made


def visitor(run: str | None = None) -> AppTest:
    """A new session on the Run page."""

    def script() -> None:
        import streamlit as st

        from pages import compare, design, export, learn, run
        from pages.components.shared import frame
        from pages.components.shared.state import current

        frame.dress()
        pages = (compare, design, export, learn)
        current().pages = {
            page.__name__.split(".")[-1]: st.Page(page.page, url_path=page.__name__[6:])
            for page in pages
        }
        run.page()

    app = AppTest.from_function(script, default_timeout=120)
    if run is not None:
        app.query_params["run"] = run
    return shown(app.run())


def shown(app: AppTest) -> AppTest:
    assert not app.exception, app.exception
    return app


def listed(app: AppTest) -> list[str]:
    return [b.key.split("-run-")[1] for b in app.button if "-run-" in str(b.key)]


def schedule(app: AppTest) -> Schedule:
    return session_in(app.session_state).schedule


def settings(app: AppTest) -> RunSettings:
    return session_in(app.session_state).settings


def design(app: AppTest, made: Schedule) -> AppTest:
    session_in(app.session_state).history = History.start(made)
    return shown(app.run())


def test_a_visitor_is_told_the_limits_and_could_start_at_once() -> None:
    app = visitor()
    assert "at most 5 epochs, 512 images to train" in " ".join(c.value for c in app.caption)
    assert not app.button(key="start").disabled
    assert app.selectbox(key="setting-device").options == ["cpu"]


def test_a_schedule_of_a_hundred_epochs_is_shortened_by_one_click() -> None:
    app = design(visitor(), edits.set_length(presets.load("gradual"), 100))
    assert app.button(key="start").disabled
    assert "shorten it to 5" in app.info[0].value
    shown(app.button(key="shorten").click().run())
    assert schedule(app).epochs == 5
    assert not app.button(key="start").disabled
    assert not app.info


def test_a_model_that_the_demo_does_not_run_gives_way_by_one_click() -> None:
    table = layer_table.load("torchvision/resnet50")
    app = design(visitor(), edits.use_model(limits.first_schedule(), table))
    assert app.button(key="start").disabled
    assert "the hosted demo does not run" in app.info[0].value.replace("\\", "")
    shown(app.button(key="use-bundled").click().run())
    assert schedule(app).model.name == presets.BUNDLED_MODEL
    assert not app.button(key="start").disabled


@pytest.mark.parametrize(("field", "value"), [("samples", 513), ("image_size", 97)])
def test_a_setting_over_its_limit_is_refused_and_stays(field: str, value: int) -> None:
    app = visitor()
    shown(app.number_input(key=f"setting-{field}").set_value(value).run())
    assert "the hosted demo takes at most" in html(app)
    assert app.number_input(key=f"setting-{field}").value == value
    assert app.button(key="start").disabled
    assert settings(app) == limits.first_settings()


def test_a_refused_number_is_taken_once_another_one_has_made_room_for_it() -> None:
    app = visitor()
    shown(app.number_input(key="setting-batch_size").set_value(20).run())
    assert "the hosted demo has memory for 11 images" in html(app)
    shown(app.number_input(key="setting-image_size").set_value(32).run())
    assert (settings(app).image_size, settings(app).batch_size) == (32, 20)
    assert "the hosted demo has memory" not in html(app)
    assert not app.button(key="start").disabled


def test_a_visitor_names_only_a_run_that_is_their_own(held: Path) -> None:
    stranger = visitor()
    assert not [field for field in stranger.text_input if "run-name" in str(field.key)]

    def forged(run: str) -> None:
        from pathlib import Path

        import streamlit as st

        from pages.components.run import label as run_label
        from pages.components.shared.fields import fresh_key

        key = fresh_key("forged", "")
        st.session_state[key] = "Stolen"
        run_label._take(Path(run), "name", key)

    shown(AppTest.from_function(forged, kwargs={"run": str(held)}).run())
    assert label.read(held).name is None
    own = visitor(held.name)
    shown(own.text_input(key=f"run-name-{held.name}").set_value("Mine").run())
    assert label.read(held).name == "Mine"


def test_settings_that_came_from_elsewhere_give_way_by_one_click() -> None:
    app = visitor()
    session_in(app.session_state).settings = RunSettings()
    assert shown(app.run()).button(key="start").disabled
    shown(app.button(key="use-first").click().run())
    assert settings(app) == limits.first_settings()
    assert not app.button(key="start").disabled


def test_visitors_wait_in_their_order_and_one_who_cancels_frees_the_place(held: Path) -> None:
    first, second = visitor(), visitor()
    shown(first.button(key="start").click().run())
    shown(second.button(key="start").click().run())
    assert "You are number <b>1</b>" in html(first)
    assert "You are number <b>2</b>. 1 ahead of you" in html(second)
    assert "2 waiting" in html(second)
    assert "about 4 minutes" in html(second)
    assert second.button(key="start").disabled
    shown(first.button(key="leave-queue").click().run())
    assert "In the queue" not in html(first)
    assert not first.button(key="start").disabled
    assert "You are number <b>1</b>" in html(shown(second.run()))


def test_when_the_run_before_ends_the_next_begins_with_what_was_pressed(held: Path) -> None:
    app = visitor()
    shown(app.number_input(key="setting-samples").set_value(40).run())
    shown(app.button(key="start").click().run())
    run_lock.release(held)
    shown(app.run())
    name = app.query_params["run"]
    assert run_folder.read(launch.runs_folder() / name)[1].samples == 40
    assert listed(app) == [name]
    assert "In the queue" not in html(app)


def test_a_launch_that_a_rerun_cuts_short_is_noted_and_no_second_one_begins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun = []

    def start(schedule: Schedule, settings: RunSettings, root: Path) -> str:
        made = launch.new_folder(root, schedule.name, datetime.now())
        run_folder.create(made, schedule, settings)
        begun.append(made.name)
        return made.name

    remember = visible_runs.remember

    def cut_short_once(run: str) -> None:
        monkeypatch.setattr(visible_runs, "remember", remember)
        raise RerunException(RerunData())

    monkeypatch.setattr(launch, "start", start)
    monkeypatch.setattr(visible_runs, "remember", cut_short_once)
    app = visitor()
    shown(app.button(key="start").click().run())
    assert len(begun) == 1
    assert [app.query_params["run"]] == begun
    assert listed(app) == begun
    assert "In the queue" not in html(app)


def test_a_second_click_on_cancel_changes_nothing(held: Path) -> None:
    app = visitor()
    shown(app.button(key="start").click().run())
    cancel = app.button(key="leave-queue")
    session_in(app.session_state).run.waiting = None  # as the first click has left it
    shown(cancel.click().run())
    assert "In the queue" not in html(app)


def test_a_visitor_lists_and_compares_no_run_of_another_and_opens_one_by_its_address(
    held: Path,
) -> None:
    assert listed(visitor()) == []
    owner = visitor(run=held.name)
    assert listed(owner) == [held.name]
    assert "thaw-headline" in html(owner)
    assert not any("Resume" in button.label for button in owner.button)

    def script() -> None:
        import streamlit as st

        from pages.components.compare import slots

        st.text(str(list(slots.sources())))

    other = shown(AppTest.from_function(script, default_timeout=120).run())
    assert "run:" not in other.text[0].value
    assert slots.NOW in other.text[0].value


def test_an_upload_that_was_deleted_gives_way_to_the_bundled_data() -> None:
    app = visitor()
    assert app.selectbox(key="data-kind").options == [BUNDLED, ZIP]
    session = uploads.folder() / ("0" * 32)
    *_, made = uploads.unpack(zipped(classes("cat", "dog")), "pets.zip", session, uploads.limits())
    session_in(app.session_state).settings = limits.first_settings().model_copy(
        update={"data": str(made.folder)}
    )
    assert not shown(app.run()).button(key="start").disabled
    shutil.rmtree(session)
    shown(app.run())
    assert "Your upload was deleted" in app.toast[0].value
    assert settings(app).data == BUNDLED_DATA


def test_a_start_for_an_upload_that_was_deleted_meanwhile_begins_nothing_and_is_told() -> None:
    session = uploads.folder() / ("0" * 32)
    *_, made = uploads.unpack(zipped(classes("cat", "dog")), "pets.zip", session, uploads.limits())
    app = visitor()
    session_in(app.session_state).settings = limits.first_settings().model_copy(
        update={"data": str(made.folder)}
    )
    shown(app.run())
    shutil.rmtree(session)
    shown(app.button(key="start").click().run())
    assert "Your upload was deleted" in app.toast[0].value
    assert run_folder.list_runs(launch.runs_folder()) == ()
    assert "In the queue" not in html(app)
    assert not app.button(key="start").disabled


def test_a_run_whose_time_was_over_does_not_say_that_someone_has_stopped_it(held: Path) -> None:
    with RunSession(held, limits.first_schedule()) as session:
        session.record(ev.Stopped(0))
    assert [each.value for each in visitor(held.name).info] == [r"Stopped on request\."]
    late = launch.new_folder(launch.runs_folder(), "late", datetime.now())
    run_folder.create(late, limits.first_schedule(), limits.first_settings())
    with RunSession(late, limits.first_schedule()) as session:
        session.record_notice(ev.Notice(limits._out_of_time()))
        session.record(ev.Stopped(0))
    app = visitor(late.name)
    assert [each.value for each in app.info] == [r"Stopped because its time limit was reached\."]
    assert "the hosted demo's limit of 120 s" in " ".join(each.value for each in app.caption)


def test_the_models_are_those_with_a_table_and_no_other_is_read() -> None:
    app = AppTest.from_file(APP, default_timeout=120)
    app.query_params["s"] = link.encode(presets.load("exercise"))
    shown(app.run())
    assert schedule(app) == presets.load("exercise")
    assert len(app.selectbox(key="model").options) == len(layer_table.known_models())
    foreign = {"name": "timm/resnet34", "weights": None}
    session_in(app.session_state).history = History.start(
        edits.set_field(presets.load("exercise"), "model", foreign)
    )
    shown(app.run().run())
    assert "the hosted demo does not have the memory for it" in html(app)
