from __future__ import annotations

from pathlib import Path

import pytest

from core.design import layers, parse, presets, problems
from core.errors import InputError

GOLDEN = Path(__file__).parent / "golden"


def test_the_default_preset_exists():
    assert presets.DEFAULT in presets.names()


@pytest.mark.parametrize("name", presets.names())
def test_no_preset_is_refused_by_its_own_models_layer_table(name: str):
    schedule = presets.load(name)
    assert problems.errors(schedule, layers.load(schedule.model.name)) == ()


@pytest.mark.parametrize("name", sorted(set(presets.names()) - {"exercise"}))
def test_no_preset_but_the_exercise_has_a_warning(name: str):
    schedule = presets.load(name)
    found = problems.problems(schedule, layers.load(schedule.model.name))
    assert {problem.severity for problem in found} <= {"hint"}


def test_the_exercise_shows_its_rising_rates():
    assert "rising-lr" in {p.code for p in problems.problems(presets.load("exercise"))}


@pytest.mark.parametrize("name", presets.names())
def test_a_preset_is_stored_as_thaw_writes_it(name: str):
    assert presets.text(name) == parse.dumps(presets.load(name))


@pytest.mark.parametrize("name", presets.names())
def test_a_preset_has_its_models_default_groups(name: str):
    schedule = presets.load(name)
    stored = [(group.name, group.modules) for group in schedule.groups]
    table = layers.load(schedule.model.name)
    assert stored == [(group.name, group.modules) for group in table.groups]


@pytest.mark.parametrize("name", presets.names())
def test_every_preset_has_a_golden_file_and_a_golden_link(name: str):
    assert (GOLDEN / f"{name}.json").is_file()
    assert (GOLDEN / f"{name}.link").is_file()


@pytest.mark.parametrize("read", [presets.text, presets.load])
def test_an_unknown_preset_names_the_nearest(read):
    with pytest.raises(InputError) as caught:
        read("exercize")
    assert str(caught.value) == (
        "preset is 'exercize', which does not exist: did you mean 'exercise'?"
    )


def test_a_preset_is_no_path():
    with pytest.raises(InputError) as caught:
        presets.text("../spec")
    assert str(caught.value) == (
        "preset is '../spec', which does not exist: "
        "use one of discriminative, exercise, exercise-mended, gradual, head-only"
    )
