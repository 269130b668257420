"""What the network itself has without gradients stays as it is, in a run and in its script."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from core.errors import ModelError
from core.runs import events as ev
from core.schedule.spec import ModelRef
from core.training.job import Job, NetworkBuilder
from core.training.models import Network
from core.training.output_files import OutputFiles
from core.training.train import train
from tests.export.thrice import CONSTANT, SCHEDULES, Adapted, Small
from tests.training.small import of_kind, same_bits, small_settings, weights

SCHEDULE = SCHEDULES["gradual with restart"]
_GREY = (0.5, 0.5, 0.5)


def adapted(_: ModelRef, classes: int, __: int | None) -> Network:
    return Network(Adapted(classes), _GREY, _GREY)


def run(
    folder: Path, build: NetworkBuilder = adapted, *, stop_after: int | None = None, **changed: Any
) -> list[ev.Event]:
    """What happens in a run, which is asked to stop once that epoch is over."""
    events: list[ev.Event] = []
    job = Job(
        SCHEDULE,
        small_settings(**changed),
        folder / "checkpoints",
        lambda: any(e.epoch == stop_after for e in of_kind(events, ev.EpochDone)),
        OutputFiles(folder / "weights.safetensors"),
        build=build,
    )
    for event in train(job):
        events.append(event)
    return events


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[ev.Event]]:
    folder = tmp_path_factory.mktemp("unbroken")
    return folder, run(folder)


def test_a_run_leaves_what_is_constant_as_it_was_and_the_audit_has_nothing_to_say(unbroken):
    folder, events = unbroken
    torch.manual_seed(small_settings().seed)
    before, after = Adapted(10).state_dict(), weights(folder)
    moved = {name for name in after if not torch.equal(after[name], before[name])}
    assert moved & CONSTANT == set()
    assert {"fc.down.weight", "fc.up.weight", "layer4.0.weight"} <= moved
    (audit,) = of_kind(events, ev.Audit)
    assert audit.frozen_groups_unchanged
    assert audit.max_lr_error <= 1e-12


def test_what_trains_in_an_epoch_is_counted_without_it(unbroken):
    (first, *_) = of_kind(unbroken[1], ev.EpochDone)
    assert first.trainable_parameters == 2 * 4 + 10 * 2


def test_a_resumed_run_knows_it_too_and_ends_with_the_same_bits(unbroken, tmp_path):
    events = run(tmp_path, stop_after=2)  # in epoch 3 layer4, which has trained, is frozen
    assert of_kind(events, ev.Stopped) == [ev.Stopped(3)]
    run(tmp_path)
    assert same_bits(weights(tmp_path), weights(unbroken[0]))


def test_the_cache_changes_no_bit_of_it(unbroken, tmp_path):
    run(tmp_path, cache="off")
    assert same_bits(weights(tmp_path), weights(unbroken[0]))


def test_a_group_that_is_to_train_but_has_nothing_that_may_is_refused(tmp_path):
    def frozen_by_hand(_: ModelRef, classes: int, __: int | None) -> Network:
        model = Small(classes)
        model.layer3.requires_grad_(False)
        return Network(model, _GREY, _GREY)

    with pytest.raises(ModelError, match=r"^groups\[3\].trainable lets 'layer3' train, but"):
        run(tmp_path, frozen_by_hand)
