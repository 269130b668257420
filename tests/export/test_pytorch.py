from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch.optim.optimizer import Optimizer, register_optimizer_step_pre_hook

from core import presets
from core.data.image_folder import SUFFIXES
from core.errors import ExportError
from core.export import pytorch, targets
from core.models import layer_table
from core.presets.apply import apply
from core.runs.processes import torchrun
from core.runs.settings import RunSettings
from core.schedule.parse import from_raw, to_raw
from core.schedule.spec import ModelRef, Schedule
from core.training.job import Job
from core.training.models import Network, pretrained
from core.training.output_files import OutputFiles
from core.training.train import train
from tests.export.made import assert_table_is_the_plan, run_code, source
from tests.export.thrice import SCHEDULES, Adapted, Seen, assert_as_planned
from tests.sample import sampled
from tests.schedule.strategies import real_schedules
from tests.training import torchvision_files
from tests.training.small import same_bits, weights

SIZE, BATCH = 32, 8
_MAX_EPOCHS = 8
"""Epochs, in which every group of the exercise thaws."""
BIRDS, BOATS = 12, 8
"""Images of the two classes: 10 + 7 of them train, in a batch of 8 and one of 9."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of photos as they come: in colour, turned, with alpha, grey of 16 bits."""
    folder = tmp_path_factory.mktemp("data")
    random = np.random.default_rng(5)
    turned = Image.Exif()
    turned[0x0112] = 6
    for name, count in (("birds 'n' <bees>", BIRDS), ("boats", BOATS)):
        (folder / name).mkdir()
        for at in range(count):
            pixels = random.integers(0, 256, (40 + at, 50, 3), dtype=np.uint8)
            file = folder / name / f"{at:02}"
            if at == 1:
                grey = random.integers(0, 65536, (40, 50), dtype=np.uint16)
                Image.fromarray(grey).save(file.with_suffix(".png"))
            elif at == 2:
                Image.fromarray(pixels).convert("RGBA").save(file.with_suffix(".PNG"))
            else:
                Image.fromarray(pixels).save(file.with_suffix(".jpg"), exif=turned)
    return folder


def untrained(schedule: Schedule) -> Schedule:
    """The same schedule from random weights, which need no download."""
    return schedule.model_copy(
        update={"model": schedule.model.model_copy(update={"weights": None})}
    )


def script(schedule: Schedule) -> str:
    made = pytorch.export(source(schedule, layer_table.load(schedule.model.name)))
    assert made.limitations == ()
    assert isinstance(made.content, str)
    return made.content


def command(data: Path, out: Path) -> list[str]:
    sizes = ["--image-size", str(SIZE), "--batch-size", str(BATCH)]
    return [str(data), "--out", str(out), *sizes, "--device", "cpu", "--seed", "3"]


def run_script(
    schedule: Schedule, data: Path, out: Path, monkeypatch: pytest.MonkeyPatch, *more: str
) -> list[dict[str, Seen]]:
    """Run the script to its end, and what every step of its optimizer had."""
    recorded = []

    def record(optimizer: Optimizer, *_: object) -> None:
        seen = {}
        for group in optimizer.param_groups:
            flags = {p.requires_grad for p in group["params"]}
            assert len(flags) == 1
            seen[group["name"]] = Seen(group["lr"], flags.pop())
        recorded.append(seen)

    monkeypatch.setattr(sys, "argv", ["script.py", *command(data, out), *more])
    hook = register_optimizer_step_pre_hook(record)
    try:
        run_code(script(schedule)).main()
    finally:
        hook.remove()
    return recorded


def settings_of(data: Path, **changed: Any) -> RunSettings:
    return RunSettings(
        data=str(data),
        image_size=SIZE,
        batch_size=BATCH,
        device="cpu",
        seed=3,
        samples=100,
        **changed,
    )


def run_thaw(
    schedule: Schedule, data: Path, folder: Path, **changed: Any
) -> dict[str, torch.Tensor]:
    checkpoints, final = folder / "checkpoints", folder / "weights.safetensors"
    settings = settings_of(data, **changed)
    for _ in train(Job(schedule, settings, checkpoints, outputs=OutputFiles(final))):
        pass
    return weights(folder)


