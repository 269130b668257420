"""The pages without a browser: what their controls do to the one schedule of the session."""

from __future__ import annotations

import re
import threading
import time
from html import unescape
from pathlib import Path
from random import Random
from string import ascii_letters

import pytest
from hypothesis import given, settings
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import TextInput

from core import presets
from core.files.home import CODE
from core.models import layer_table
from core.runs.processes import launch
from core.runs.settings import RunSettings
from core.schedule import edits, link, parse
from core.schedule.spec import Schedule
from pages.components.learn import glossary
from pages.components.learn.language import LANGUAGES
from pages.components.shared.history import History
from pages.components.shared.state import session_in
from tests.pages.drawn import html
from tests.sample import sampled, thorough
from tests.schedule.strategies import schedules

APP = str(CODE / "app.py")
SOME_PRESETS = {"exercise-mended", "gradual", "ulmfit", "one-cycle", "mae-vit-b"}


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("THAW_HOME", str(tmp_path))
    return AppTest.from_file(APP, default_timeout=120)


def _schedule(app: AppTest) -> Schedule:
    assert not app.exception, app.exception
    return session_in(app.session_state).schedule


def test_a_new_session_shows_the_default_preset(app: AppTest) -> None:
    assert _schedule(app.run()) == presets.load(presets.DEFAULT)


def test_a_number_typed_into_the_curve_card_is_in_the_schedule(app: AppTest) -> None:
    app.run().number_input(key="field:epochs").set_value(9).run()
    assert _schedule(app).epochs == 9
    app.number_input(key="field:lr.decay.floor.factor").set_value(0.25).run()
    assert _schedule(app).lr.decay.model_dump()["floor"] == {"factor": 0.25}


@pytest.mark.parametrize("shape", ["cosine", "linear", "constant", "wsd", "polynomial", "steps"])
def test_every_shape_can_be_chosen_and_drawn(app: AppTest, shape: str) -> None:
    app.run().selectbox(key="field:lr.decay.shape").set_value(shape).run()
    assert _schedule(app).lr.decay.shape == shape


