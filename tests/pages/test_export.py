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
from core.runs import run_folder
from core.runs.processes import launch
from core.runs.settings import RunSettings
from core.schedule import link
from core.schedule.parse import from_raw, to_raw
from core.schedule.spec import Schedule
from pages.components.export.limitations import REFUSED, TITLE
from tests.pages.drawn import without_styles


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


def test_a_report_tells_of_ones_own_run_and_no_visitor_of_the_demo_sees_a_strangers(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
):
    schedule = presets.load("exercise")
    run = launch.runs_folder() / "strangers"
    run_folder.create(run, schedule, RunSettings())
    end = {
        "status": "finished",
        "seconds": 60.0,
        "device": "cpu",
        "validation_loss": 0.5,
        "validation_accuracy": 0.8,
        "majority_accuracy": 0.1,
        "audit": {"frozen_groups_unchanged": True, "steps": 640, "max_lr_error": 0.0},
    }
    run_folder.write_summary(run, run_folder.run_summary(run, schedule))
    told = json.loads((run / run_folder.SUMMARY).read_text(encoding="utf-8"))
    (run / run_folder.SUMMARY).write_text(json.dumps(told | end), encoding="utf-8")
    missing = "<code>the run</code>"
    assert missing not in without_styles(choose(opened(app, schedule), "html"))
    monkeypatch.setenv("THAW_DEMO", "1")
    assert missing in without_styles(app.run())


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
