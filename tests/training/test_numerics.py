from __future__ import annotations

import pytest
import torch
from torch import nn

from core.errors import SettingsError
from core.runs import events as ev
from core.training import numerics
from core.training.cache import graph as frozen
from core.training.cache.tracing import trace
from tests.sample import thorough
from tests.training.small import of_kind, run, small_schedule, small_settings


def convolutions() -> nn.Module:
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 2, 1)
    )
    net[1].running_mean.normal_()
    net[1].running_var.uniform_(0.5, 2.0)
    return net.eval()


def test_folding_takes_the_batch_norm_away_and_keeps_what_the_part_computes():
    net = convolutions()
    x = torch.randn(2, 3, 8, 8)
    graph = trace(net, x)
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    part = frozen.prefix(net, graph, (3,))
    folded = numerics.fold_batchnorm(part)
    assert len(list(folded.graph.nodes)) == len(list(part.graph.nodes)) - 1
    (one,), (other,) = part(x), folded(x)
    assert torch.allclose(one, other, atol=1e-5)
    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())


def test_folding_keeps_parameters_that_stand_by_themselves():
    class Biased(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bias = nn.Parameter(torch.randn(2, 1, 1))
            self.body = convolutions()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu(self.body(x) + self.bias)

    net = Biased().eval()
    x = torch.randn(2, 3, 8, 8)
    part = frozen.prefix(net, trace(net, x), (6,))  # the addition
    (one,), (other,) = part(x), numerics.fold_batchnorm(part)(x)
    assert torch.allclose(one, other, atol=1e-5)


def test_a_batch_norm_that_moves_is_not_folded():
    net = convolutions().train()
    part = frozen.prefix(net, trace(net, torch.randn(2, 3, 8, 8)), (3,))
    assert len(list(numerics.fold_batchnorm(part).graph.nodes)) == len(list(part.graph.nodes))


def test_the_error_is_relative_to_the_largest_logit():
    exact = torch.tensor([[1.0, -4.0]])
    assert numerics.precision_error(torch.tensor([[1.0, -3.0]]), exact) == 0.25


class OnADeviceWithoutFloat64(torch.Tensor):
    """Of Apple's GPUs no more than this: what becomes float64 there is refused as MPS refuses it.

    `cpu()` gives a plain tensor, to which anything may be done.
    """

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        made = super().__torch_function__(func, types, args, kwargs or {})
        if func is torch.Tensor.cpu:
            return made.as_subclass(torch.Tensor)
        if isinstance(made, torch.Tensor) and made.dtype == torch.float64:
            raise TypeError("Cannot convert a MPS Tensor to float64 dtype")
        return made


def test_the_error_can_be_told_on_a_device_that_has_no_float64():
    exact, fast = torch.tensor([[1.0, -4.0]]), torch.tensor([[1.0, -3.0]])
    there = [each.as_subclass(OnADeviceWithoutFloat64) for each in (fast, exact)]
    with pytest.raises(TypeError, match="float64"):
        there[0].double()
    assert numerics.precision_error(*there) == numerics.precision_error(fast, exact)


CPU, META = torch.device("cpu"), torch.device("meta")


@pytest.fixture(params=[False, True], ids=["in software", "in hardware"])
def bfloat16(request, monkeypatch) -> bool:
    """Whether this processor has bfloat16, as it seems to the test."""
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: request.param)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_amx_fp16_supported", lambda: False)
    return request.param


def test_fast_precision_says_what_it_uses_and_a_type_for_autocast_goes_before(bfloat16):
    def chosen(**values):
        arithmetic = numerics.arithmetic_of(small_settings(**values), CPU)
        return arithmetic.dtype, arithmetic.channels_last, " and ".join(arithmetic.notices())

    dtype, channels_last, notice = chosen(precision="fast")
    assert (dtype, channels_last) == (torch.bfloat16 if bfloat16 else None, bfloat16)
    assert notice.startswith("fast precision: ")
    assert ("no bfloat16" in notice) != bfloat16
    dtype, channels_last, notice = chosen(precision="fast", autocast="fp16")
    assert (dtype, channels_last) == (torch.float16, False)
    assert notice.startswith("fast precision: float16, folded BatchNorm")
    assert "software" in notice
    assert chosen() == (None, False, "")
    assert chosen(memory_format="channels_last") == (None, True, "")
    dtype, channels_last, notice = chosen(autocast="bf16")
    assert (dtype, channels_last) == (torch.bfloat16, False)
    assert ("software" in notice) != bfloat16


def test_a_type_that_the_device_cannot_autocast_to_is_refused_with_the_others(monkeypatch):
    with pytest.raises(SettingsError, match=r"^--autocast is bf16, but .* on meta: use off$"):
        numerics.arithmetic_of(small_settings(autocast="bf16"), META)
    monkeypatch.setattr(numerics, "_can_autocast", lambda _, dtype: dtype == torch.float16)
    with pytest.raises(SettingsError, match=r"^--autocast is bf16, .*: use fp16 or off$"):
        numerics.arithmetic_of(small_settings(autocast="bf16"), CPU)


@pytest.mark.parametrize("cache", ["auto", *thorough("off")])
def test_a_fast_run_says_how_far_it_is_from_exact(tmp_path, cache):
    settings = small_settings(samples=64, precision="fast", cache=cache)
    events = run(tmp_path, small_schedule(6), settings)
    (audit,) = of_kind(events, ev.Audit)
    assert audit.precision_error is not None
    has_bfloat16 = numerics.in_hardware(CPU, torch.bfloat16)
    assert 0.0 <= audit.precision_error < (0.25 if has_bfloat16 else 1e-3)  # 8 bits, or 24
    assert audit.frozen_groups_unchanged
    assert of_kind(events, ev.Notice)[0].message.startswith("fast precision: ")
    assert of_kind(events, ev.CacheDecision)[0].on == (cache == "auto")


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        ({"precision": "fast"}, True),
        *thorough(
            ({"precision": "fast", "cache": "off"}, False),  # then nothing is chosen by its time
            ({"precision": "exact"}, False),
        ),
    ],
    ids=["fast", "fast without a cache", "exact"],
)
def test_a_fast_run_that_is_resumed_says_that_its_last_bits_may_differ(tmp_path, chosen, told):
    def one_epoch_is_kept() -> bool:
        return any((tmp_path / "checkpoints").glob("epoch-*.pt"))

    settings = small_settings(**chosen)
    first = run(tmp_path, settings=settings, should_stop=one_epoch_is_kept)
    assert isinstance(first[-1], ev.Stopped)
    resumed = run(tmp_path, settings=settings)
    assert isinstance(resumed[-1], ev.Finished)
    for events, expected in ((first, False), (resumed, told)):
        notices = [notice.message for notice in of_kind(events, ev.Notice)]
        assert any("the last bits may differ" in message for message in notices) == expected


def test_an_exact_run_has_no_error_of_precision(tmp_path):
    (audit,) = of_kind(run(tmp_path, small_schedule(1)), ev.Audit)
    assert audit.precision_error is None
