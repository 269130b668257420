"""A run that was cut off and goes on: the bits of one that was not, whatever its settings."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from core.runs import events as ev
from tests.training.small import of_kind, same_bits
from tests.training.test_image_stream import happens, pictures

pytestmark = pytest.mark.thorough

COMBINATIONS = st.fixed_dictionaries(
    {
        "processes": st.sampled_from([1, 2]),
        "accumulate": st.sampled_from([1, 2, 3]),
        "clip_norm": st.sampled_from([None, 0.5]),
        "autocast": st.sampled_from(["off", "bf16", "fp16"]),
        "memory_format": st.sampled_from(["contiguous", "channels_last"]),
        "optimizer_step": st.sampled_from(["fused", "plain"]),
        "augment": st.sampled_from(["none", "flip", "crops", "random", "color"]),
        "decode": st.sampled_from(["ahead", "stream"]),
        "cache": st.sampled_from(["auto", "off"]),
    }
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pictures(tmp_path_factory.mktemp("data"), 40)


@given(combination=COMBINATIONS)
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_every_combination_of_settings_resumes_to_the_bit(
    tmp_path: Path, data: Path, combination: dict[str, Any]
) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"

    def one_epoch_is_kept() -> bool:
        return any((cut / "checkpoints").glob("epoch-*.pt"))

    chosen = combination | {"batch_size": 12}
    for folder in (whole, cut):
        shutil.rmtree(folder, ignore_errors=True)
    steps = of_kind(list(happens(whole, data, **chosen)), ev.Step)
    *_, last = happens(cut, data, one_epoch_is_kept, **chosen)
    assert isinstance(last, ev.Stopped)
    then = list(happens(cut, data, **chosen))
    (started,) = of_kind(then, ev.Started)
    assert started.resumed_at > 0
    assert of_kind(then, ev.Step) == [step for step in steps if step.epoch >= started.resumed_at]
    assert same_bits(*(load_file(folder / "weights") for folder in (whole, cut)))
