"""Arithmetic that gives the same bits every time, as far as the device can."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def all_of_float32(device: torch.device) -> Iterator[None]:
    """Multiplies float32 with all of its bits, on CUDA too: cuDNN would drop 13 of each factor.

    TF32, torch's default for convolutions there, keeps 10 of the fraction's 23 bits.
    """
    backends: Any = torch.backends  # its type stubs lack the attributes
    cuda = backends.cudnn.conv, backends.cudnn.rnn, backends.cuda.matmul
    which = cuda if device.type == "cuda" else ()
    before = [each.fp32_precision for each in which]
    for each in which:
        each.fp32_precision = "ieee"
    try:
        yield
    finally:
        for each, precision in zip(which, before, strict=True):
            each.fp32_precision = precision


@contextmanager
def exact(device: torch.device) -> Iterator[None]:
    """Deterministic algorithms while the run goes; on an accelerator only where it has them."""
    memory: Any = torch.utils.deterministic  # its type stubs lack the attribute
    before = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        memory.fill_uninitialized_memory,
    )
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS reads it on first use
    torch.use_deterministic_algorithms(True, warn_only=device.type != "cpu")
    memory.fill_uninitialized_memory = False  # costs time, hides nothing here
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        memory.fill_uninitialized_memory = before[2]
