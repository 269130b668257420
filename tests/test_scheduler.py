from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    LinearLR,
    LRScheduler,
    OneCycleLR,
    SequentialLR,
)

from core.errors import InputError
from core.optimizer import build_optimizer
from core.schedule import curves
from core.schedule.optimizers import SGD, Adam, AdamW, Optimizer
from core.schedule.shapes import Cosine, FloorFactor, FloorLR, Linear, Warmup
from core.schedule.spec import Group, LearningRate, ModelRef, Schedule
from core.scheduler import ScheduleLR, create_scheduler_with_warmup

PEAKS = tuple(1e-3 * 0.1**i for i in range(6))
ONE = (Group(name="all", modules=("0",), trainable=((0, None),)),)
THREE = (
    Group(name="stem", modules=("0",), trainable=((2, None),)),
    Group(name="body", modules=("1",), trainable=((1, 2), (3, None)), lr_scale=0.3),
    Group(name="head", modules=("2",), trainable=((0, None),)),
)


def sgd(peaks: tuple[float, ...] = PEAKS, names: tuple[str, ...] = ()) -> torch.optim.Optimizer:
    groups: list[dict[str, Any]] = [
        {"params": [nn.Parameter(torch.ones(1))], "lr": p} for p in peaks
    ]
    for group, name in zip(groups, names, strict=False):
        group["name"] = name
    return torch.optim.SGD(groups)


def table(scheduler: LRScheduler, steps: int) -> np.ndarray:
    """The rates in use at each step, read from the optimizer: shape (steps, groups)."""
    rows = []
    for _ in range(steps):
        rows.append([float(group["lr"]) for group in scheduler.optimizer.param_groups])
        scheduler.optimizer.step()
        scheduler.step()
    return np.array(rows)


def sequential(optimizer: torch.optim.Optimizer, warmup: int, total: int) -> SequentialLR:
    rise = LinearLR(optimizer, start_factor=0.1, total_iters=warmup)
    fall = CosineAnnealingLR(optimizer, T_max=total - warmup, eta_min=1e-6)
    return SequentialLR(optimizer, [rise, fall], [warmup])


def schedule(
    lr: LearningRate,
    groups: tuple[Group, ...] = ONE,
    *,
    epochs: int = 5,
    optimizer: Optimizer | None = None,
) -> Schedule:
    return Schedule(
        format="thaw.schedule",
        version=1,
        name="Test",
        model=ModelRef(name="test/tiny"),
        epochs=epochs,
        optimizer=optimizer or Adam(name="adam", base_lr=0.1),
        lr=lr,
        groups=groups,
    )


RESTARTING = schedule(
    LearningRate(
        group_decay=0.5,
        warmup=Warmup(epochs=0.5, start_factor=0.2, shape="cosine"),
        after_unfreeze="restart",
    ),
    THREE,
)
BY_EPOCH = schedule(LearningRate(group_decay=0.5, interval="epoch", warmup=Warmup(epochs=2)), THREE)


def test_the_exercises_scheduler_is_torchs_sequential_lr_for_3_of_20_epochs_to_1e_12():
    ours = table(create_scheduler_with_warmup(sgd(), 3, 20), 20)
    torchs = table(sequential(sgd(), 3, 20), 20)
    assert ours.shape == (20, 6)
    np.testing.assert_allclose(ours, torchs, rtol=0, atol=1e-12)
    np.testing.assert_allclose(ours, torchs, rtol=1e-9)


@given(
    st.integers(2, 40).flatmap(lambda total: st.tuples(st.integers(1, total - 1), st.just(total)))
)
def test_it_is_torchs_sequential_lr_for_any_warmup_shorter_than_the_run(lengths: tuple[int, int]):
    ours = table(create_scheduler_with_warmup(sgd(), *lengths), lengths[1] + 1)
    torchs = table(sequential(sgd(), *lengths), lengths[1] + 1)
    np.testing.assert_allclose(ours, torchs, rtol=1e-9, atol=1e-18)


def test_the_stems_rate_rises_a_hundredfold_under_the_exercises_absolute_floor():
    rates = table(create_scheduler_with_warmup(sgd(), 3, 20), 20)
    stem, layer2 = rates[:, 5], rates[:, 3]
    assert stem[3] == pytest.approx(1e-8)
    assert stem[-1] / stem[3] == pytest.approx(99, abs=0.5)
    assert layer2[3:] == pytest.approx([1e-6] * 17)


