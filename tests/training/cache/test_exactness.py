"""The cache changes no bit, whatever the schedule, the network and the views."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch import nn

from core.runs import events as ev
from core.schedule.spec import Schedule
from core.training.cache import exactness, graph, precompute, run_plan, tracing
from core.training.cache.forward_path import ForwardPath
from core.training.cache.run_plan import ScheduledModel
from core.training.job import Job, never
from core.training.models import Network
from core.training.output_files import OutputFiles
from core.training.train import train
from tests.sample import thorough
from tests.training.nets import GROUPS, ODD, all_cost_in_the_first_layer, build, schedule_of
from tests.training.small import of_kind, same_bits, small_settings


def run(
    folder: Path, schedule: Schedule, should_stop=never, build=build, **changed: Any
) -> list[ev.Event]:
    values = {"image_size": 16, "samples": 48, "validation_samples": 20} | changed
    job = Job(
        schedule,
        small_settings(**values),
        folder / "checkpoints",
        should_stop,
        OutputFiles(folder / "weights"),
        build=build,
    )
    with all_cost_in_the_first_layer():
        return list(train(job))


def assert_same(folder: Path, schedule: Schedule, **changed: Any) -> list[ev.Event]:
    """Run with the cache and without, and demand the same weights, losses and metrics.

    Returns the events of the run with the cache.
    """
    on = run(folder / "on", schedule, **changed)
    off = run(folder / "off", schedule, cache="off", **changed)
    assert same_bits(load_file(folder / "on" / "weights"), load_file(folder / "off" / "weights"))
    assert of_kind(on, ev.Step) == of_kind(off, ev.Step)
    for one, other in zip(of_kind(on, ev.EpochDone), of_kind(off, ev.EpochDone), strict=True):
        assert one.train_loss == other.train_loss
        assert one.validation_loss == other.validation_loss
        assert one.validation_accuracy == other.validation_accuracy
    return on


@st.composite
def drawn(draw: st.DrawFn) -> tuple[Schedule, dict[str, Any]]:
    net = draw(st.sampled_from(sorted(GROUPS)))
    epochs = draw(st.integers(2, 6))
    windows: dict[str, Any] = {"head": [[0, None]]}
    for name in list(GROUPS[net])[:-1]:
        edges = sorted(draw(st.sets(st.integers(0, epochs), max_size=4)))
        windows[name] = [list(pair) for pair in zip(edges[::2], edges[1::2], strict=False)]
    schedule = schedule_of(
        net,
        windows,
        epochs,
        interval=draw(st.sampled_from(["step", "epoch"])),
        after_unfreeze=draw(st.sampled_from(["follow", "restart"])),
        group=draw(st.sampled_from([{}, {"when_frozen": "train"}, {"batchnorm": "eval"}])),
    )
    changed = {
        "augment": draw(st.sampled_from(["none", "flip", "crops", "random"])),
        "samples": draw(st.sampled_from([48, 33, 35])),
        "cache_memory": draw(st.sampled_from([None, 0])),  # 0: everything goes to a file
        "seed": draw(st.integers(0, 3)),
        "autocast": draw(st.sampled_from(["off", "bf16", "fp16"])),
        "memory_format": draw(st.sampled_from(["contiguous", "channels_last"])),
    }
    return schedule, changed


@pytest.mark.thorough
@given(drawn())
def test_no_bit_of_any_schedule_changes(case: tuple[Schedule, dict[str, Any]]) -> None:
    schedule, changed = case
    with tempfile.TemporaryDirectory() as folder:
        assert_same(Path(folder), schedule, **changed)


GRADUAL: dict[str, Any] = {
    "resnet": {"head": [[0, None]], "layer34": [[2, None]], "layer2": [[4, None]]},
    "vit": {"head": [[0, None]], "late": [[2, None]], "early": [[4, None]]},
    "skipping": {"head": [[0, None]], "up": [[2, None]], "down": [[4, None]]},
}


@pytest.mark.parametrize(
    ("net", "augment"),
    [
        ("resnet", "none"),
        ("resnet", "crops"),
        ("vit", "none"),
        ("skipping", "none"),
        *thorough(
            ("resnet", "flip"),
            ("vit", "flip"),
            ("vit", "crops"),
            ("skipping", "flip"),
            ("skipping", "crops"),
        ),
    ],
)
def test_gradual_unfreezing_is_cached_in_every_phase_and_changes_no_bit(net, augment, tmp_path):
    epochs = 12 if augment == "crops" else 6
    events = assert_same(tmp_path, schedule_of(net, GRADUAL[net], epochs), augment=augment)
    assert [decision.on for decision in of_kind(events, ev.CacheDecision)] == [True] * 3


@pytest.mark.parametrize(
    ("net", "changed"),
    [
        ("resnet", {"autocast": "fp16", "memory_format": "channels_last"}),
        *thorough(
            *(
                (net, changed)
                for net in GRADUAL
                for changed in (
                    {"autocast": "fp16"},
                    {"autocast": "bf16"},
                    {"memory_format": "channels_last"},
                )
            )
        ),
    ],
)
def test_16_bits_and_channels_last_are_cached_and_change_no_bit(net, changed, tmp_path):
    events = assert_same(tmp_path, schedule_of(net, GRADUAL[net], 4), **changed)
    assert all(decision.on for decision in of_kind(events, ev.CacheDecision))
    (audit,) = of_kind(events, ev.Audit)
    assert (audit.precision_error is None) == ("autocast" not in changed)


def test_a_trained_layer_that_is_used_twice_is_not_cached_under_autocast(tmp_path):
    """Torch casts its weight once: a trace would not see it in the second use."""

    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv2d(3, 4, 3, 2, 1)
            self.second = nn.Conv2d(4, 4, 3, 2, 1)
            self.shared = nn.Conv2d(4, 8, 1)
            self.head = nn.Linear(8, 10)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.first(x)
            one, other = self.shared(x), self.shared(self.second(x))
            return self.head(one.mean((2, 3)) + other.mean((2, 3)))

    parts = {name: [name] for name in ("first", "second", "shared", "head")}
    windows = {"shared": [[0, None]], "head": [[0, None]]}
    schedule = schedule_of("twice", windows, 3, parts=parts)

    def build_twice(*_: Any) -> Network:
        return Network(Twice(), (0.5,) * 3, (0.5,) * 3)

    events = assert_same(tmp_path, schedule, autocast="bf16", build=build_twice)
    (decision,) = of_kind(events, ev.CacheDecision)
    assert decision.reason == "the layers before shared ran once, for epochs 0 to 2"


def test_two_tensors_cross_a_cut_that_a_skip_connection_leaps_over(tmp_path):
    windows = {"head": [[0, None]], "up": [[0, None]]}
    events = assert_same(tmp_path, schedule_of("skipping", windows, 4))
    (decision,) = of_kind(events, ev.CacheDecision)
    assert decision.on
    assert decision.reason == "the layers before up ran once, for epochs 0 to 3"
    assert decision.bytes == (48 + 20) * 4 * (8 * 4 * 4 + 4 * 8 * 8)


def test_open_ended_augmentation_is_not_cached_for_training_and_says_why(tmp_path):
    events = assert_same(tmp_path, schedule_of("resnet", GRADUAL["resnet"], 6), augment="random")
    decisions = of_kind(events, ev.CacheDecision)
    assert not any(decision.on for decision in decisions)
    assert decisions[0].reason == "open-ended augmentation shows new images in every epoch"


def test_after_a_group_freezes_again_a_new_pass_is_made(tmp_path):
    windows = {"head": [[0, None]], "layer34": [[2, 4]], "layer2": [[2, 4]]}
    events = assert_same(tmp_path, schedule_of("resnet", windows, 9))
    decisions = of_kind(events, ev.CacheDecision)
    assert decisions[-1].on
    assert decisions[-1].reason == "the layers before fc ran once, for epochs 4 to 8"


def test_a_resume_in_the_middle_of_a_phase_changes_no_bit(tmp_path):
    schedule = schedule_of("resnet", GRADUAL["resnet"], 6)
    whole = run(tmp_path / "whole", schedule, augment="flip", cache="off")
    asked = iter([False] * 4 * 4 + [True] * 99)  # in epoch 3, one epoch after layer34 thaws
    first = run(tmp_path / "cut", schedule, lambda: next(asked), augment="flip")
    assert isinstance(first[-1], ev.Stopped)
    then = run(tmp_path / "cut", schedule, augment="flip")
    assert any(decision.on for decision in of_kind(then, ev.CacheDecision))
    assert same_bits(load_file(tmp_path / "cut" / "weights"), load_file(tmp_path / "whole/weights"))
    begun = of_kind(then, ev.Started)[0].resumed_at
    steps = of_kind(whole, ev.Step)
    assert of_kind(then, ev.Step) == [step for step in steps if step.epoch >= begun]


@pytest.mark.parametrize("when_frozen", ["eval", "train"])
@pytest.mark.parametrize("kind", ODD)
def test_what_tracing_is_known_to_get_wrong_changes_no_bit(kind, when_frozen, tmp_path):
    parts = {"first": ["first"], "norm": ["norm", "branch"], "head": ["head"]}
    windows = {"head": [[0, None]], "norm": [[1, None]]}
    schedule = schedule_of(kind, windows, 4, parts=parts, group={"when_frozen": when_frozen})
    assert_same(tmp_path, schedule)


def test_rows_that_are_refused_in_every_phase_change_no_bit(tmp_path, monkeypatch):
    monkeypatch.setattr(exactness, "path_difference", lambda *_: "refused for the test")
    group = {"when_frozen": "eval"}
    events = assert_same(tmp_path, schedule_of("resnet", GRADUAL["resnet"], 6, group=group))
    decisions = of_kind(events, ev.CacheDecision)
    assert {decision.reason for decision in decisions} == {
        "refused for the test",
        "for validation, refused for the test",
    }


def differs(tmp_path: Path, schedule: Schedule, **changed: Any) -> bool:
    """Whether the cache, its own guard switched off, ends with other weights."""
    try:
        assert_same(tmp_path, schedule, **changed)
    except AssertionError:
        return True
    return False


@pytest.fixture
def unguarded(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(exactness, "path_difference", lambda *_: "")
    monkeypatch.setattr(exactness, "rows_difference", lambda *_: "")
    return monkeypatch


def test_leaving_moving_buffers_out_of_account_is_found(tmp_path, unguarded):
    found = graph.moving

    def without_buffers(model: torch.nn.Module, graphs: Any) -> graph.Moving:
        moving = found(model, graphs)
        buffers = frozenset(map(tracing.storage, model.buffers()))
        return replace(moving, storages=moving.storages - buffers)

    schedule = schedule_of("resnet", GRADUAL["resnet"], 3, group={"when_frozen": "train"})
    assert not differs(tmp_path / "right", schedule)
    unguarded.setattr(run_plan, "moving", without_buffers)
    assert differs(tmp_path / "wrong", schedule)


def test_leaving_the_view_out_of_account_is_found(tmp_path, unguarded):
    schedule = schedule_of("resnet", GRADUAL["resnet"], 3)
    fill = precompute.fill

    def always_the_first(path: ForwardPath, *others: Any) -> Any:
        return fill(ForwardPath(lambda e: path.source(e - e % 2), path.network), *others)

    assert not differs(tmp_path / "right", schedule, augment="flip")
    unguarded.setattr(precompute, "fill", always_the_first)
    assert differs(tmp_path / "wrong", schedule, augment="flip")


def test_leaving_a_thaw_out_of_account_is_found(tmp_path, unguarded):
    schedule = schedule_of("resnet", GRADUAL["resnet"], 6)
    fixed = ScheduledModel.fixed

    def as_in_the_first_phase(model: ScheduledModel, graphs: Any, epoch: int) -> Any:
        return fixed(model, graphs, 0)

    assert not differs(tmp_path / "right", schedule)
    unguarded.setattr(ScheduledModel, "fixed", as_in_the_first_phase)
    assert differs(tmp_path / "wrong", schedule)
