"""A model without a layer table is read by another process, which may fail and be asked again."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core import presets
from core.files.home import CODE
from core.models import catalogue, layer_table, table_cache
from core.runs.processes.tabulation import Tabulations
from core.schedule.spec import ModelRef
from pages.components.design import model_picker
from pages.components.design.model_weights import unavailable
from pages.components.shared.state import session_in
from tests.pages.drawn import html

APP = str(CODE / "app.py")
MODEL = "timm/resnet10t"
READ_IF_ASKED_AGAIN = """
import os, signal, sys
from pathlib import Path
if not Path(sys.argv[1]).exists():
    Path(sys.argv[1]).touch()
    os.kill(os.getpid(), signal.SIGKILL)
print(Path(sys.argv[2]).read_text())
"""
"""Is killed the first time, and prints the table the second time."""


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The designer, whose model is read by a program that knows one table and needs no torch."""
    known = layer_table.load("torchvision/resnet18").model_copy(update={"model": MODEL})
    (tmp_path / "table").write_text(layer_table.dumps(known))
    program = [sys.executable, "-c", READ_IF_ASKED_AGAIN, tmp_path / "asked", tmp_path / "table"]
    monkeypatch.setenv("THAW_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(table_cache, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(model_picker, "_TABULATIONS", Tabulations(lambda _: [*map(str, program)]))
    return AppTest.from_file(APP, default_timeout=120).run()


def ended(app: AppTest) -> AppTest:
    """The page once the program has ended."""
    until = time.monotonic() + 60
    while model_picker._TABULATIONS.is_making(MODEL):
        assert time.monotonic() < until
        time.sleep(0.01)
    return app.run()


def model(app: AppTest) -> str:
    return session_in(app.session_state).schedule.model.name


def test_a_model_that_could_not_be_read_is_told_and_read_when_tried_again(app: AppTest) -> None:
    app.selectbox(key="model").set_value(MODEL).run()
    told = html(ended(app))
    assert f"{MODEL} could not be read" in told
    assert "SIGKILL" in told
    assert (model(app), app.selectbox(key="model").value) == (presets.BUNDLED_MODEL, MODEL)
    app.button(key="model-again").click().run()
    assert "could not be read" not in html(ended(app).run())
    assert model(app) == MODEL
    assert len(session_in(app.session_state).schedule.groups) == 6


def test_a_search_for_a_models_name_lists_torchvisions_first(app: AppTest) -> None:
    models = app.selectbox(key="model").options
    first = next(name for name in models if "resnet50" in name)
    assert first.startswith("torchvision/resnet50")


def test_a_search_for_any_models_name_lists_that_model_first() -> None:
    listed = model_picker.plain_first(catalogue.names())
    assert sorted(listed) == sorted(catalogue.names())
    for name in {full.rpartition("/")[2] for full in listed}:
        assert next(full for full in listed if name in full).endswith(f"/{name}")


def test_the_old_model_is_kept_on_request(app: AppTest) -> None:
    app.selectbox(key="model").set_value(MODEL).run()
    ended(app).button(key="model-cancel").click().run()
    assert "could not be read" not in html(app)
    assert model(app) == app.selectbox[0].value == presets.BUNDLED_MODEL


def test_a_model_may_train_from_random_weights_and_undo_brings_the_old_ones_back(
    app: AppTest,
) -> None:
    app.selectbox(key="model-weights").set_value("Random").run()
    assert session_in(app.session_state).schedule.model.weights is None
    app.button(key="undo").click().run()
    assert session_in(app.session_state).schedule.model.weights == presets.BUNDLED_WEIGHTS


def test_weights_that_cannot_be_had_are_told_before_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # nothing listens there
    told = unavailable(ModelRef(name="timm/resnet18", weights="a1_in1k"))
    assert told is not None
    assert "a1_in1k of timm/resnet18 are not on this machine, and http://127.0.0.1:9" in told
    assert unavailable(ModelRef(name="timm/resnet18")) is None
    assert unavailable(presets.load("gradual").model) is None


def test_the_list_says_what_lies_here_and_what_is_to_be_downloaded(app: AppTest) -> None:
    listed = app.selectbox(key="model").options
    assert f"{presets.BUNDLED_MODEL} · here" in listed
    assert any(re.fullmatch(r"torchvision/vgg16 · \d+ MB", each) for each in listed)
