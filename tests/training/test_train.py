from __future__ import annotations

import dataclasses
import math
import re
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from core.data.bundled import read_bundled
from core.errors import InputError, RunError, SettingsError
from core.files import atomic
from core.freezing import is_held
from core.runs import events as ev
from core.runs import predictions
from core.schedule import curves, parse
from core.schedule.batches import batches
from core.schedule.optimizers import SGD
from core.schedule.spec import ModelRef
from core.training import checkpoint
from core.training.job import Job
from core.training.models import Network, pretrained
from core.training.output_files import OutputFiles
from core.training.train import train
from tests.training.small import (
    of_kind,
    run,
    same_bits,
    small_schedule,
    small_settings,
    weights,
)

EXPLOSIVE = SGD(name="sgd", base_lr=1000.0, weight_decay=1e9, momentum=0.0)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[ev.Event]]:
    folder = tmp_path_factory.mktemp("unbroken")
    return folder, run(folder)


def losses(events: list[ev.Event]) -> list[float]:
    return [step.loss for step in of_kind(events, ev.Step)]


def test_every_rate_of_an_open_group_is_the_planned_one_to_1e_12(unbroken):
    _, events = unbroken
    schedule = small_schedule()
    steps = len(batches(40, 16))
    seen = of_kind(events, ev.Step)
    assert [step.step for step in seen] == list(range(3 * steps))
    for step in seen:
        for group in schedule.groups:
            time = curves.time_of_step(schedule, step.step, steps)
            planned = float(curves.lr(schedule, group, time))
            assert step.lrs[group.name] == pytest.approx(planned, rel=1e-12, abs=0)
    (audit,) = of_kind(events, ev.Audit)
    assert audit.steps == 3 * steps
    assert audit.max_lr_error <= 1e-12


def test_frozen_groups_end_with_the_parameters_and_buffers_they_began_with(unbroken):
    folder, events = unbroken
    (audit,) = of_kind(events, ev.Audit)
    assert audit.frozen_groups_unchanged
    assert {(span.group, span.start, span.end) for span in audit.spans} == {
        ("stem", 0, 3),
        ("stage1", 0, 3),
        ("stage2", 0, 3),
        ("stage3", 0, 3),
        ("stage4", 0, 2),
        ("conv_head", 0, 1),
    }
    from core.presets import BUNDLED_MODEL, BUNDLED_WEIGHTS
    from core.training.models import ModelRef, pretrained

    before = pretrained(
        ModelRef(name=BUNDLED_MODEL, weights=BUNDLED_WEIGHTS), 10
    ).model.state_dict()
    after = weights(folder)
    moved = {name for name in after if not after[name].equal(before[name])}
    assert moved
    assert all(
        name.startswith(("blocks.5", "blocks.6", "conv_head", "bn2", "cl")) for name in moved
    )


def test_a_run_tells_its_start_each_epoch_and_its_end_in_order(unbroken):
    _, events = unbroken
    (started,) = of_kind(events, ev.Started)
    assert (started.train_images, started.validation_images) == (40, 40)
    assert started.majority_accuracy == 0.1
    assert started.steps_per_epoch == 3
    done = of_kind(events, ev.EpochDone)
    assert [epoch.epoch for epoch in done] == [0, 1, 2]
    assert done[1].open == ("conv_head", "head")
    assert done[1].trainable_parameters == 412_160 + 12_810
    assert all(epoch.seconds > 0 and epoch.peak_memory > 1e8 for epoch in done)
    assert isinstance(events[-1], ev.Finished)


@pytest.mark.parametrize("step", ["fused", "plain"])
def test_a_run_steps_as_its_settings_say(step, tmp_path):
    run(tmp_path, small_schedule(1), small_settings(optimizer_step=step))
    saved = checkpoint.newest(tmp_path / "checkpoints").checkpoint
    fused = {bool(group.get("fused")) for group in saved.optimizer["param_groups"]}
    assert fused == {step == "fused"}