def test_without_warmup_it_starts_at_the_peak_and_is_torchs_cosine():
    ours = table(create_scheduler_with_warmup(sgd(), 0, 20), 21)
    torchs = table(CosineAnnealingLR(sgd(), T_max=20, eta_min=1e-6), 21)
    assert tuple(ours[0]) == pytest.approx(PEAKS, rel=1e-12)
    np.testing.assert_allclose(ours, torchs, rtol=0, atol=1e-12)


def test_a_warmup_as_long_as_the_run_reaches_the_peak_and_stays():
    ours = table(create_scheduler_with_warmup(sgd(), 5, 5), 10)
    torchs = table(LinearLR(sgd(), start_factor=0.1, total_iters=5), 10)
    np.testing.assert_allclose(ours, torchs, rtol=1e-12)
    np.testing.assert_allclose(ours[5:], np.tile(PEAKS, (5, 1)), rtol=1e-12)


def test_past_the_end_the_floor_holds_where_torchs_cosine_climbs_again():
    ours = table(create_scheduler_with_warmup(sgd(), 3, 20), 40)
    torchs = table(sequential(sgd(), 3, 20), 40)
    np.testing.assert_allclose(ours[20:], 1e-6, rtol=1e-12)
    assert torchs[36, 0] > 9e-4


@pytest.mark.parametrize(
    ("warmup", "total", "message"),
    [
        (-1, 20, "warmup_epochs is -1: give 0 for no warmup"),
        (math.nan, 20, "warmup_epochs is nan: give 0 for no warmup"),
        (0, 0, "total_epochs is 0: give 1 to 10000 epochs"),
        (0, 10_001, "total_epochs is 10001: give 1 to 10000 epochs"),
        (
            5,
            4,
            "warmup_epochs is 5, but the run has 4 epochs: "
            "shorten the warmup to at most 4, or run 5 epochs or more",
        ),
    ],
)
def test_impossible_lengths_are_refused(warmup: int, total: int, message: str):
    with pytest.raises(InputError) as caught:
        create_scheduler_with_warmup(sgd(), warmup, total)
    assert str(caught.value) == message


def test_a_param_group_added_in_mid_run_follows_its_own_curve():
    late, whole = sgd(PEAKS[:1]), sgd(PEAKS[:2])
    scheduler, other = (
        create_scheduler_with_warmup(optimizer, 3, 20) for optimizer in (late, whole)
    )
    table(scheduler, 5)
    late.add_param_group({"params": [nn.Parameter(torch.ones(1))], "lr": PEAKS[1]})
    table(scheduler, 1)
    table(other, 6)
    assert table(scheduler, 10).tolist() == table(other, 10).tolist()


@pytest.mark.parametrize("stopped_at", [0, 1, 3, 11])
@pytest.mark.parametrize("first", ["optimizer", "scheduler"])
@pytest.mark.parametrize("kind", ["warmup", "schedule"])
def test_a_scheduler_resumes_exactly_in_whatever_order_the_states_are_loaded(
    kind: str, first: str, stopped_at: int
):
    def fresh() -> LRScheduler:
        if kind == "warmup":
            return create_scheduler_with_warmup(sgd(), 3, 20)
        return ScheduleLR(sgd((0.0,) * 3, ("stem", "body", "head")), RESTARTING, 4)

    whole, stopped, resumed = table(fresh(), 24), fresh(), fresh()
    table(stopped, stopped_at)
    buffer = io.BytesIO()
    torch.save([stopped.optimizer.state_dict(), stopped.state_dict()], buffer)
    buffer.seek(0)
    saved = dict(
        zip(["optimizer", "scheduler"], torch.load(buffer, weights_only=True), strict=True)
    )
    assert saved["scheduler"] == {"last_epoch": stopped_at}
    parts = {"optimizer": resumed.optimizer, "scheduler": resumed}
    for name in sorted(parts, reverse=first == "scheduler"):
        parts[name].load_state_dict(saved[name])
    assert table(resumed, 24 - stopped_at).tolist() == whole[stopped_at:].tolist()


