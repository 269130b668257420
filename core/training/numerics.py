"""The arithmetic of training: types, memory format, and what `--precision fast` does to them."""

from __future__ import annotations

import copy
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from core.errors import SettingsError
from core.runs.settings import RunSettings

_TYPES: Mapping[str, torch.dtype] = {"bf16": torch.bfloat16, "fp16": torch.float16}
"""The types that autocast may compute in, by the names that `RunSettings.autocast` has for them."""


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """The arithmetic of a run on its device, the same in all of its forward passes.

    `dtype` is the type that autocast computes in; None: it is off. With `channels_last` images and
    weights have that memory format. `is_fast` folds BatchNorm into frozen convolutions, lets CUDA
    round to TF32, as torch does by default, and does not compare stored rows bit for bit.
    """

    device: torch.device
    dtype: torch.dtype | None = None
    channels_last: bool = False
    is_fast: bool = False

    @property
    def is_reduced(self) -> bool:
        """Whether the logits are not those of full float32; the audit then says by how much."""
        return self.is_fast or self.dtype is not None

    def applied_to(self, network: nn.Module) -> nn.Module:
        """Return the network, or a module around it that autocasts and returns float32 logits."""
        return network if self.dtype is None else _Autocast(network, self)

    def autocast(self, *, keeps_weights: bool = True) -> AbstractContextManager[None]:
        """Return a context in which operations compute in `dtype`.

        With `keeps_weights` a trained weight that is used twice is cast once, as torch does by
        default; a trace would then not see the second use.
        """
        if self.dtype is None:
            return nullcontext()
        return torch.autocast(self.device.type, dtype=self.dtype, cache_enabled=keeps_weights)

    def notices(self) -> Iterator[str]:
        """Yield what fast precision uses on the device, and what is computed in software there."""
        if self.is_fast:
            uses = [] if self.dtype is None else [_name(self.dtype)]
            if self.channels_last:
                uses.append("channels last")
            uses.append("folded BatchNorm")
            if self.dtype is None:
                uses.append("no bfloat16, which this device does not have in hardware")
            # GPUs have TF32 since they have bfloat16
            if self.device.type == "cuda" and in_hardware(self.device, torch.bfloat16):
                uses.append("TF32")
            yield f"fast precision: {', '.join(uses)}"
        if self.dtype is not None and not in_hardware(self.device, self.dtype):
            name = _name(self.dtype)
            yield f"this device may compute {name} in software, which can take ten times as long"


class _Autocast(nn.Module):
    """A network, or a part of one, that computes in a run's arithmetic.

    Logits are returned as float32; the tuple of tensors that a part outputs is not changed.
    """

    def __init__(self, network: nn.Module, arithmetic: Arithmetic) -> None:
        super().__init__()
        self.network = network
        self._arithmetic = arithmetic

    def forward(self, *inputs: Tensor) -> Any:
        with self._arithmetic.autocast():
            output = self.network(*inputs)
        return output.float() if isinstance(output, Tensor) else output


def arithmetic_of(settings: RunSettings, device: torch.device) -> Arithmetic:
    """Return the arithmetic that the settings ask for.

    `--precision fast` stands for bfloat16 where the device has it in hardware, unless `--autocast`
    names a type, and with such a type for `channels_last`, which slows float32 on a CPU down.
    Raises SettingsError for a type that torch cannot autocast to on the device.
    """
    is_fast = settings.precision == "fast"
    dtype = _TYPES.get(settings.autocast)
    if dtype is not None and not _can_autocast(device, dtype):
        wrong = f"is {settings.autocast}, but torch has no {_name(dtype)} on {device.type}"
        others = [name for name, other in _TYPES.items() if _can_autocast(device, other)]
        raise SettingsError("--autocast", wrong, f"use {' or '.join([*others, 'off'])}")
    if is_fast and dtype is None and in_hardware(device, torch.bfloat16):
        dtype = torch.bfloat16
    reduces = is_fast and dtype is not None and in_hardware(device, dtype)
    channels_last = reduces or settings.memory_format == "channels_last"
    return Arithmetic(device, dtype, channels_last, is_fast)


def in_hardware(device: torch.device, dtype: torch.dtype) -> bool:
    """Return whether torch has instructions of the device for float16 or bfloat16."""
    if device.type == "cpu":
        cpu: Any = torch.cpu
        if dtype == torch.float16:
            return bool(cpu._is_amx_fp16_supported())
        return bool(cpu._is_avx512_bf16_supported() or cpu._is_amx_tile_supported())
    on_cuda = device.type == "cuda"
    return dtype == torch.float16 or (
        on_cuda and torch.cuda.is_bf16_supported(including_emulation=False)
    )


def _can_autocast(device: torch.device, dtype: torch.dtype) -> bool:
    """Return whether torch autocasts a product of matrices to that type on the device."""
    try:
        one = torch.ones(1, 1, device=device)
        with warnings.catch_warnings(action="ignore"), torch.autocast(device.type, dtype=dtype):
            return (one @ one).dtype == dtype
    except (RuntimeError, TypeError):
        return False


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


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
