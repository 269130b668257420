from __future__ import annotations

import time

import pytest
import torch
from torch import nn

from core.training.cache import profile
from core.training.cache.forward_path import ForwardPath
from core.training.cache.tracing import trace

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


def measured(net: nn.Module) -> list[float]:
    images = torch.randn(8, 3, 16, 16)
    path = ForwardPath(lambda entries: (images[entries],), net)
    costs = profile.profile_nodes(net, trace(net, images), path, torch.arange(8))
    return list(costs.seconds)


@pytest.fixture
def net() -> nn.Module:
    layers = [nn.Conv2d(3, 3, 1).requires_grad_(False) for _ in range(10)]
    return nn.Sequential(*layers, nn.Conv2d(3, 64, 9, padding=4).requires_grad_(False))


def test_what_it_takes_to_wait_for_an_accelerator_is_in_no_node(net, monkeypatch):
    plain = 8 * sum(measured(net))
    wait = 0.01

    def synchronize(_: torch.device) -> None:
        time.sleep(wait)

    monkeypatch.setattr(profile, "synchronize", synchronize)
    assert 8 * sum(measured(net)) > 11 * wait  # where each node is waited for
    monkeypatch.setattr(profile, "_only_queues", lambda _: True)
    assert 8 * sum(measured(net)) < 3 * wait + 5 * plain


def test_an_accelerator_is_timed_on_a_whole_batch_and_a_cpu_on_a_few_images():
    assert profile.timed_images(CPU, 256) == profile.timed_images(CPU, 4) == 8
    assert profile.timed_images(CUDA, 256) == 256
