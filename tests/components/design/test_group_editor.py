"""The Groups card without a browser: each of its controls is one edit, and undo takes it back."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core import presets
from core.files.home import CODE
from core.models import layer_table, regroup
from core.schedule import edits
from core.schedule.spec import Schedule
from pages.components.shared.history import History
from pages.components.shared.state import session_in

APP = str(CODE / "app.py")
RESNET = edits.use_model(presets.load("gradual"), layer_table.load("torchvision/resnet18"))


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The Design page with ResNet-18, the card shown and layer4 in hand."""
    monkeypatch.setenv("THAW_HOME", str(tmp_path))
    found = AppTest.from_file(APP, default_timeout=120)
    session_in(found.session_state).history = History.start(RESNET)
    found.run()
    found.button(key="groups").click().run()
    return found.button(key="group-4").click().run()


def _schedule(app: AppTest) -> Schedule:
    assert not app.exception, app.exception
    return session_in(app.session_state).schedule


def _names(app: AppTest) -> list[str]:
    return [group.name for group in _schedule(app).groups]


def _row(app: AppTest, place: int) -> str:
    return str(app.button(key=f"group-{place}").label)


def _keys(app: AppTest) -> set[str]:
    return {str(button.key) for button in app.button}


def _name_field(app: AppTest) -> str:
    (field,) = [field for field in app.text_input if field.label == "Name" and field.key != "name"]
    return str(field.key)


def _undo(app: AppTest) -> None:
    app.button(key="undo").click().run()
    assert _schedule(app) == RESNET


def test_the_card_is_shown_and_hidden_by_the_toolbars_button(app: AppTest) -> None:
    assert "group-split" in _keys(app)
    app.button(key="groups").click().run()
    assert not {key for key in _keys(app) if key.startswith("group-")}


def test_every_group_has_a_row_with_its_parameters_and_share(app: AppTest) -> None:
    assert _row(app, 4).endswith("**layer4** :gray[:small[8,393,728]] :gray[:small[75.1%]]")
    assert _row(app, 0).endswith("**stem** :gray[:small[9,536]] :gray[:small[<0.1%]]")
    assert len([key for key in _keys(app) if key.removeprefix("group-").isdigit()]) == 6


def test_one_group_is_open_at_a_time_and_a_second_click_closes_it(app: AppTest) -> None:
    app.button(key="group-2").click().run()
    (parts,) = app.radio
    assert parts.options == ["layer2\\.1 :small[295,424]", "layer2\\.0 :small[230,144]"]
    app.button(key="group-2").click().run()
    assert not app.radio


def test_how_fine_cuts_the_model_and_tells_which_cut_it_is(app: AppTest) -> None:
    (fine,) = [control for control in app.segmented_control if control.label == "How fine"]
    assert fine.value == "stages"
    fine.set_value("blocks").run()
    assert len(_schedule(app).groups) == 10
    assert _schedule(app).groups[-2].trainable == RESNET.group("layer4").trainable
    _undo(app)


def test_a_split_is_below_the_chosen_part_and_counts_follow(app: AppTest) -> None:
    app.button(key="group-split").click().run()
    assert _names(app)[-3:] == ["layer4.0", "layer4.1", "head"]
    assert "**layer4\\.0** :gray[:small[3,673,088]] :gray[:small[32.8%]]" in _row(app, 4)
    assert session_in(app.session_state).design.selected_group == "layer4.1"
    _undo(app)


def test_a_module_is_opened_split_inside_and_closed(app: AppTest) -> None:
    app.button(key="group-open").click().run()
    (parts,) = app.radio
    assert [option.split()[0] for option in parts.options][-2:] == [
        "layer4\\.1\\.conv1",
        "layer4\\.0",
    ]
    parts.set_value("layer4.1.conv2").run()
    app.button(key="group-split").click().run()
    assert _schedule(app).groups[5].modules == ("layer4.1.conv2", "layer4.1.bn2")
    app.button(key="undo").click().run()
    app.button(key="group-4").click().run()
    app.button(key="group-close").click().run()
    assert len(app.radio[0].options) == 2