def test_the_training_loss_of_an_epoch_is_the_mean_over_its_images(unbroken):
    _, events = unbroken
    sizes = [end - start for start, end in batches(40, 16)]
    steps = [step for step in of_kind(events, ev.Step) if step.epoch == 1]
    mean = sum(step.loss * size for step, size in zip(steps, sizes, strict=True)) / 40
    assert of_kind(events, ev.EpochDone)[1].train_loss == pytest.approx(mean, rel=1e-12)


@pytest.mark.thorough
def test_the_same_seed_twice_gives_the_same_bits(unbroken, tmp_path):
    folder, events = unbroken
    again = run(tmp_path)
    assert losses(again) == losses(events)
    assert same_bits(weights(tmp_path), weights(folder))


@pytest.mark.thorough
def test_another_seed_gives_other_weights(unbroken, tmp_path):
    folder, _ = unbroken
    run(tmp_path, settings=small_settings(seed=1))
    assert not same_bits(weights(tmp_path), weights(folder))


def test_a_run_stopped_after_an_epoch_and_resumed_ends_with_the_same_bits(unbroken, tmp_path):
    folder, events = unbroken
    first: list[ev.Event] = []

    def within_the_second_epoch() -> bool:
        return any(step.epoch == 1 for step in of_kind(first, ev.Step))

    first.extend(
        train(
            Job(
                small_schedule(),
                small_settings(),
                tmp_path / "checkpoints",
                within_the_second_epoch,
                OutputFiles(tmp_path / "weights.safetensors"),
            )
        )
    )
    assert first[-1] == ev.Stopped(epoch=1)
    assert not (tmp_path / "weights.safetensors").exists()
    second = run(tmp_path)
    (started,) = of_kind(second, ev.Started)
    assert started.resumed_at == 1
    assert losses(second) == losses(events)[3:]
    assert same_bits(weights(tmp_path), weights(folder))
    assert of_kind(second, ev.Audit) == of_kind(events, ev.Audit)
    assert second[-1].seconds > sum(epoch.seconds for epoch in of_kind(second, ev.EpochDone))


def test_a_stop_is_obeyed_before_the_first_step(tmp_path):
    events = run(tmp_path, should_stop=lambda: True)
    assert events[-1] == ev.Stopped(epoch=0)
    assert not of_kind(events, ev.Step)


@pytest.mark.thorough
def test_a_stop_does_not_hide_that_the_last_checkpoint_could_not_be_written(tmp_path, monkeypatch):
    def full(path: Path, content: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic, "write_durably", full)
    said: list[ev.Event] = []

    def after_an_epoch() -> bool:
        return any(isinstance(event, ev.EpochDone) for event in said)

    events = train(Job(small_schedule(), small_settings(), tmp_path, after_an_epoch))
    with pytest.raises(RunError, match="No space left on device"):
        said.extend(events)


@pytest.mark.thorough
def test_a_damaged_newest_checkpoint_is_told_and_the_one_before_is_used(unbroken, tmp_path):
    folder, events = unbroken
    first = run(tmp_path)
    newest = max((tmp_path / "checkpoints").iterdir())
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    second = run(tmp_path)
    (notice,) = of_kind(second, ev.Notice)
    assert newest.name in notice.message
    assert of_kind(second, ev.Started)[0].resumed_at == 2
    assert losses(second) == losses(first)[6:] == losses(events)[6:]
    assert same_bits(weights(tmp_path), weights(folder))


@pytest.mark.thorough
def test_a_resume_with_other_settings_is_refused_by_name(tmp_path):
    run(tmp_path, small_schedule(1))
    with pytest.raises(InputError, match=r"^settings\.json is not the one that epoch 0 was run"):
        run(tmp_path, small_schedule(1), small_settings(seed=3))
    with pytest.raises(InputError, match=r"^schedule\.json is not the one"):
        run(tmp_path, small_schedule(2))


def test_a_resume_of_a_complete_run_only_audits(tmp_path):
    first = run(tmp_path, small_schedule(1))
    second = run(tmp_path, small_schedule(1))
    assert not of_kind(second, ev.Step)
    assert of_kind(second, ev.Audit) == of_kind(first, ev.Audit)