def test_loading_the_scheduler_alone_sets_the_rates():
    scheduler = ScheduleLR(sgd((0.0,), ("all",)), schedule(LearningRate()), 4)
    scheduler.load_state_dict({"last_epoch": 10})
    assert scheduler.last_epoch == 10
    assert scheduler.get_last_lr() == [scheduler.optimizer.param_groups[0]["lr"]]
    assert scheduler.get_last_lr() == [pytest.approx(0.05)]  # halfway down the cosine


@pytest.mark.parametrize("document", [RESTARTING, BY_EPOCH], ids=["restarting", "by epoch"])
def test_a_schedule_sets_what_curves_says_by_the_groups_names(document: Schedule):
    names = ("head", "stem", "body")
    rates = table(ScheduleLR(sgd((0.0,) * 3, names), document, 7), 40)
    times = curves.time_of_step(document, np.arange(40), 7)
    for column, name in enumerate(names):
        wanted = curves.lr(document, document.group(name), times)
        assert rates[:, column].tolist() == wanted.tolist()
    assert rates[:, 0].tolist() != rates[:, 1].tolist()


def test_rates_are_plain_floats_in_the_optimizer():
    scheduler = ScheduleLR(sgd((0.0,), ("all",)), schedule(LearningRate()), 4)
    assert type(scheduler.optimizer.param_groups[0]["lr"]) is float


def test_a_rate_that_is_a_tensor_is_set_in_place():
    parameter, rate = nn.Parameter(torch.ones(1)), torch.tensor(1.0)
    group = {"params": [parameter], "lr": rate, "name": "all"}
    ScheduleLR(torch.optim.Adam([group]), schedule(LearningRate()), 4)
    assert rate.item() == pytest.approx(0.1)


def test_the_exercises_document_is_torchs_sequential_lr_held_through_each_epoch_to_1e_12():
    names = tuple(f"g{i}" for i in range(6))
    document = schedule(
        LearningRate(
            group_decay=0.1,
            interval="epoch",
            warmup=Warmup(epochs=3, start_factor=0.1),
            decay=Cosine(shape="cosine", floor=FloorLR(lr=1e-6)),
        ),
        tuple(Group(name=name, modules=(name,)) for name in names),
        epochs=20,
        optimizer=Adam(name="adam", base_lr=1e-3),
    )
    ours = table(ScheduleLR(sgd((0.0,) * 6, names[::-1]), document, 3), 60)
    torchs = np.repeat(table(sequential(sgd(), 3, 20), 20), 3, axis=0)
    np.testing.assert_allclose(ours, torchs, rtol=0, atol=1e-12)


def test_slanted_triangular_rates_are_a_composition_to_1e_9():
    # Howard & Ruder 2018, arXiv:1801.06146, equation 3
    epochs, per_epoch, cut_frac, ratio, peak = 5, 20, 0.1, 32, 0.1
    total = epochs * per_epoch
    cut = int(total * cut_frac)

    def stlr(t: int) -> float:
        p = t / cut if t < cut else 1 - (t - cut) / (cut * (1 / cut_frac - 1))
        return peak * (1 + p * (ratio - 1)) / ratio

    document = schedule(
        LearningRate(
            warmup=Warmup(epochs=cut / per_epoch, start_factor=1 / ratio),
            decay=Linear(shape="linear", floor=FloorFactor(factor=1 / ratio)),
        ),
        epochs=epochs,
    )
    ours = table(ScheduleLR(sgd((0.0,), ("all",)), document, per_epoch), total + 1)
    np.testing.assert_allclose(ours[:, 0], [stlr(t) for t in range(total + 1)], rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("pct", "div", "final_div"), [(0.3, 25.0, 1e4), (0.25, 10.0, 100.0), (0.5, 4.0, 2.0)]
)
def test_one_cycle_is_a_composition_to_1e_9(pct: float, div: float, final_div: float):
    epochs, per_epoch, peak = 4, 25, 0.1
    steps = epochs * per_epoch
    torchs = OneCycleLR(
        sgd((1.0,)),
        max_lr=peak,
        total_steps=steps + 1,
        pct_start=pct,
        div_factor=div,
        final_div_factor=final_div,
        cycle_momentum=False,
    )
    document = schedule(
        LearningRate(
            warmup=Warmup(
                epochs=(pct * (steps + 1) - 1) / per_epoch, start_factor=1 / div, shape="cosine"
            ),
            decay=Cosine(shape="cosine", floor=FloorFactor(factor=1 / (div * final_div))),
        ),
        epochs=epochs,
    )
    ours = ScheduleLR(sgd((0.0,), ("all",)), document, per_epoch)
    np.testing.assert_allclose(table(ours, steps), table(torchs, steps), rtol=0, atol=1e-9)
    last = [scheduler.optimizer.param_groups[0]["lr"] for scheduler in (ours, torchs)]
    assert last[0] == pytest.approx(last[1], abs=1e-9)