def test_the_lowest_part_has_nothing_below_it_to_split(app: AppTest) -> None:
    app.radio[0].set_value("layer4.0").run()
    assert app.button(key="group-split").disabled
    app.radio[0].set_value("layer4.1").run()
    assert not app.button(key="group-split").disabled


@pytest.mark.parametrize(
    ("key", "place", "modules"),
    [
        ("group-move-output", 5, ("layer4.1", "fc")),
        ("group-move-input", 3, ("layer3", "layer4.0")),
    ],
)
def test_the_part_at_a_border_goes_to_the_neighbour(
    app: AppTest, key: str, place: int, modules: tuple[str, ...]
) -> None:
    app.button(key=key).click().run()
    assert _schedule(app).groups[place].modules == modules
    assert _names(app) == [group.name for group in RESNET.groups]
    _undo(app)


@pytest.mark.parametrize(
    ("key", "name"),
    [("group-merge-output", "layer4–head"), ("group-merge-input", "layer3–layer4")],
)
def test_neighbours_are_merged_and_the_new_group_is_in_hand(
    app: AppTest, key: str, name: str
) -> None:
    app.button(key=key).click().run()
    assert name in _names(app)
    assert len(_names(app)) == 5
    assert session_in(app.session_state).design.selected_group == name
    _undo(app)


def test_a_new_name_goes_into_the_schedule_and_the_window_in_hand_follows(app: AppTest) -> None:
    session_in(app.session_state).design.selected_window = ("layer4", 0)
    app.text_input(key=_name_field(app)).set_value(" top ").run()
    assert _names(app)[4] == "top"
    assert session_in(app.session_state).design.selected_window == ("top", 0)
    assert app.text_input(key=_name_field(app)).value == "top"
    _undo(app)


def test_a_name_that_is_taken_is_refused_in_words(app: AppTest) -> None:
    app.text_input(key=_name_field(app)).set_value("head").run()
    assert _schedule(app) == RESNET
    assert "head" in app.toast[0].value
    assert app.text_input(key=_name_field(app)).value == "layer4"


def test_a_new_name_and_a_click_in_one_message_are_both_done(app: AppTest) -> None:
    app.text_input(key=_name_field(app)).set_value("top")
    app.button(key="group-split").click().run()
    assert _names(app)[-3:] == ["top a", "top b", "head"]


def test_rates_that_a_cut_has_kept_can_be_spread_evenly(app: AppTest) -> None:
    assert "group-spread" not in _keys(app)
    app.button(key="group-split").click().run()
    app.button(key="group-spread").click().run()
    scales = [group.lr_scale for group in _schedule(app).groups]
    assert scales == [None] * 6 + [2.5]
    assert _schedule(app).lr.group_decay == pytest.approx(0.5 ** (5 / 6), rel=1e-5)


def test_a_layer_alone_in_its_group_can_only_be_merged(app: AppTest) -> None:
    app.button(key="group-5").click().run()
    assert {key for key in _keys(app) if key.startswith(("group-move", "group-merge"))} == {
        "group-merge-input"
    }
    assert app.button(key="group-split").disabled


@pytest.mark.parametrize("model", ["timm/tf_efficientnet_lite0", "timm/vit_tiny_patch16_224"])
def test_a_group_of_a_finely_cut_model_can_be_taken_in_hand(app: AppTest, model: str) -> None:
    table = layer_table.load(model)
    session_in(app.session_state).history = History.start(edits.use_model(RESNET, table))
    app.run()
    (fine,) = [control for control in app.segmented_control if control.label == "How fine"]
    fine.set_value("blocks").run()
    for place in (0, 1, len(_schedule(app).groups) - 1):
        app.button(key=f"group-{place}").click().run()
        assert len(_keys(app)) < 60
    assert not app.exception


def test_a_click_that_was_meant_for_another_cut_does_nothing(app: AppTest) -> None:
    since = regroup.split_group(
        RESNET, layer_table.load("torchvision/resnet18"), "layer1", "layer1.1"
    )
    app.button(key="group-merge-input").click()
    session_in(app.session_state).history = History.start(since)
    app.run()
    assert _schedule(app) == since
