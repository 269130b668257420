"""The arithmetic of training: the same bits every time, or with `--precision fast` less time.

`fast` gives other last bits: BatchNorm is folded into frozen convolutions, images are laid out
channels last, and autocast uses bfloat16 where the device has it in hardware. CUDA's convolutions
may round to TF32, which is torch's default.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from core.training.cache.forward_path import ForwardPath


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


def low_precision(device: torch.device) -> torch.dtype | None:
    """Return bfloat16 where the device has it in hardware, else None."""
    if device.type == "cuda":
        has_it = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        cpu: Any = torch.cpu
        has_it = device.type == "cpu" and (
            cpu._is_avx512_bf16_supported() or cpu._is_amx_tile_supported()
        )
    return torch.bfloat16 if has_it else None


def autocast(device: torch.device) -> torch.autocast:
    """Return autocast to the device's low precision; it does nothing where the device has none."""
    dtype = low_precision(device)
    return torch.autocast(device.type, dtype=dtype, enabled=dtype is not None)


def fast_path(path: ForwardPath, device: torch.device) -> ForwardPath:
    """Return the same path with images channels last, in low precision where there is one."""

    def source(entries: Tensor) -> tuple[Tensor, ...]:
        return tuple(map(_channels_last, path.source(entries)))

    def network(*inputs: Tensor) -> Any:
        with autocast(device):
            output = path.network(*inputs)
        # the output of a prefix is a tuple
        return output.float() if isinstance(output, Tensor) else output

    return ForwardPath(source, network, path.prefetch)


def fold_batchnorm(part: fx.GraphModule) -> fx.GraphModule:
    """Return a frozen part with BatchNorm folded into copies of its convolutions."""
    folded: dict[str, nn.Module] = {}
    graph = fx.Graph()
    copies: dict[fx.Node, Any] = {}
    for node in part.graph.nodes:
        norm = part.get_submodule(node.target) if node.op == "call_module" else None
        before = _convolution_before(node, part)
        if type(norm) is nn.BatchNorm2d and not norm.training and before is not None:
            path = str(before.target)
            convolution: Any = copy.deepcopy(part.get_submodule(path)).eval()
            folded[path] = fuse_conv_bn_eval(convolution, copy.deepcopy(norm))
            copies[node] = copies[before]
        else:
            copies[node] = graph.node_copy(node, copies.__getitem__)
    folded_part = fx.GraphModule(part, graph)
    for path, convolution in folded.items():
        folded_part.set_submodule(path, convolution)
    return folded_part


def precision_error(fast: Tensor, exact: Tensor) -> float:
    """Return the largest |fast - exact| over the largest |exact|, in float64."""
    # moved first, since no Apple GPU has float64
    one, other = fast.cpu().double(), exact.cpu().double()
    return float((one - other).abs().max() / other.abs().max())


def _convolution_before(node: fx.Node, part: fx.GraphModule) -> fx.Node | None:
    """Return the Conv2d whose output only this node reads.

    None if there is none, or if its module is called more than once.
    """
    before = node.args[0] if node.args else None
    if not isinstance(before, fx.Node) or before.op != "call_module" or len(before.users) != 1:
        return None
    calls = sum(other.target == before.target for other in part.graph.nodes)
    is_convolution = type(part.get_submodule(str(before.target))) is nn.Conv2d
    return before if is_convolution and calls == 1 else None


def _channels_last(tensor: Tensor) -> Tensor:
    return tensor.contiguous(memory_format=torch.channels_last) if tensor.dim() == 4 else tensor