def test_a_group_that_freezes_again_holds_still_and_thaws_again(tmp_path):
    schedule = small_schedule(4, conv_head=[[0, 1], [2, 3]])
    events = run(tmp_path, schedule)
    (audit,) = of_kind(events, ev.Audit)
    assert audit.frozen_groups_unchanged
    spans = [(s.start, s.end) for s in audit.spans if s.group == "conv_head"]
    assert spans == [(1, 2), (3, 4)]


def test_a_frozen_group_in_train_mode_keeps_its_parameters_while_its_statistics_move(tmp_path):
    schedule = small_schedule(1, when_frozen="train")
    (audit,) = of_kind(run(tmp_path, schedule), ev.Audit)
    assert audit.frozen_groups_unchanged
    still = tmp_path / "still"
    run(still, small_schedule(1))
    one, other = weights(tmp_path), weights(still)
    assert not one["bn1.running_mean"].equal(other["bn1.running_mean"])
    assert one["bn1.weight"].equal(other["bn1.weight"])


@pytest.mark.parametrize("ends", ["finished", "stopped", "failed"])
def test_a_run_leaves_a_plain_network_however_it_ends(ends: str, tmp_path):
    kept = []

    def build(ref: ModelRef, classes: int, image_size: int | None) -> Network:
        kept.append(pretrained(ref, classes, image_size))
        return kept[-1]

    schedule = small_schedule(4)
    if ends == "failed":
        schedule = schedule.model_copy(update={"optimizer": EXPLOSIVE})
    hooked = []

    def should_stop() -> bool:
        hooked.extend(filter(is_held, kept[0].model.modules() if kept else ()))
        return ends == "stopped" and bool(hooked)

    checkpoints = tmp_path / "checkpoints"
    events = train(Job(schedule, small_settings(), checkpoints, should_stop, build=build))
    with pytest.raises(RunError) if ends == "failed" else nullcontext():
        list(events)
    assert hooked
    assert not any(map(is_held, kept[0].model.modules()))
    assert all(p.requires_grad for p in kept[0].model.parameters())


def test_a_loss_that_is_not_finite_names_epoch_step_rates_and_the_way_out(tmp_path):
    schedule = small_schedule(4)
    with pytest.raises(RunError) as caught:
        run(tmp_path, schedule.model_copy(update={"optimizer": EXPLOSIVE}))
    message = str(caught.value)
    assert re.match(r"the loss is (nan|inf) in epoch \d, step \d+ \(learning rates: ", message)
    assert ", head " in message
    assert message.endswith("lower optimizer.base_lr, lengthen lr.warmup.epochs, or thaw later")


@pytest.mark.skipif(torch.accelerator.is_available(), reason="this machine has an accelerator")
def test_an_absent_device_is_refused_by_its_flag(tmp_path):
    with pytest.raises(SettingsError, match=r"^--device is 'cuda', but this machine has CPU, "):
        run(tmp_path, settings=small_settings(device="cuda"))


def test_a_batch_too_small_for_batch_norm_is_explained(tmp_path):
    settings = small_settings(batch_size=1, samples=10, validation_samples=10)
    with pytest.raises(RunError, match="--batch-size is 1, too small for a BatchNorm that trains"):
        run(tmp_path, small_schedule(1, conv_head=[[0, None]]), settings)


@pytest.mark.thorough
def test_random_weights_can_be_trained_too(tmp_path):
    schedule = small_schedule(1)
    model = schedule.model.model_copy(update={"weights": None})
    events = run(tmp_path, schedule.model_copy(update={"model": model}))
    assert isinstance(events[-1], ev.Finished)
    assert math.isfinite(of_kind(events, ev.EpochDone)[0].validation_loss)


def test_training_leaves_torchs_global_settings_as_they_were(tmp_path):
    before = torch.are_deterministic_algorithms_enabled()
    run(tmp_path, small_schedule(1))
    assert torch.are_deterministic_algorithms_enabled() is before


def test_every_event_survives_json(unbroken):
    _, events = unbroken
    for event in [*events, ev.Failed("x"), ev.Stopped(1), ev.Notice("y"), ev.Launched()]:
        assert ev.EVENT.validate_json(ev.EVENT.dump_json(event)) == event
        assert "event" in dataclasses.asdict(event)