@pytest.mark.parametrize(
    "spec",
    [
        Adam(name="adam", base_lr=0.1, weight_decay=0.1),
        AdamW(name="adamw", base_lr=0.1, weight_decay=0.1),
        SGD(name="sgd", base_lr=0.1, weight_decay=0.1, momentum=0.9),
    ],
    ids=lambda spec: spec.name,
)
def test_training_under_a_schedule_is_a_loop_written_by_hand_bit_for_bit(spec: Optimizer):
    document = RESTARTING.model_copy(update={"optimizer": spec})
    kinds = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}
    options = spec.model_dump(exclude={"name", "base_lr"})

    def network() -> nn.Sequential:
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2))

    ours, by_hand = network(), network()
    groups = {name: [part] for name, part in zip(("stem", "body", "head"), ours, strict=True)}
    optimizer = build_optimizer(document, groups, fused=False)
    scheduler = ScheduleLR(optimizer, document, 4)
    others = [kinds[spec.name](part.parameters(), lr=1.0, **options) for part in by_hand]
    for step in range(20):
        x = torch.randn(8, 4)
        optimizer.zero_grad()
        ours(x).square().mean().backward()
        optimizer.step()
        scheduler.step()
        by_hand.zero_grad()
        by_hand(x).square().mean().backward()
        for other, group in zip(others, document.groups, strict=True):
            other.param_groups[0]["lr"] = float(curves.lr(document, group, step / 4))
            other.step()
    start = network().state_dict()
    for name, value in ours.state_dict().items():
        assert torch.equal(value, by_hand.state_dict()[name])
        assert not torch.equal(value, start[name])


@pytest.mark.parametrize("names", [("alll",), ()])
def test_a_param_group_that_the_schedule_does_not_name_is_refused(names: tuple[str, ...]):
    with pytest.raises(InputError) as caught:
        ScheduleLR(sgd((0.1,), names), schedule(LearningRate()), 4)
    value, way_out = ("'alll'", "did you mean 'all'?") if names else ("None", "use one of all")
    assert str(caught.value) == (
        f"optimizer.param_groups[0]['name'] is {value}, which is not a group of the schedule: "
        f"{way_out}"
    )


def test_an_epoch_without_steps_is_refused():
    with pytest.raises(
        InputError, match=r"^steps_per_epoch is 0: give the optimizer steps of an epoch, a whole"
    ):
        ScheduleLR(sgd((0.1,), ("all",)), schedule(LearningRate()), 0)


@pytest.mark.parametrize("document", [RESTARTING, BY_EPOCH], ids=["restarting", "by epoch"])
def test_rates_are_the_laws_at_whatever_step_they_are_asked_for(document: Schedule):
    names = ("stem", "body", "head")
    scheduler = ScheduleLR(sgd((0.0,) * 3, names), document, 9_000)
    for step in (0, 44_999, 1, 16_384, 16_383, 20_000, 50_000, 1_000_000, 36_000, 35_999, 2):
        t = curves.time_of_step(document, step, 9_000)
        assert scheduler.rates_at(step) == [float(curves.lr(document, g, t)) for g in THREE]


def test_a_param_group_that_is_added_later_gets_its_rate_with_the_next_step():
    scheduler = ScheduleLR(sgd((0.0,), ("head",)), RESTARTING, 4)
    scheduler.optimizer.step()
    scheduler.optimizer.add_param_group(
        {"params": [nn.Parameter(torch.ones(1))], "lr": 7.0, "name": "stem"}
    )
    scheduler.step()
    wanted = [float(curves.lr(RESTARTING, RESTARTING.group(n), 0.25)) for n in ("head", "stem")]
    assert [group["lr"] for group in scheduler.optimizer.param_groups] == wanted
