from __future__ import annotations

from pathlib import Path

import pytest

from core import checks, presets
from core.errors import InputError
from core.models import layer_table
from core.presets.apply import apply
from core.schedule import edits, parse
from core.schedule.spec import ModelRef

FIRST = Path(__file__).parent / "first_presets"
"""The first presets as they were: whole schedules, with their layers' names."""

MODELS = (
    "torchvision/resnet18",
    "torchvision/resnet50",
    presets.BUNDLED_MODEL,
    "torchvision/convnext_tiny",
    "torchvision/vit_b_16",
    "torchvision/densenet121",
)


def test_the_default_preset_exists():
    assert presets.DEFAULT in presets.names()


@pytest.mark.parametrize("name", sorted(path.stem for path in FIRST.iterdir()))
def test_a_preset_gives_what_it_gave_when_it_was_a_schedule(name: str):
    text = (FIRST / f"{name}.json").read_text(encoding="utf-8")
    assert presets.load(name) == parse.parse(text)
    assert parse.dumps(presets.load(name)) == text


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", presets.names())
def test_every_preset_has_no_error_on_every_kind_of_model(name: str, model: str):
    table = layer_table.load(model)
    schedule = apply(presets.by_name(name), table)
    assert checks.errors(schedule, table) == ()
    assert schedule.model.name == model


@pytest.mark.parametrize("model", layer_table.known_models())
def test_every_preset_can_be_applied_to_every_known_model(model: str):
    table = layer_table.load(model)
    for name in presets.names():
        assert checks.errors(apply(presets.by_name(name), table), table) == ()


@pytest.mark.parametrize("name", sorted(set(presets.names()) - {"exercise"}))
def test_no_preset_but_the_exercise_has_a_warning_on_its_own_model(name: str):
    schedule = presets.load(name)
    found = checks.problems(schedule, layer_table.load(schedule.model.name))
    assert {problem.severity for problem in found} <= {"hint"}


def test_the_exercise_shows_its_rising_rates():
    assert "rising-lr" in {p.code for p in checks.problems(presets.load("exercise"))}


@pytest.mark.parametrize("name", presets.names())
def test_a_preset_is_stored_as_thaw_writes_it(name: str):
    raw = presets.by_name(name).model_dump(mode="json", exclude_unset=True)
    assert presets.json_text(name) == parse.pretty(raw)


@pytest.mark.parametrize("name", presets.names())
def test_weight_decay_and_momentum_are_written_where_the_optimizers_default_is_not_0(name: str):
    optimizer = presets.by_name(name).optimizer
    defaults = type(optimizer)(name=optimizer.name, base_lr=1.0).model_dump()
    not_0 = {key for key in ("weight_decay", "momentum") if defaults.get(key)}
    assert not_0 <= optimizer.model_fields_set


@pytest.mark.parametrize("name", presets.names())
def test_a_presets_name_is_that_of_its_file(name: str):
    assert presets.by_name(name).name == name


def test_titles_are_told_apart():
    titles = [presets.by_name(name).title for name in presets.names()]
    assert len(set(titles)) == len(titles)


def test_every_family_has_its_heading():
    assert {presets.by_name(name).family for name in presets.names()} == set(presets.FAMILIES)


@pytest.mark.parametrize("name", presets.names())
def test_a_schedule_that_a_preset_made_is_known_as_that_preset(name: str):
    schedule = presets.load(name)
    assert presets.matching(schedule, layer_table.load(schedule.model.name)) == name


def test_another_name_makes_no_other_schedule_but_another_number_does():
    table = layer_table.load("torchvision/resnet50")
    schedule = presets.load_for("ulmfit", table, ModelRef(name=table.model))
    assert presets.matching(edits.set_field(schedule, "name", "mine"), table) == "ulmfit"
    assert presets.matching(edits.set_field(schedule, "epochs", 99), table) is None


@pytest.mark.parametrize("read", [presets.json_text, presets.load, presets.by_name])
def test_an_unknown_preset_names_the_nearest(read):
    with pytest.raises(InputError) as caught:
        read("exercize")
    assert str(caught.value) == (
        "preset is 'exercize', which does not exist: did you mean 'exercise'?"
    )


def test_a_preset_is_no_path():
    with pytest.raises(InputError) as caught:
        presets.json_text("../spec")
    assert str(caught.value).startswith(
        "preset is '../spec', which does not exist: use one of beit, bit, chain-thaw"
    )
