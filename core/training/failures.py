"""Errors of torch and the system that end a run, turned into RunErrors that say what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from core.errors import RunError
from core.runs.settings import RunSettings

_NO_MEMORY = ("can't allocate memory", "CUBLAS_STATUS_ALLOC_FAILED", "MPS backend out of memory")
_DEVICE_GONE = ("CUDA error", "CUBLAS_STATUS", "CUDNN_STATUS", "HIP error", "XPU error")

_TYPES_OF_16_BITS = ("Half", "BFloat16")
"""What torch calls them where an operation does not take them."""


@contextmanager
def training_errors_as_run_error(
    settings: RunSettings, device: torch.device, where: Callable[[], str]
) -> Iterator[None]:
    """Turn errors of memory, tiny batches, 16 bits, the device and the disk into a RunError.

    `where` returns how far the run has come, as in `in epoch 3`.
    """
    try:
        yield
    except OSError as error:
        file = f" ({error.filename})" if error.filename else ""
        wrong = f"a system error occurred {where()}: {error.strerror or error}{file}"
        raise RunError(f"{wrong}; fix that, then resume the run") from error
    except (MemoryError, RuntimeError, ValueError) as error:
        message = str(error)
        if is_out_of_memory(error):
            raise _out_of_memory(settings, device, where()) from error
        if "more than 1 value per channel" in message:
            raise RunError(
                f"--batch-size is {settings.batch_size}, too small for a BatchNorm that trains: "
                "use 2 or more, or a larger --image-size"
            ) from error
        if settings.autocast != "off" and any(name in message for name in _TYPES_OF_16_BITS):
            wrong = f"--autocast is {settings.autocast}, which the model cannot be run in"
            reason = message.partition("\n")[0]
            raise RunError(f"{wrong} ({reason}): use --autocast off") from error
        if "finished reduction in the prior iteration" in message:
            raise RunError(
                "the model trains parameters that its forward pass does not use, which several "
                "processes cannot do: freeze their group, or use one process"
            ) from error
        if device.type != "cpu" and any(words in message for words in _DEVICE_GONE):
            raise _device_gone(device, message, where()) from error
        raise


def is_out_of_memory(error: Exception) -> bool:
    """Return whether Python, torch or a device's library raised the error for lack of memory."""
    by_type = isinstance(error, (torch.OutOfMemoryError, MemoryError))
    return by_type or any(words in str(error) for words in _NO_MEMORY)


def _out_of_memory(settings: RunSettings, device: torch.device, where: str) -> RunError:
    whose = "" if device.type == "cpu" else f" of {device.type}"
    ways_out = "or thaw fewer groups"
    if settings.cache != "off":
        less = "(a smaller --cache-memory, or --cache off)"
        ways_out = f"thaw fewer groups, or give the frozen-part cache less {less}"
    return RunError(
        f"the memory{whose} ran out {where} with --batch-size {settings.batch_size} and "
        f"--image-size {settings.image_size}: halve one of them, {ways_out}"
    )


def _device_gone(device: torch.device, message: str, where: str) -> RunError:
    reason = message.partition("\n")[0].rstrip(".")
    return RunError(
        f"the device {device.type} failed {where} ({reason}): resume the run from its newest "
        "checkpoint; if the device does not come back, start a new run with --device cpu"
    )
