from __future__ import annotations

import re

import pytest

from core.errors import SettingsError
from core.runs.settings import (
    RunSettings,
    make_settings,
    planned_steps,
    read_run_settings,
    read_settings,
)


def test_settings_come_back_from_their_json():
    settings = RunSettings(samples=5, seed=7, data="a folder")
    assert read_settings(settings.model_dump_json()) == settings


def test_a_run_from_before_there_were_fused_steps_stays_plain():
    assert read_run_settings('{"seed": 7}') == RunSettings(seed=7, optimizer_step="plain")


@pytest.mark.parametrize(
    ("field", "value", "flag"),
    [
        ("samples", 0, "--samples"),
        ("validation_samples", -1, "--validation-samples"),
        ("image_size", 15, "--image-size"),
        ("image_size", 5000, "--image-size"),
        ("batch_size", 0, "--batch-size"),
        ("device", "gpu", "--device"),
        ("seed", -1, "--seed"),
        ("seed", 2**31, "--seed"),
        ("cache", "on", "--cache"),
        ("data", "", "--data"),
        ("samples", 1.5, "--samples"),
        ("clip_norm", -1.0, "--clip-norm"),
        ("autocast", "fp32", "--autocast"),
        ("memory_format", "channels-first", "--memory-format"),
        ("colour", 1, "settings.json"),
        ("workers", 65, "--workers"),
    ],
)
def test_a_setting_out_of_range_is_refused_by_its_flag(field, value, flag):
    with pytest.raises(SettingsError) as caught:
        make_settings(**{field: value})
    assert caught.value.field == flag


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"image_size": 3}, "--image-size is 3: it must be at least 16"),
        ({"samples": 10**8}, "--samples is 100000000: it must be at most 10000000"),
        ({"seed": 0.5}, "--seed is 0.5: write a whole number"),
        ({"clip_norm": 0.0}, "--clip-norm is 0.0: it must be greater than 0"),
        ({"device": "gpu"}, "--device is 'gpu': use one of auto, cpu, cuda, mps"),
        ({"cache": "of"}, "--cache is 'of': did you mean 'off'?"),
        (
            {"workers": 2},
            "--workers is 2, but --decode is ahead: use --workers 0 or --decode stream",
        ),
        (
            {"data": "caf\udce9"},
            r"--data is 'caf\udce9', which is not UTF-8: rename it",
        ),
        (
            {"seeds": 1},
            "settings.json has seeds, which is no run setting: remove it; did you mean 'seed'?",
        ),
    ],
)
def test_a_refused_setting_is_told_as_a_refused_field_of_a_schedule_is(values, says):
    with pytest.raises(SettingsError) as caught:
        make_settings(**values)
    assert str(caught.value) == says


def test_every_setting_out_of_range_is_told():
    with pytest.raises(SettingsError) as caught:
        make_settings(samples="many", seed=-1, cache="on")
    assert [problem.field for problem in caught.value.problems] == [
        "--samples",
        "--seed",
        "--cache",
    ]
    assert str(caught.value) == str(caught.value.problems[0])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", r"settings\.json is not JSON \(EOF .* column 0\): fix it there"),
        ("{", r"settings\.json is not JSON \(EOF .* column 1\): fix it there"),
        ("[]", r"settings\.json is \[\]: write an object in \{ \}"),
        ('{"samples": NaN}', "--samples is NaN: write a whole number"),
        ('{"batch-size": 3}', r"settings\.json has \['batch-size'\], which is no run setting: .*"),
    ],
)
def test_what_is_no_settings_json_is_refused(text, says):
    with pytest.raises(SettingsError) as caught:
        read_settings(text)
    assert re.fullmatch(says, str(caught.value))


def test_the_steps_that_are_planned_stop_at_what_the_bundled_data_has():
    assert planned_steps(RunSettings(samples=1_000)) == 32
    assert planned_steps(RunSettings(samples=5_000)) == 63
    assert planned_steps(RunSettings(samples=5_000, data="a folder")) == 157