@pytest.mark.thorough
@pytest.mark.parametrize(
    "name",
    sampled([*SCHEDULES, "the bundled model"], {"gradual with restart"}),
)
def test_the_script_has_thaws_rates_and_ends_with_its_weights_bit_for_bit(
    name: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    if name == "the bundled model":
        schedule = presets.load("gradual").model_copy(update={"epochs": 3})
    else:
        schedule = untrained(SCHEDULES[name])
        schedule = schedule.model_copy(update={"epochs": min(schedule.epochs, _MAX_EPOCHS)})
    recorded = run_script(schedule, data, tmp_path / "weights.pt", monkeypatch)
    assert_as_planned(recorded, schedule, steps_per_epoch=2)
    theirs = torch.load(tmp_path / "weights.pt", weights_only=True)
    assert same_bits(theirs, run_thaw(schedule, data, tmp_path))


def test_plain_steps_of_the_script_and_of_a_run_end_with_the_same_weights_and_fused_ones_do_not(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    schedule = untrained(SCHEDULES["gradual with restart"]).model_copy(update={"epochs": 2})
    out = tmp_path / "weights.pt"
    run_script(schedule, data, out, monkeypatch, "--optimizer-step", "plain")
    plain, fused = (
        run_thaw(schedule, data, tmp_path / step, optimizer_step=step)
        for step in ("plain", "fused")
    )
    assert same_bits(torch.load(out, weights_only=True), plain)
    assert not same_bits(plain, fused)


def test_the_script_too_keeps_constant_what_the_network_itself_does(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    schedule = untrained(SCHEDULES["gradual with restart"])
    code = run_code(script(schedule))
    monkeypatch.setattr(sys, "argv", ["script.py", *command(data, tmp_path / "weights.pt")])
    monkeypatch.setattr(code, "build_model", lambda classes, _: Adapted(classes))
    code.main()

    def build(_: ModelRef, classes: int, __: int | None) -> Network:
        return Network(Adapted(classes), code.MEAN, code.STD)

    outputs = OutputFiles(tmp_path / "weights.safetensors")
    checkpoints = tmp_path / "checkpoints"
    for _ in train(Job(schedule, settings_of(data), checkpoints, outputs=outputs, build=build)):
        pass
    theirs = torch.load(tmp_path / "weights.pt", weights_only=True)
    assert same_bits(theirs, weights(tmp_path))


@pytest.mark.filterwarnings("ignore:The default weight initialization:FutureWarning")
@pytest.mark.parametrize("name", ["resnet18", "densenet121", "googlenet"])
def test_the_script_begins_with_the_pretrained_network_that_a_run_has(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    torchvision_files.keep(name)
    table = layer_table.load(f"torchvision/{name}")
    raw = to_raw(apply(presets.by_name("electra"), table))
    raw["model"]["weights"] = "IMAGENET1K_V1"
    schedule = from_raw(raw)
    code = run_code(pytorch.export(source(schedule, table)).content)
    torch.manual_seed(3)
    theirs = code.build_model(5, 64)
    torch.manual_seed(3)
    ours = pretrained(schedule.model, 5, 64)
    assert same_bits(theirs.state_dict(), ours.model.state_dict())
    assert (ours.mean, ours.std) == (code.MEAN, code.STD)


@pytest.mark.thorough
def test_two_processes_end_with_the_same_weights_and_train_every_group_that_thaws(
    data: Path, tmp_path: Path
):
    raw = to_raw(untrained(SCHEDULES["gradual with restart"]))
    raw["epochs"] = 3
    for group, start in zip(raw["groups"][-3:], (2, 1, 0), strict=True):
        group["trainable"] = [[start, None]]
    raw["groups"][-2]["trainable"] = [[1, 2]]  # and freezes again
    schedule = from_raw(raw)
    file, out = tmp_path / "script.py", tmp_path / "weights.pt"
    file.write_text(script(schedule), encoding="utf-8")
    done = subprocess.run(
        torchrun.command(2, str(file), *command(data, out)),
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    told = re.findall(r"epoch (\d) of 3: (\d) groups train", done.stdout)
    assert told == [("1", "1"), ("2", "2"), ("3", "2")]
    trained = torch.load(out, weights_only=True)
    torch.manual_seed(3)
    before = run_code(script(schedule)).build_model(2, SIZE).state_dict()
    moved = {n.split(".")[0] for n in before if not torch.equal(before[n], trained[n])}
    assert moved == {"layer3", "layer4", "fc"}


@pytest.mark.parametrize("preset", ["gradual", "exercise", "mae-vit-b", "one-cycle", "wsd", "bit"])
def test_the_script_reads_as_if_written_by_hand(preset: str, tmp_path: Path):
    file = tmp_path / "script.py"
    file.write_text(script(presets.load(preset)), encoding="utf-8")
    width, code = ["--isolated", "--line-length", "100"], [str(file)]
    rules = "E,F,I,N,B,UP,SIM,RUF"
    # the encoding is written out, so that no name in the file can choose one
    checked = ["check", "--select", rules, "--ignore", "UP009", *width, *code]
    for arguments in (checked, ["format", "--diff", *width, *code]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *arguments], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("model", "weights", "shape", "told"),
    [
        ("torchvision/resnet18", None, "linear", "on the CPU, every bit of Thaw's own run"),
        ("torchvision/resnet18", None, "polynomial", "since NumPy rounds powers differently"),
        ("timm/resnet18", "a1_in1k", "linear", "begins with other random numbers"),
    ],
)
def test_every_bit_is_claimed_only_where_thaw_rounds_and_draws_alike(
    model: str, weights: str | None, shape: str, told: str
):
    raw = to_raw(apply(presets.by_name("electra"), layer_table.load(model)))
    raw["model"]["weights"] = weights
    raw["lr"]["decay"] = {"shape": shape}
    made = pytorch.export(source(from_raw(raw), layer_table.load(model)))
    assert "every rate to 1e-12" in made.preserved
    assert told in made.preserved


@pytest.mark.thorough
def test_its_help_tells_how_to_run_it(tmp_path: Path):
    file = tmp_path / "script.py"
    file.write_text(script(presets.load("exercise")), encoding="utf-8")
    done = subprocess.run([sys.executable, str(file), "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "Fine-tune torchvision/resnet18 on a folder of images" in done.stdout
    assert "torchrun" in done.stdout


def test_it_reads_the_files_that_thaw_reads():
    assert run_code(script(presets.load("exercise"))).SUFFIXES == SUFFIXES


def test_a_folder_without_images_is_told_in_a_line(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["script.py", str(tmp_path)])
    with pytest.raises(SystemExit, match="needs two class folders or more"):
        run_code(script(presets.load("exercise"))).main()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--out", "{tmp}/none/weights.pt"], "--out is {tmp}/none/weights.pt, where no file can"),
        (["--out", "{tmp}"], "--out is {tmp}, where no file can be written: name another"),
        (["--out", "{tmp}/file/weights.pt"], "--out is {tmp}/file/weights.pt, where no file can"),
        (["--workers", "-1"], "argument --workers: is -1: use 0 or more"),
        (["--image-size", "0"], "argument --image-size: is 0: use 1 or more"),
        (["--batch-size", "0"], "argument --batch-size: is 0: use 1 or more"),
        (["--device", "nonsense"], "--device is nonsense: use auto, cpu or "),
    ],
)
def test_a_wrong_option_is_told_in_words_before_anything_trains(
    options: list[str],
    told: str,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    (tmp_path / "file").touch()
    code = run_code(script(untrained(SCHEDULES["exercise"])))
    monkeypatch.setattr(code, "build_model", None)
    filled = [option.format(tmp=tmp_path) for option in options]
    monkeypatch.setattr(sys, "argv", ["script.py", str(data), *filled])
    with pytest.raises(SystemExit) as ended:
        code.main()
    assert told.format(tmp=tmp_path) in f"{ended.value}\n{capsys.readouterr().err}"


def test_a_broken_image_is_named(data: Path, tmp_path: Path):
    whole = (data / "boats" / "00.jpg").read_bytes()
    made = run_code(script(presets.load("exercise")))
    for name, content in (("text.png", b"no image"), ("half.jpg", whole[: len(whole) // 2])):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(made.BrokenImageError, match=rf"{name} cannot be read as an image: "):
            made.Images([(tmp_path / name, 0)], SIZE)[0]


def test_without_a_layer_table_a_head_of_torchvision_is_not_known():
    with pytest.raises(ExportError, match="whose head is not known: see its parts with"):
        pytorch.export(source(presets.load("exercise")))


@pytest.mark.parametrize("model", ["transformers/bert", "bert", "timmy/resnet18", "Timm/resnet18"])
@pytest.mark.parametrize("target", ["pytorch", "timm"])
def test_a_model_of_another_library_is_refused_by_name_and_not_taken_for_timms(
    target: str, model: str
):
    schedule = presets.load("exercise").model_copy(update={"model": ModelRef(name=model)})
    with pytest.raises(ExportError, match=rf"^model\.name is '{model}'"):
        targets.TARGETS[target].make(source(schedule))


@given(real_schedules(), st.integers(1, 9))
def test_any_schedule_of_a_model_is_a_script_whose_table_equals_the_plan(
    schedule: Schedule, steps: int
):
    assert_table_is_the_plan(run_code(script(schedule)), schedule, steps)
