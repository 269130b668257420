"""A run in 16 bits: what the scaler skips is counted, and a resume is exact to the bit."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from safetensors.torch import load_file
from torch.amp import GradScaler

from core.errors import InputError, RunError
from core.runs import events as ev
from core.schedule.optimizers import Adam
from core.training import stepper
from core.training.failures import training_errors_as_run_error
from tests.sample import thorough
from tests.training.cache.test_exactness import GRADUAL, run
from tests.training.nets import GROUPS, schedule_of
from tests.training.small import of_kind, same_bits, small_settings
from tests.training.test_strange_checkpoint import changed

SCHEDULE = schedule_of("skipping", GRADUAL["skipping"], 3)


def notices(events: list[ev.Event]) -> list[str]:
    return [notice.message for notice in of_kind(events, ev.Notice)]


@pytest.fixture
def overflowing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The scaler begins with a factor by which the first gradients overflow."""
    monkeypatch.setattr(stepper, "GradScaler", partial(GradScaler, init_scale=2.0**32))


@pytest.mark.usefixtures("overflowing")
@pytest.mark.parametrize(
    "settings",
    [
        {"autocast": "fp16", "clip_norm": 0.5, "memory_format": "channels_last"},
        *thorough(
            {"autocast": "fp16", "optimizer_step": "plain"},
            {"autocast": "bf16"},
            {"clip_norm": 0.5},
            {"memory_format": "channels_last"},
        ),
    ],
    ids=str,
)
def test_a_resume_is_exact_and_skipped_steps_count_as_steps_of_the_schedule(settings, tmp_path):
    def one_epoch_is_kept() -> bool:
        return any((tmp_path / "cut" / "checkpoints").glob("epoch-*.pt"))

    whole = run(tmp_path / "whole", SCHEDULE, **settings)
    first = run(tmp_path / "cut", SCHEDULE, one_epoch_is_kept, **settings)
    assert isinstance(first[-1], ev.Stopped)
    then = run(tmp_path / "cut", SCHEDULE, **settings)
    assert same_bits(*(load_file(tmp_path / name / "weights") for name in ("whole", "cut")))
    begun = of_kind(then, ev.Started)[0].resumed_at
    assert begun > 0
    assert of_kind(then, ev.Step) == [s for s in of_kind(whole, ev.Step) if s.epoch >= begun]
    (audit,) = of_kind(then, ev.Audit)
    assert audit.steps == len(of_kind(whole, ev.Step)) == 9
    assert audit.max_lr_error <= 1e-12
    skipped = [message for message in notices(whole) if "skipped" in message]
    assert ("in epoch 0 the scaler skipped 3 steps" in " ".join(skipped)) == (
        settings.get("autocast") == "fp16"
    )
    assert [message for message in notices(then) if "skipped" in message] == skipped[begun:]


def test_a_scaler_is_in_the_checkpoints_of_float16_alone_and_must_be_one(tmp_path):
    schedule = schedule_of("skipping", {"head": [[0, None]]}, 2)
    kept = {}
    for name in ("off", "fp16"):
        run(tmp_path / name, schedule, autocast=name, cache="off")
        newest, _ = sorted((tmp_path / name / "checkpoints").glob("epoch-*.pt"))
        kept[name] = torch.load(newest, weights_only=True).get("scaler")
    assert kept["off"] is None
    assert kept["fp16"]["scale"] == 2.0**16
    for at, scaler in enumerate(({}, {**kept["fp16"], "scale": "x"})):
        folder = tmp_path / str(at)
        (folder / "checkpoints").mkdir(parents=True)
        changed(tmp_path / "fp16" / "checkpoints", folder / "checkpoints", "scaler", scaler)
        with pytest.raises(InputError, match=r"^checkpoints hold .*\(the scaler's state"):
            run(folder, schedule, autocast="fp16", cache="off")


def test_a_loss_that_overflows_in_float16_says_what_has_more_range(tmp_path):
    explosive = Adam(name="adam", base_lr=1000.0, weight_decay=0.0)
    windows = {name: [[0, None]] for name in GROUPS["skipping"]}
    all_train = schedule_of("skipping", windows, 3)
    schedule = all_train.model_copy(update={"optimizer": explosive})
    with pytest.raises(RunError, match=r"loss is (nan|inf) .*, in float16, .*--autocast bf16"):
        run(tmp_path, schedule, autocast="fp16", cache="off")


def test_an_operation_that_has_no_16_bits_is_told_by_the_setting():
    settings, cpu = small_settings(autocast="fp16"), torch.device("cpu")
    with (
        pytest.raises(RunError, match=r"^--autocast is fp16, .*Half.*: use --autocast off$"),
        training_errors_as_run_error(settings, cpu, lambda: "in epoch 0"),
    ):
        torch.linalg.inv(torch.eye(2, dtype=torch.float16))
