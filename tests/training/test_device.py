from __future__ import annotations

import re
import sys

import pytest
import torch

from core.errors import SettingsError
from core.runs import cpu, memory
from core.training import device
from core.training.device import detect_device, device_name, free_memory, peak_memory

CPU = torch.device("cpu")


def test_auto_is_the_accelerator_if_there_is_one():
    expected = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else CPU
    assert detect_device("auto") == expected


def test_the_cpu_can_always_be_asked_for():
    assert detect_device("cpu") == CPU


@pytest.mark.skipif(torch.accelerator.is_available(), reason="this machine has an accelerator")
@pytest.mark.parametrize("wanted", ["cuda", "mps"])
def test_an_absent_accelerator_is_refused_with_what_there_is(wanted):
    with pytest.raises(SettingsError) as caught:
        detect_device(wanted)
    told = f"--device is '{wanted}', but this machine has {device_name(CPU)}: use --device auto"
    assert str(caught.value) == told


def test_the_cpu_is_described_by_its_cores_and_memory():
    assert re.fullmatch(r"CPU, \d+ cores?, \d+\.\d GB", device_name(CPU))
    assert device_name(CPU).startswith(f"CPU, {cpu.cores()} core")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such file")
@pytest.mark.parametrize(
    ("told", "name"),
    [
        (
            "processor\t: 0\nmodel name\t: Intel(R) Xeon(R) CPU @ 2.20GHz\n",
            "Intel Xeon CPU @ 2.20GHz",
        ),
        ("model name\t: AMD EPYC 7B12\nmodel name\t: another\n", "AMD EPYC 7B12"),
        (f"model name\t: {'x' * 100}\n", "x" * 60),
        ("processor\t: 0\nCPU part\t: 0xd0c\n", ""),
        ("", ""),
    ],
)
def test_the_processor_has_its_model_name_if_the_system_knows_one(
    tmp_path, monkeypatch, told, name
):
    (tmp_path / "cpuinfo").write_text(told)
    monkeypatch.setattr(device, "_CPU_INFO", tmp_path / "cpuinfo")
    assert device.processor_name.__wrapped__() == name


def test_a_processor_without_any_word_of_it_has_no_name(tmp_path, monkeypatch):
    assert len(device.processor_name()) <= 60
    monkeypatch.setattr(device, "_CPU_INFO", tmp_path / "none")
    if sys.platform == "linux":
        assert device.processor_name.__wrapped__() == ""


def test_memory_is_counted_in_bytes():
    assert 2**27 < peak_memory(CPU) < 2**40
    assert 2**20 < free_memory(CPU) < 2**45


def test_a_containers_limit_bounds_the_memory_that_is_free(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 123)
    assert free_memory(CPU) == 123


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_an_accelerator_is_described_by_its_name_and_memory():
    assert re.fullmatch(r".+, \d+\.\d GB", device_name(torch.device("cuda")))