def test_batchnorm_eval_holds_the_statistics_of_groups_that_train(tmp_path: Path):
    raw = parse.to_raw(small_schedule(1, conv_head=[[0, None]]))
    for group in raw["groups"]:
        group["batchnorm"] = "eval"
    schedule = parse.from_raw(raw)
    before = pretrained(schedule.model, 10).model.state_dict()
    run(tmp_path, schedule)
    after = weights(tmp_path)
    statistics = [name for name in after if "running_" in name]
    assert all(after[name].equal(before[name]) for name in statistics)
    assert not after["bn2.weight"].equal(before["bn2.weight"])


def test_fewer_images_than_asked_for_are_told_with_both_numbers(tmp_path):
    for number in range(20):
        path = tmp_path / "data" / ("cat", "dog")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (32, 32), (number * 12, 0, 0)).save(path)
    settings = small_settings(data=str(tmp_path / "data"))
    notices = of_kind(run(tmp_path / "run", small_schedule(1), settings), ev.Notice)
    told = (
        "--samples is 40, but the data has 16 training images",
        "--validation-samples is 40, but the data has 4 validation images",
    )
    assert [notice.message for notice in notices] == [
        f"{t}: the run uses all of them" for t in told
    ]


@pytest.mark.thorough
def test_a_checkpoint_is_told_before_it_is_written(tmp_path):
    def files_of(epoch: int) -> list[Path]:
        return list(tmp_path.glob(f"*epoch-{epoch:05}*"))

    told = {
        event.done: files_of(event.done)
        for event in train(Job(small_schedule(2), small_settings(), tmp_path))
        if isinstance(event, ev.Progress) and event.stage == "checkpoint"
    }
    assert told == {1: [], 2: []}
    assert all(files_of(epoch) for epoch in told)


@pytest.mark.thorough
def test_what_the_last_evaluation_said_is_kept_image_by_image(tmp_path):
    file = tmp_path / "predictions.json"
    outputs = OutputFiles(predictions=file)
    events = list(train(Job(small_schedule(2), small_settings(), tmp_path / "c", outputs=outputs)))
    told = predictions.read(file)
    assert told is not None
    right = sum(true == said for true, said in zip(told.true, told.predicted, strict=True))
    assert right / 40 == of_kind(events, ev.EpochDone)[-1].validation_accuracy
    assert np.bincount(told.true).tolist() == [4] * 10
    bundled = read_bundled()
    assert [bundled.validation.labels[int(name)] for name in told.images] == list(told.true)
    assert all(0.1 <= surety <= 1 for surety in told.confidence)


@pytest.mark.thorough
def test_to_keep_predictions_changes_no_bit(unbroken, tmp_path):
    folder, events = unbroken
    outputs = OutputFiles(tmp_path / "weights.safetensors", tmp_path / "predictions.json")
    job = Job(small_schedule(), small_settings(), tmp_path / "checkpoints", outputs=outputs)
    kept = train(job)
    assert losses(list(kept)) == losses(events)
    assert same_bits(weights(tmp_path), weights(folder))


def test_predictions_that_cannot_be_written_are_told_and_end_no_run(tmp_path):
    nowhere = OutputFiles(predictions=tmp_path / "no" / "such" / "predictions.json")
    events = list(train(Job(small_schedule(1), small_settings(), tmp_path, outputs=nowhere)))
    (notice,) = of_kind(events, ev.Notice)
    assert notice.message.startswith("predictions.json could not be written (No such file")
    assert isinstance(events[-1], ev.Finished)


def test_predictions_of_a_folder_name_its_files(tmp_path):
    for number in range(20):
        path = tmp_path / "data" / ("cat", "dog")[number % 2] / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (32, 32), (number * 12, 0, 0)).save(path)
    file, settings = tmp_path / "predictions.json", small_settings(data=str(tmp_path / "data"))
    outputs = OutputFiles(predictions=file)
    list(train(Job(small_schedule(1), settings, tmp_path / "c", outputs=outputs)))
    told = predictions.read(file)
    assert told is not None
    assert told.classes == ("cat", "dog")
    assert told.images == ("cat/08.png", "cat/18.png", "dog/09.png", "dog/19.png")
    assert told.true == (0, 0, 1, 1)
