"""Which device a run uses, and how it is called."""

from __future__ import annotations

import os
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
from core.runs import memory

if sys.platform != "win32":
    import resource

_GB = 1e9
_LONGEST_NAME = 60


def detect(wanted: str = "auto") -> torch.device:
    """Return the device to train on: `auto` is the accelerator if there is one, else the CPU.

    Raises SettingsError when `cuda` or `mps` is asked for and this machine has none.
    """
    if wanted == "cpu":
        return torch.device("cpu")
    found = accelerator()
    if wanted == "auto":
        return found or torch.device("cpu")
    if found is None or found.type != wanted:
        here = describe(found or torch.device("cpu"))
        way_out = "use --device auto" if found is None else f"use --device {found.type}"
        raise SettingsError("--device", f"is {wanted!r}, but this machine has {here}", way_out)
    return found


def accelerator() -> torch.device | None:
    """Return the machine's accelerator (cuda, mps, …), or None."""
    if not torch.accelerator.is_available():
        return None
    return torch.accelerator.current_accelerator()


def describe(device: torch.device) -> str:
    """Return words for a device: `CPU, 2 cores, 25.1 GB` or `NVIDIA L4, 23.6 GB`, in 1e9 bytes."""
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        return f"{properties.name}, {properties.total_memory / _GB:.1f} GB"
    total = f"{psutil.virtual_memory().total / _GB:.1f} GB"
    if device.type == "cpu":
        cores = cpu_cores()
        return f"CPU, {cores} core{'s' if cores != 1 else ''}, {total}"
    return f"{device.type.upper()}, {total} shared"


def cpu_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Return the name of the machine's processor, as in `AMD EPYC 7B12`; empty if it has none."""
    name = ""
    with suppress(OSError):  # no such file, or no such program
        if sys.platform == "linux":
            text = cpuinfo.read_text(encoding="utf-8", errors="replace")
            match = re.search(r"^model name\s*:(.*)$", text, flags=re.MULTILINE)
            name = match[1] if match else ""
        elif sys.platform == "darwin":
            command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
            name = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        else:
            name = platform.processor()
    return " ".join(re.sub(r"\((R|TM)\)", "", name, flags=re.IGNORECASE).split())[:_LONGEST_NAME]


def free_memory(device: torch.device) -> int:
    """Return bytes that a run can still take on the device."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return memory.free()


def peak_memory(device: torch.device) -> int:
    """Return the most bytes held so far: by tensors on CUDA, by the process elsewhere."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest if sys.platform == "darwin" else largest * 1024


def synchronise(device: torch.device) -> None:
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
