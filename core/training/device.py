"""The device of a run: which one, its name, its memory, and its random generators."""

from __future__ import annotations

import ctypes
import platform
import re
import subprocess
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path

import psutil
import torch

from core.errors import SettingsError
from core.runs import cpu, memory

if sys.platform != "win32":
    import resource

_GB = 1e9
_MAX_CHARACTERS = 60
_CPU_INFO = Path("/proc/cpuinfo")
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4
"""Options of glibc's mallopt(3), from malloc.h."""


def detect_device(wanted: str = "auto") -> torch.device:
    """Return the device to train on: `auto` is the accelerator if there is one, else the CPU.

    Raises SettingsError when `cuda` or `mps` is asked for and this machine has none.
    """
    if wanted == "cpu":
        return torch.device("cpu")
    device = accelerator()
    if wanted == "auto":
        return device or torch.device("cpu")
    if device is None or device.type != wanted:
        name = device_name(device or torch.device("cpu"))
        way_out = "use --device auto" if device is None else f"use --device {device.type}"
        raise SettingsError("--device", f"is {wanted!r}, but this machine has {name}", way_out)
    return device


def accelerator() -> torch.device | None:
    """Return the machine's accelerator (cuda, mps, …), or None."""
    if not torch.accelerator.is_available():
        return None
    return torch.accelerator.current_accelerator()


def device_count(device: torch.device) -> int:
    """Return how many devices of that type the machine has; a CPU is one."""
    return 1 if device.type == "cpu" else torch.accelerator.device_count()


def device_name(device: torch.device) -> str:
    """Return a device in words: `CPU, 2 cores, 25.1 GB` or `NVIDIA L4, 23.6 GB`, in 1e9 bytes."""
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        return f"{properties.name}, {properties.total_memory / _GB:.1f} GB"
    total = f"{psutil.virtual_memory().total / _GB:.1f} GB"
    if device.type == "cpu":
        cores = cpu.cores()
        return f"CPU, {cores} core{'s' if cores != 1 else ''}, {total}"
    return f"{device.type.upper()}, {total} shared"


@cache
def processor_name() -> str:
    """Return the name of the machine's processor, as in `AMD EPYC 7B12`; empty if it has none."""
    name = ""
    with suppress(OSError):  # no such file, or no such program
        if sys.platform == "linux":
            text = _CPU_INFO.read_text(encoding="utf-8", errors="replace")
            match = re.search(r"^model name\s*:(.*)$", text, flags=re.MULTILINE)
            name = match[1] if match else ""
        elif sys.platform == "darwin":
            command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
            name = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        else:
            name = platform.processor()
    return " ".join(re.sub(r"\((R|TM)\)", "", name, flags=re.IGNORECASE).split())[:_MAX_CHARACTERS]


def free_memory(device: torch.device) -> int:
    """Return the bytes that a run can still take on the device."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return memory.available()


def peak_memory(device: torch.device) -> int:
    """Return the most bytes held so far: by tensors on CUDA, by the process elsewhere."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest if sys.platform == "darwin" else largest * 1024


def keep_freed_memory() -> bool:
    """Tell glibc to keep what is freed, for the rest of the process; False where it is not glibc.

    glibc gives large freed blocks back to the system and takes them again at every training step,
    page by page: on a CPU that is a fifth to a quarter of the time. Afterwards no block is mapped
    on its own, the heap is never trimmed, and it grows by 256 MB. So what is large and is dropped
    while a run goes on takes its memory from `mmap_tensor` instead. No number changes.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    options = ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, 2**31 - 1), (_TOP_PAD, 2**28))
    return all(mallopt(option, value) == 1 for option, value in options)


def synchronize(device: torch.device) -> None:
    """Wait until an accelerator has done all that it was given."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


def random_state(device: torch.device) -> dict[str, torch.Tensor]:
    """Return the state of torch's generators: the CPU's, and the device's own if it has one."""
    state = {"cpu": torch.get_rng_state()}
    if device.type != "cpu":
        state[device.type] = torch.get_device_module(device).get_rng_state()
    return state


def set_random_state(state: dict[str, torch.Tensor], device: torch.device) -> None:
    """Put torch's generators back to where `random_state` was taken."""
    torch.set_rng_state(state["cpu"])
    if device.type in state and device.type != "cpu":
        torch.get_device_module(device).set_rng_state(state[device.type])
