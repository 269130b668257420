"""The Export page without a browser: every target, what it loses, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core import presets
from core.errors import InputError
from core.export import targets
from core.export.export_result import FILE, MODULE, Exported, ExportSource, Limitation
from core.models import layer_table
from core.schedule import link
from core.schedule.parse import from_raw, to_raw
from core.schedule.spec import Schedule
from pages.components.export import cited_run
from pages.components.export.limitations import REFUSED, TITLE
from pages.components.shared.state import session_in
from tests.pages.drawn import without_styles
from tests.runs.made import finished_run
from tests.sample import thorough


def script() -> None:
    import streamlit as st

    from pages import design, export
    from pages.components.shared import frame

    frame.dress()
    frame.navigate(
        {
            "export": st.Page(export.page, title="Export", url_path="export", default=True),
            "design": st.Page(design.page, title="Design", url_path="design"),
        }
    )


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("THAW_HOME", str(tmp_path))
    return AppTest.from_function(script, default_timeout=120)


def opened(app: AppTest, schedule: Schedule) -> AppTest:
    app.query_params[link.PARAMETER] = link.encode(schedule)
    return app.run()


def choose(app: AppTest, name: str) -> AppTest:
    (row,) = [b for b in app.button if (b.key or "").endswith(f"-target-{name}")]
    return row.click().run()


def made(name: str, source: ExportSource) -> Exported | InputError:
    try:
        return targets.export(name, source)
    except InputError as refused:
        return refused


def test_every_target_can_be_looked_at_with_its_limitations_beside_it(app: AppTest):
    schedule = presets.load("exercise")
    opened(app, schedule)
    for name, target in targets.TARGETS.items():
        shown = without_styles(choose(app, name))
        assert f'<h2 class="thaw-heading">{target.title}</h2>' in shown
        due = made(name, ExportSource(schedule, 32, layer_table.load(schedule.model.name)))
        if isinstance(due, InputError):
            assert f"<code>{due.field}</code>" in shown
            assert len(app.get("download_button")) == 1  # that of the JSON
            continue
        assert all(f"<code>{each.field}</code>" in shown for each in due.limitations)
        assert len(app.get("download_button")) == 2
        if target.language == "python":
            assert str(due.content).strip() in [code.value for code in app.code]


def test_a_schedule_with_errors_is_refused_by_what_trains_and_drawn_by_the_rest(app: AppTest):
    raw = to_raw(presets.load("exercise"))
    raw["groups"][-1]["trainable"] = []
    opened(app, from_raw(raw))
    assert "groups are all frozen in epochs 0 to 1" in without_styles(app)
    assert [error.value for error in app.error] == [
        f"PyTorch script cannot take this schedule. “{REFUSED}” says what to change."
    ]
    assert f"{REFUSED}</h2>" in without_styles(app)
    choose(app, "markdown")
    assert not app.error
    assert TITLE in without_styles(app)


def test_hostile_names_are_shown_and_not_drawn(app: AppTest):
    raw = to_raw(presets.load("exercise"))
    raw["name"] = "<img src=x onerror=alert(1)>"
    opened(app, from_raw(raw))
    for name in targets.TARGETS:
        assert "<img src=x" not in without_styles(choose(app, name))


def test_the_json_on_the_page_is_the_schedule(app: AppTest):
    schedule = presets.load("wsd")
    opened(app, schedule)
    texts = [code.value for code in app.code if code.language == "json"]
    assert [from_raw(json.loads(text)) for text in texts] == [schedule]


def citable(app: AppTest) -> list[str]:
    (field,) = [each for each in app.selectbox if each.label == "Cite the results of a run"]
    return list(field.options)


@pytest.fixture
def finished(app: AppTest, tmp_path: Path) -> Schedule:
    """The schedule of a finished run; another schedule has one, too."""
    schedule = presets.load("exercise")
    finished_run(tmp_path, "mine", schedule, [0.75])
    finished_run(tmp_path, "others", presets.load("gradual"), [0.5])
    return schedule


def text(app: AppTest) -> str:
    """The files on the page."""
    assert not app.exception
    pages = [frame.proto.srcdoc for frame in app.get("iframe")]
    return "\n".join([*(code.value for code in app.code), *pages])


@pytest.mark.parametrize("target", ["html", *thorough("markdown", "latex")])
def test_a_report_cites_a_run_of_exactly_this_schedule_once_it_is_chosen(
    app: AppTest, finished: Schedule, target: str, monkeypatch: pytest.MonkeyPatch
):
    choose(opened(app, finished), target)
    none, run = citable(app)
    assert none == "none"
    assert "75.0%" in run
    assert "40 images to train" not in text(app)
    (field,) = [each for each in app.selectbox if each.label == "Cite the results of a run"]
    field.select("mine").run()
    assert "40 images to train" in text(app)
    assert "--run DIR" in text(app)
    monkeypatch.setattr(cited_run, "_RUNS_SEARCHED", 0)  # so many newer ones there are by now
    app.run()
    assert citable(app) == [none, run]
    assert "40 images to train" in text(app)


def test_no_visitor_of_the_demo_can_cite_a_strangers_run(
    app: AppTest, finished: Schedule, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("THAW_DEMO", "1")
    choose(opened(app, finished), "html")
    assert citable(app) == ["none"]
    session_in(app.session_state).cited_run = "mine"
    assert "<code>the run</code>" in without_styles(app.run())


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("Gradual unfreezing", "gradual_unfreezing.py"),
        ("class", "schedule_class.py"),
        ("2 phases", "schedule_2_phases.py"),
        ("日本", "schedule.py"),
        ("Torch", "schedule_torch.py"),
        ("Copy", "schedule_copy.py"),
        ("PIL", "schedule_pil.py"),
        ("finetuning scheduler", "schedule_finetuning_scheduler.py"),
    ],
)
def test_a_python_file_has_a_name_that_python_can_import(name: str, file: str):
    schedule = presets.load("exercise").model_copy(update={"name": name})
    target = targets.TARGETS["module"]
    assert targets.file_name(schedule, target) == file
    told = Exported(
        "", (Limitation("a", "b", "c"),), usage=f"from {MODULE} import x\nopen({FILE})\n"
    )
    stem = file.removesuffix(".py")
    assert targets.usage(target, told, file) == f'from {stem} import x\nopen("{file}")\n'
