from __future__ import annotations

import pytest
import torch

from core.training import train as training
from core.training.numerics import full_float32
from tests.training.small import run, small_schedule, small_settings

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
BACKENDS = torch.backends.cudnn.conv, torch.backends.cudnn.rnn, torch.backends.cuda.matmul


def precisions() -> list[str]:
    return [each.fp32_precision for each in BACKENDS]


@pytest.fixture
def rounded():
    """All of them round to TF32, as cuDNN's do unless told otherwise."""
    before = precisions()
    for each in BACKENDS:
        each.fp32_precision = "tf32"
    yield
    for each, precision in zip(BACKENDS, before, strict=True):
        each.fp32_precision = precision


def test_torch_rounds_convolutions_on_cuda_unless_told_otherwise():
    assert torch.backends.cudnn.conv.fp32_precision == "tf32"


@pytest.mark.usefixtures("rounded")
def test_float32_is_whole_on_cuda_and_what_was_chosen_is_back_afterwards():
    with full_float32(CUDA):
        assert precisions() == ["ieee"] * 3
    assert precisions() == ["tf32"] * 3
    with pytest.raises(ValueError, match="x"), full_float32(CUDA):
        raise ValueError("x")
    assert precisions() == ["tf32"] * 3
    with full_float32(CPU):
        assert precisions() == ["tf32"] * 3


@pytest.mark.usefixtures("rounded")
@pytest.mark.parametrize(("precision", "trained"), [("exact", "ieee"), ("fast", "tf32")])
def test_an_exact_run_drops_no_bits_of_float32_and_a_fast_one_is_held_against_that(
    tmp_path, monkeypatch, precision, trained
):
    seen: dict[str, str] = {}

    def as_on_cuda(_: torch.device):
        return full_float32(CUDA)

    def watched(name, act):
        def watch(*args, **options):
            seen[name] = precisions()[0]
            return act(*args, **options)

        return watch

    monkeypatch.setattr(training, "full_float32", as_on_cuda)
    monkeypatch.setattr(training.Loop, "_step", watched("step", training.Loop._step))
    monkeypatch.setattr(training, "whole_model", watched("reference", training.whole_model))
    run(tmp_path, small_schedule(1), small_settings(precision=precision))
    assert seen == {"step": trained} | ({"reference": "ieee"} if precision == "fast" else {})
    assert precisions() == ["tf32"] * 3


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_convolution_on_cuda_is_as_near_to_float64_as_float32_is():
    torch.manual_seed(0)
    convolution = torch.nn.Conv2d(64, 64, 3, device=CUDA).requires_grad_(False)
    images = torch.randn(8, 64, 32, 32, device=CUDA)
    with full_float32(CUDA):
        made = convolution(images).double()
    wanted = convolution.double()(images.double())
    assert float((made - wanted).abs().max() / wanted.abs().max()) < 1e-5
