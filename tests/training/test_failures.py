from __future__ import annotations

import errno
import json
import os

import pytest
import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook

from core.errors import RunError
from core.schedule.optimizers import SGD
from core.schedule.spec import ModelRef
from core.training import weights
from core.training.failures import training_errors_as_run_error
from core.training.job import Job
from core.training.output_files import OutputFiles
from core.training.train import train
from tests.training.small import small_schedule, small_settings

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
NO_CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
DEVICES = ["cpu", pytest.param("cuda", marks=NO_CUDA)]
HALVE = "ran out in epoch 3 with --batch-size 16 and --image-size 32: halve one of them, "
LESS = "thaw fewer groups, or give the frozen-part cache less"
RAN_OUT = f"{HALVE}{LESS} (a smaller --cache-memory, or --cache off)"
WITHOUT_CACHE = f"{HALVE}or thaw fewer groups"


def told(device, action, **settings):
    with (
        pytest.raises(RunError) as caught,
        training_errors_as_run_error(small_settings(**settings), device, lambda: "in epoch 3"),
    ):
        action()
    return str(caught.value)


def fail(error):
    def action():
        raise error

    return action


def test_memory_that_ran_out_is_told_with_where_and_what_to_halve():
    assert told(CPU, lambda: torch.empty(1 << 60)) == f"the memory {RAN_OUT}"
    assert told(CPU, fail(MemoryError())) == f"the memory {RAN_OUT}"
    assert told(CPU, fail(MemoryError()), cache="off") == f"the memory {WITHOUT_CACHE}"
    for error in (
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling"),
    ):
        assert told(CUDA, fail(error)) == f"the memory of cuda {RAN_OUT}"


@pytest.mark.parametrize(
    "said",
    ["CUDA error: unspecified launch failure\nCompile with", "CUDNN_STATUS_EXECUTION_FAILED"],
)
def test_a_device_that_goes_away_is_told_with_the_way_on(said):
    message = told(CUDA, fail(RuntimeError(said)))
    reason = said.partition("\n")[0]
    assert message.startswith(f"the device cuda failed in epoch 3 ({reason}): resume the run from ")
    assert message.endswith("start a new run with --device cpu")


def test_an_error_of_another_kind_is_left_as_it_is():
    for error in (ValueError("x"), RuntimeError("CUDA error: on a CPU")):
        with (
            pytest.raises(type(error)) as caught,
            training_errors_as_run_error(small_settings(), CPU, str),
        ):
            raise error
        assert caught.value is error


EXPLOSIVE = SGD(name="sgd", base_lr=1000.0, weight_decay=1e9, momentum=0.0)


def explode(folder, device="cpu", nan_report=None):
    schedule = small_schedule(4).model_copy(update={"optimizer": EXPLOSIVE})
    events = []
    settings = small_settings(device=device)
    happens = train(
        Job(schedule, settings, folder / "c", outputs=OutputFiles(nan_report=nan_report))
    )
    with pytest.raises(RunError) as caught:
        events.extend(happens)
    return str(caught.value), [e for e in events if e.event == "step"]


@pytest.mark.parametrize("device", DEVICES)
def test_a_loss_that_is_not_finite_stops_the_run_at_its_step_and_leaves_its_batch(tmp_path, device):
    taken = []
    hook = register_optimizer_step_pre_hook(lambda *_: taken.append(1))
    try:
        message, steps = explode(tmp_path, device, nan_report=tmp_path / "evidence.json")
    finally:
        hook.remove()
    kept = json.loads((tmp_path / "evidence.json").read_text())
    assert message.startswith(kept["what"])
    assert "; the batch and the affected groups are in evidence.json: lower " in message
    assert kept["step"] == len(steps) == len(taken) - 1
    assert f"in epoch {kept['epoch']}, step {kept['step']} " in message
    assert kept["split"] == "train"
    assert len(kept["images"]) == len(set(kept["images"])) in (8, 16)
    assert all(name.isdecimal() for name in kept["images"])
    assert kept["rates"]["head"] > 0
    assert "head" in kept["not_finite"]
    assert "stem" not in kept["not_finite"]


def test_evidence_that_cannot_be_kept_hides_no_failure(tmp_path):
    message, _ = explode(tmp_path, nan_report=tmp_path / "none" / "evidence.json")
    assert message.startswith("the loss is ")
    assert "; its batch could not be saved (No such file or directory): lower " in message


REF = ModelRef(name="torchvision/resnet18", weights="IMAGENET1K_V1")


def test_weights_that_cannot_be_downloaded_are_told_with_what_works_offline(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # nothing listens there
    with pytest.raises(RunError) as caught:
        weights.load_torchvision(torch.nn.Identity(), REF)
    assert str(caught.value).startswith(
        "model.weights is 'IMAGENET1K_V1' of torchvision/resnet18, which could not be downloaded ("
    )
    assert "timm/tf_efficientnet_lite0" in str(caught.value)


def test_weights_that_the_disk_does_not_take_are_told_with_where_to_make_room():
    with pytest.raises(RunError) as caught, weights.as_download_error(REF):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/cache/resnet18.pth")
    assert str(caught.value) == (
        "model.weights is 'IMAGENET1K_V1' of torchvision/resnet18, which could not be saved "
        "(No space left on device): free some space or grant write permission in "
        "/cache/resnet18.pth, or set HF_HOME or TORCH_HOME to another folder"
    )
