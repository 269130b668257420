"""Arithmetic that gives the same bits every time, as far as the device can do that."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def full_float32(device: torch.device) -> Iterator[None]:
    """Multiply float32 numbers with all of their bits, on CUDA too.

    TF32, torch's default for convolutions there, keeps 10 of the fraction's 23 bits.
    """
    backends: Any = torch.backends  # its type stubs lack the attributes
    on_cuda = backends.cudnn.conv, backends.cudnn.rnn, backends.cuda.matmul
    operations = on_cuda if device.type == "cuda" else ()
    before = [operation.fp32_precision for operation in operations]
    for operation in operations:
        operation.fp32_precision = "ieee"
    try:
        yield
    finally:
        for operation, precision in zip(operations, before, strict=True):
            operation.fp32_precision = precision


@contextmanager
def deterministic(device: torch.device) -> Iterator[None]:
    """Use deterministic algorithms; on an accelerator only where it has them."""
    memory: Any = torch.utils.deterministic  # its type stubs lack the attribute
    before = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        memory.fill_uninitialized_memory,
    )
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS reads it on first use
    torch.use_deterministic_algorithms(True, warn_only=device.type != "cpu")
    memory.fill_uninitialized_memory = False  # it costs time, and nothing here reads such memory
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        memory.fill_uninitialized_memory = before[2]