def test_no_script_sleeps_after_an_edit(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    app.run()
    slept, sleep = [], time.sleep

    def told(seconds: float) -> None:
        slept.append(threading.current_thread().name)
        sleep(seconds)

    monkeypatch.setattr(time, "sleep", told)
    app.number_input(key="field:epochs").set_value(9).run()
    assert [name for name in slept if "scriptrunner" in name.lower()] == []


@pytest.mark.parametrize(
    ("opens", "holds"), [("show-table", "table-csv"), ("presets", "use-ulmfit")]
)
def test_a_dialog_stays_open_whatever_the_page_draws_anew_until_help_takes_its_place(
    app: AppTest, opens: str, holds: str
) -> None:
    def keys() -> set[str | None]:
        assert not app.exception, app.exception
        return {each.key for each in (*app.button, *app.get("download_button"))}

    app.run().button(key=opens).click().run()
    assert holds in keys()
    app.run()
    assert holds in keys()
    app.button(key="help").click().run()
    assert glossary.term_list(LANGUAGES["en"]) in html(app)
    assert holds not in keys()


def _milestones(app: AppTest) -> TextInput:
    return next(field for field in app.text_input if field.label == "Milestones")


def test_milestones_are_typed_as_a_list_and_what_is_no_number_is_refused_in_words(
    app: AppTest,
) -> None:
    app.query_params["s"] = link.encode(edits.set_shape(presets.load("gradual"), "steps"))
    key = "field:lr.decay.milestones"
    assert app.run().text_input(key=key).value == "0.3, 0.6, 0.9"
    app.text_input(key=key).set_value("0.5 0.75;.9,").run()
    assert _schedule(app).lr.decay.model_dump()["milestones"] == (0.5, 0.75, 0.9)
    for typed, told in (
        ("0.5, x", "'x'"),
        ("0.9, 0.5", "ascend"),
        ("nan", "number"),
        ("", "empty"),
    ):
        _milestones(app).set_value(typed).run()
        assert _schedule(app).lr.decay.model_dump()["milestones"] == (0.5, 0.75, 0.9)
        assert _milestones(app).value == typed
        assert told in _refusals(app)


@pytest.mark.parametrize("preset", sampled(presets.names(), SOME_PRESETS))
def test_every_preset_can_be_chosen_and_drawn(app: AppTest, preset: str) -> None:
    app.query_params["s"] = link.encode(presets.load("exercise-mended"))
    app.run().button(key="presets").click().run()
    if preset != "exercise-mended":  # which is in use
        app.button(key=f"use-{preset}").click().run()
    table = layer_table.load("torchvision/resnet18")
    assert _schedule(app) == presets.load_for(preset, table, presets.load("exercise").model)
    assert label_ends(app, presets.by_name(preset).title)


def test_the_presets_button_says_what_is_edited_or_a_persons_own(app: AppTest) -> None:
    assert label_ends(app.run(), "Gradual unfreezing")
    app.number_input(key="field:epochs").set_value(9).run()
    assert label_ends(app, "Gradual unfreezing :gray-badge[edited]")
    app.button(key="undo").click().run()
    assert label_ends(app, "Gradual unfreezing")
    app.query_params["s"] = link.encode(edits.set_field(presets.load("gradual"), "epochs", 9))
    assert label_ends(app.run(), "your own")
    app.query_params["s"] = link.encode(presets.load("exercise"))
    assert label_ends(app.run(), "The exercise")


def test_an_edited_preset_keeps_its_name_when_another_one_is_chosen_and_undone(
    app: AppTest,
) -> None:
    edited = "Gradual unfreezing :gray-badge[edited]"
    app.run().number_input(key="field:epochs").set_value(9).run()
    app.button(key="presets").click().run()
    app.button(key="use-ulmfit").click().run()
    assert label_ends(app, "ULMFiT")
    app.button(key="undo").click().run()
    assert label_ends(app, edited)
    app.button(key="redo").click().run()
    next(field for field in app.number_input if field.label == "Epochs").set_value(7).run()
    assert label_ends(app, "ULMFiT :gray-badge[edited]")
    app.query_params["s"] = link.encode(_schedule(app))
    assert label_ends(app.run(), "ULMFiT :gray-badge[edited]")  # which it is already


def test_an_unedited_preset_follows_the_model_and_an_edited_one_keeps_its_edits(
    app: AppTest,
) -> None:
    app.run().button(key="presets").click().run()
    app.button(key="use-mae-vit-b").click().run()
    app.selectbox(key="model").set_value("torchvision/resnet18").run()
    assert len(_schedule(app).groups) == 10
    assert label_ends(app, "MAE: ViT-B")
    app.button(key="undo").click().run()
    epochs = next(field for field in app.number_input if field.label == "Epochs")
    epochs.set_value(9).run()
    box = next(box for box in app.selectbox if box.label == "Model")
    box.set_value("torchvision/resnet18").run()
    assert _schedule(app).epochs == 9


def test_a_preset_is_applied_to_the_model_at_hand_and_undone(app: AppTest) -> None:
    app.run().selectbox(key="model").set_value("torchvision/resnet50").run()
    before = _schedule(app)
    app.button(key="presets").click().run()
    app.button(key="use-surgical-middle").click().run()
    middle = _schedule(app)
    assert middle.model.name == "torchvision/resnet50"
    assert middle.group("layer3").trainable == ((0, None),)
    assert middle.group("layer4").trainable == ()
    app.button(key="undo").click().run()
    assert _schedule(app) == before


def test_the_gallery_has_every_preset_and_does_not_offer_the_one_in_use(app: AppTest) -> None:
    app.run().button(key="presets").click().run()
    offered = {b.key[4:]: not b.disabled for b in app.button if (b.key or "").startswith("use-")}
    assert set(offered) == set(presets.names())
    assert not offered[presets.DEFAULT]
    assert offered["ulmfit"]


def label_ends(app: AppTest, text: str) -> bool:
    said = re.sub(r"[\\*]", "", str(app.button(key="presets").label))  # which are Markdown
    return said.endswith(f" {text}")


def test_another_model_brings_its_groups_and_keeps_the_thaws_from_the_head(app: AppTest) -> None:
    app.run().selectbox(key="model").set_value("torchvision/resnet50").run()
    schedule = _schedule(app)
    assert schedule.model.weights == "IMAGENET1K_V2"
    thaws = {group.name: group.trainable for group in schedule.groups}
    assert thaws["head"] == ((0, None),)
    assert thaws["layer4"] == presets.load("gradual").group("conv_head").trainable


def test_undo_and_redo_walk_through_the_edits(app: AppTest) -> None:
    app.run().number_input(key="field:epochs").set_value(9).run()
    app.button(key="undo").click().run()
    assert _schedule(app) == presets.load(presets.DEFAULT)
    app.button(key="redo").click().run()
    assert _schedule(app).epochs == 9


def test_a_message_that_was_under_way_at_an_undo_does_not_bring_the_old_name_back(
    app: AppTest,
) -> None:
    before = _name(app.run()).value
    _name(app).set_value("Mine").run()
    under_way = _name(app)
    app.button(key="undo").click().run()
    under_way.set_value("Mine").run()  # with all that the page showed before the undo
    assert _schedule(app).name == _name(app).value == before
    for name in ("Mine", before, "Mine"):  # as a person means it
        _name(app).set_value(name).run()
        assert _schedule(app).name == _name(app).value == name


def _name(app: AppTest) -> TextInput:
    return next(field for field in app.text_input if field.label == "Name")


def test_an_empty_name_is_refused_in_words_and_changes_nothing(app: AppTest) -> None:
    app.run().text_input(key="name").set_value("   ").run()
    assert _schedule(app).name == presets.load(presets.DEFAULT).name
    assert "name" in app.toast[0].value
    app.run()
    assert not app.toast


def test_an_error_turns_run_off_and_says_why(app: AppTest) -> None:
    app.run()
    assert not app.button(key="to-run").disabled
    idle = edits.set_windows(presets.load("gradual"), {"head": [[1, None]]})
    session_in(app.session_state).history = History.start(idle)
    app.run()
    assert app.button(key="to-run").disabled
    assert "frozen in epoch 0" in app.button(key="to-run").help


def test_a_link_opens_its_schedule(app: AppTest) -> None:
    app.query_params["s"] = link.encode(presets.load("exercise"))
    assert _schedule(app.run()) == presets.load("exercise")
    assert "s" not in app.query_params


@pytest.mark.parametrize(
    "text",
    ["nonsense", "ePkC", "%%%", "eJwDAAAAAAE", "ü", "A" * 20_000, "", "A" * 10_000 + "<img src=x>"],
)
def test_a_broken_link_says_so_and_leaves_the_work_alone(app: AppTest, text: str) -> None:
    app.query_params["s"] = text
    assert _schedule(app.run()) == presets.load(presets.DEFAULT)
    assert "the link" in app.toast[0].value


def _refusals(app: AppTest) -> str:
    found = re.findall('<p class="thaw-refused" role="alert">(.*?)</p>', html(app))
    return unescape(" ".join(found))


@pytest.mark.parametrize(
    ("key", "typed", "line"),
    [
        ("field:epochs", 2.5, "Is 2.5: write a whole number"),
        ("lr-scale", 0.0, "Is 0: it must be at least"),
        *thorough(
            ("field:epochs", 0.0, "Is 0: it must be at least 1"),
            ("field:optimizer.base_lr", -1.0, "Is -1: it must be at least 1e-12"),
            ("field:lr.decay.floor.factor", 1.5, "Is 1.5: it must be at most 1"),
            ("thaws-at", 7.0, "Is 7: use a whole number from 0 to 6"),
            ("thaws-at", 1.5, "Is 1.5: use a whole number from 0 to 6"),
            ("freezes-at", 2.0, "Is 2: use a whole number from 3 to 6"),
        ),
    ],
)
def test_a_refused_number_stays_in_its_field_and_keeps_run_off_until_it_is_mended(
    app: AppTest, key: str, typed: float, line: str
) -> None:
    session_in(app.session_state).design.selected_window = ("stage2", 0)
    before = app.run().number_input(key=key).value
    app.number_input(key=key).set_value(typed).run()
    assert _schedule(app) == presets.load(presets.DEFAULT)
    assert app.number_input(key=key).value == typed
    assert _refusals(app).startswith(line)
    assert app.button(key="to-run").disabled
    assert line[1:] in "".join(re.findall('<p class="thaw-off".*?</p>', html(app)))
    app.number_input(key=key).set_value(before).run()
    assert _refusals(app) == ""
    assert not app.button(key="to-run").disabled


def test_a_refused_number_gives_way_to_a_value_that_comes_from_elsewhere(app: AppTest) -> None:
    app.run().number_input(key="field:epochs").set_value(9).run()
    app.number_input(key="field:epochs").set_value(0).run()
    assert _refusals(app) != ""
    app.button(key="undo").click().run()
    (shown,) = [field for field in app.number_input if field.label == "Epochs"]
    assert shown.value == _schedule(app).epochs == 6
    assert _refusals(app) == ""
    assert not app.button(key="to-run").disabled


def test_a_refused_number_is_not_kept_for_another_schedule(app: AppTest) -> None:
    app.run().number_input(key="field:epochs").set_value(0).run()
    assert _refusals(app)
    app.button(key="presets").click().run()
    app.button(key="use-head-only").click().run()
    assert _schedule(app).epochs == 6
    assert not _refusals(app)


def test_a_refused_epoch_of_a_window_is_forgotten_with_the_window(app: AppTest) -> None:
    session_in(app.session_state).design.selected_window = ("stage2", 0)
    app.run().number_input(key="thaws-at").set_value(99).run()
    session_in(app.session_state).design.selected_window = ("head", 0)
    app.run()
    assert _refusals(app) == ""
    assert not app.button(key="to-run").disabled
    (shown,) = [field for field in app.number_input if field.label == "Thaws at"]
    assert shown.value == 0


def test_a_run_starts_with_no_number_but_those_that_its_fields_show(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "prewarm", lambda: None)
    app = AppTest.from_function(_one_page, default_timeout=120)
    app.session_state["name-of-page"] = "run"
    assert not app.run().button(key="start").disabled
    app.number_input(key="setting-image_size").set_value(3).run()
    assert app.button(key="start").disabled
    why = "“Image size, px” is 3: it must be at least 16"
    assert f'<p class="thaw-off" role="status">{why}</p>' in html(app)
    app.number_input(key="setting-image_size").set_value(32).run()
    assert not app.button(key="start").disabled
    assert 'class="thaw-off"' not in html(app)


def test_a_cleared_number_changes_nothing(app: AppTest) -> None:
    app.run().number_input(key="field:optimizer.base_lr").set_value(None).run()
    assert _schedule(app) == presets.load(presets.DEFAULT)
    (shown,) = [field for field in app.number_input if field.label == "Base LR"]
    assert shown.value == 0.002


def test_a_cleared_lr_scale_follows_the_decay_per_group(app: AppTest) -> None:
    app.run()
    session_in(app.session_state).design.selected_window = ("head", 0)
    app.run().number_input(key="lr-scale").set_value(None).run()
    assert _schedule(app).group("head").lr_scale is None


def test_a_decay_however_steep_is_shown_as_the_deepest_groups_scale(app: AppTest) -> None:
    steep = edits.set_field(presets.load(presets.DEFAULT), "lr.group_decay", 1e-4)
    app.query_params["s"] = link.encode(steep)
    app.run()
    session_in(app.session_state).design.selected_window = (steep.groups[0].name, 0)
    shown = app.run().number_input(key="lr-scale").value
    assert shown == pytest.approx(1e-4 ** (len(steep.groups) - 1), rel=1e-9, abs=0)
    assert shown < 1e-9


def test_a_rate_of_zero_everywhere_is_drawn(app: AppTest) -> None:
    app.run().number_input(key="field:epochs").set_value(1).run()
    app.segmented_control(key="field:lr.interval").set_value("epoch").run()
    app.number_input(key="field:lr.warmup.start_factor").set_value(0.0).run()
    assert _schedule(app).lr.warmup.start_factor == 0.0


def test_a_schedule_too_large_for_a_link_is_still_shown(app: AppTest) -> None:
    raw = parse.to_raw(presets.load("gradual"))
    random = Random(0)
    raw["groups"] = [
        {"name": "".join(random.choices(ascii_letters, k=80)), "modules": [f"m{i}"]}
        for i in range(200)
    ]
    raw["groups"][-1]["trainable"] = [[0, None]]
    app.run()
    session_in(app.session_state).history = History.start(parse.from_raw(raw))
    app.session_state["share-menu"] = True
    app.run()
    assert len(_schedule(app).groups) == 200
    assert "share the schedule as a JSON file" in app.warning[0].value


@pytest.mark.thorough
@settings(max_examples=15)
@given(schedule=schedules())
def test_any_schedule_can_be_drawn(schedule: Schedule) -> None:
    app = AppTest.from_file(APP, default_timeout=120)
    session_in(app.session_state).history = History.start(schedule)
    assert _schedule(app.run()) == schedule


def test_the_preview_counts_no_images_that_the_bundled_data_does_not_have(app: AppTest) -> None:
    app.run()
    session_in(app.session_state).settings = RunSettings(samples=5_000)
    assert "63 per epoch" in "".join(part.proto.body for part in app.run().get("html"))


def _one_page() -> None:
    import importlib

    import streamlit as st

    from pages.components.shared import frame

    frame.dress()
    name = st.session_state["name-of-page"]
    draw = importlib.import_module(f"pages.{name}").page
    frame.navigate({name: st.Page(draw, title=name, url_path=name, default=True)})


@pytest.mark.parametrize("name", ["compare", "export", *thorough("design", "run", "learn")])
def test_a_home_folder_that_cannot_be_used_is_said_where_it_is_needed(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THAW_HOME", "~nosuchuser/x")
    app = AppTest.from_function(_one_page, default_timeout=120)
    app.session_state["name-of-page"], session_in(app.session_state).export_target = name, "html"
    app.session_state["file-menu"] = True
    assert not app.run().exception, app.exception
    told = [each.value for each in (*app.error, *app.warning, *app.caption)]
    assert any("no such home folder" in each for each in told) == (name != "learn")


def test_help_lists_every_term_that_the_page_has_a_tooltip_for(app: AppTest) -> None:
    app.run()
    shown = set(re.findall(r'data-term="([a-z-]+)"', html(app)))
    assert len(shown) > 3
    assert shown <= set(glossary.terms())
    (button,) = [each for each in app.button if each.label == "Help"]
    button.click().run()
    assert glossary.term_list(LANGUAGES["en"]) in html(app)
    app.segmented_control(key="help-speaks").set_value("es").run()
    assert glossary.term_list(LANGUAGES["es"]) in html(app)
