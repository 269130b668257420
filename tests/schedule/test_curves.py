from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.optim.lr_scheduler import (
    ConstantLR,
    CosineAnnealingLR,
    ExponentialLR,
    LinearLR,
    LRScheduler,
    MultiStepLR,
    OneCycleLR,
    PolynomialLR,
    SequentialLR,
)

from core import presets
from core.recording import from_optimizer
from core.records.infer_schedule import as_schedule
from core.schedule import curves
from core.schedule.parse import from_raw, to_raw
from core.schedule.shapes import (
    DECAYS,
    WSD,
    Constant,
    Cosine,
    Exponential,
    FloorFactor,
    FloorLR,
    Linear,
    MultiStep,
    Polynomial,
    Warmup,
)
from core.schedule.spec import Group, LearningRate, Schedule
from tests.schedule.strategies import decays, documents, schedules, times

EXERCISE = presets.load("exercise")
NAMES = [group.name for group in EXERCISE.groups]
PEAK = 0.3


def torchs_rates(
    make: Callable[[torch.optim.Optimizer], LRScheduler], steps: int, *peaks: float
) -> np.ndarray:
    """What PyTorch sets at each step, read from the optimizer: shape (groups, steps)."""
    groups = [{"params": [nn.Parameter(torch.ones(1))], "lr": peak} for peak in peaks or (PEAK,)]
    optimizer = torch.optim.SGD(groups)
    scheduler = make(optimizer)
    columns = []
    for _ in range(steps):
        columns.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        scheduler.step()
    return np.array(columns).T


def of_exercise(epochs: np.ndarray) -> dict[str, np.ndarray]:
    return dict(zip(NAMES, curves.rates(EXERCISE, epochs), strict=True))


def highest(schedule: Schedule, group: Group) -> float:
    """The higher one of the group's peak and an absolute floor."""
    floor = schedule.lr.decay.floor
    return max(curves.peak(schedule, group), floor.lr if isinstance(floor, FloorLR) else 0.0)


def test_the_exercise_is_torchs_sequential_lr_table_to_1e_12():
    def recipe(optimizer: torch.optim.Optimizer) -> LRScheduler:
        rise = LinearLR(optimizer, start_factor=0.1, total_iters=3)
        fall = CosineAnnealingLR(optimizer, T_max=17, eta_min=1e-6)
        return SequentialLR(optimizer, [rise, fall], [3])

    head_first = torchs_rates(recipe, 20, *(1e-3 * 0.1**i for i in range(6)))
    ours = curves.rates(EXERCISE, np.arange(20))
    np.testing.assert_allclose(ours, head_first[::-1], rtol=1e-12, atol=0)


def test_cosine_is_torchs_cosine_annealing_to_1e_12():
    lr = LearningRate(decay=Cosine(shape="cosine", floor=FloorLR(lr=1e-3)))
    theirs = torchs_rates(lambda o: CosineAnnealingLR(o, T_max=30, eta_min=1e-3), 31)[0]
    np.testing.assert_allclose(curves.curve(lr, PEAK, np.arange(31), 30), theirs, rtol=1e-12)


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0, 3.0])
def test_polynomial_is_torchs_polynomial_lr_to_1e_12(power: float):
    lr = LearningRate(decay=Polynomial(shape="polynomial", power=power))
    theirs = torchs_rates(lambda o: PolynomialLR(o, total_iters=30, power=power), 31)[0]
    ours = curves.curve(lr, PEAK, np.arange(31), 30)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-17)


def test_exponential_is_torchs_exponential_lr_to_1e_12_and_found_in_a_loop_that_has_it():
    lr = LearningRate(decay=Exponential(shape="exponential", final_share=0.9**30))
    theirs = torchs_rates(lambda o: ExponentialLR(o, gamma=0.9), 30)[0]
    np.testing.assert_allclose(curves.curve(lr, PEAK, np.arange(30), 30), theirs, rtol=1e-12)
    model = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=PEAK)
    recorded = from_optimizer(model, optimizer, ExponentialLR(optimizer, gamma=0.9), 30)
    found = as_schedule(recorded, "my/model").lr.decay
    assert isinstance(found, Exponential)
    assert found.final_share == pytest.approx(0.9**30, rel=1e-12)


@pytest.mark.parametrize("gamma", [0.1, 0.97])
def test_steps_are_torchs_multi_step_lr_to_1e_12(gamma: float):
    lr = LearningRate(decay=MultiStep(shape="steps", milestones=(0.3, 0.6, 0.9), gamma=gamma))
    theirs = torchs_rates(lambda o: MultiStepLR(o, milestones=[9, 18, 27], gamma=gamma), 31)[0]
    np.testing.assert_allclose(curves.curve(lr, PEAK, np.arange(31), 30), theirs, rtol=1e-12)


def test_a_milestone_at_a_step_is_reached_there_however_the_share_is_rounded():
    lr = LearningRate(decay=MultiStep(shape="steps", milestones=(0.1,), gamma=0.5))
    assert (3 / 10) / 3 < 0.1
    rates = curves.curve(lr, PEAK, np.arange(30) / 10, 3)
    assert np.flatnonzero(rates < PEAK)[0] == 3


def test_linear_is_torchs_linear_lr_to_the_floors_factor():
    lr = LearningRate(decay=Linear(shape="linear", floor=FloorFactor(factor=0.05)))
    theirs = torchs_rates(
        lambda o: LinearLR(o, start_factor=1.0, end_factor=0.05, total_iters=30), 31
    )[0]
    np.testing.assert_allclose(curves.curve(lr, PEAK, np.arange(31), 30), theirs, rtol=1e-12)


def test_linear_warmup_is_torchs_linear_lr():
    lr = LearningRate(warmup=Warmup(epochs=7, start_factor=0.2), decay=Constant(shape="constant"))
    theirs = torchs_rates(lambda o: LinearLR(o, start_factor=0.2, total_iters=7), 30)[0]
    np.testing.assert_allclose(curves.curve(lr, PEAK, np.arange(30), 30), theirs, rtol=1e-12)


def test_constant_is_torchs_constant_lr_of_factor_1():
    lr = LearningRate(decay=Constant(shape="constant"))
    theirs = torchs_rates(lambda o: ConstantLR(o, factor=1.0), 10)[0]
    np.testing.assert_array_equal(curves.curve(lr, PEAK, np.arange(10), 10), theirs)


def test_slanted_triangular_is_linear_warmup_and_linear_decay():
    """ULMFiT, arXiv:1801.06146, equation 3, with T = 200, cut_frac = 0.1 and ratio = 32."""
    total, cut_frac, ratio = 200, 0.1, 32
    cut = math.floor(total * cut_frac)

    def stlr(t: int) -> float:
        p = t / cut if t < cut else 1 - (t - cut) / (cut * (1 / cut_frac - 1))
        return PEAK * (1 + p * (ratio - 1)) / ratio

    steps_per_epoch = 20
    lr = LearningRate(
        warmup=Warmup(epochs=cut / steps_per_epoch, start_factor=1 / ratio),
        decay=Linear(shape="linear", floor=FloorFactor(factor=1 / ratio)),
    )
    ours = curves.curve(lr, PEAK, np.arange(total) / steps_per_epoch, total / steps_per_epoch)
    np.testing.assert_allclose(ours, [stlr(t) for t in range(total)], rtol=1e-9)


def test_one_cycle_is_cosine_warmup_and_cosine_decay():
    steps, per_epoch = 101, 10

    def one_cycle(optimizer: torch.optim.Optimizer) -> LRScheduler:
        return OneCycleLR(optimizer, PEAK, total_steps=steps, cycle_momentum=False)

    lr = LearningRate(
        warmup=Warmup(epochs=(0.3 * steps - 1) / per_epoch, start_factor=1 / 25, shape="cosine"),
        decay=Cosine(shape="cosine", floor=FloorFactor(factor=1 / 25 / 1e4)),
    )
    theirs = torchs_rates(one_cycle, steps - 1)[0]  # the last has no step after it
    ours = curves.curve(lr, PEAK, np.arange(steps - 1) / per_epoch, (steps - 1) / per_epoch)
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)


def test_wsd_is_flat_and_then_one_minus_the_root_of_the_cooldown():
    """Hägele et al. 2024, arXiv:2405.18392: 1 - sqrt((n - (N - N_decay)) / N_decay)."""
    total, cooling, warming = 100, 20, 10
    lr = LearningRate(
        warmup=Warmup(epochs=warming, start_factor=0.0),
        decay=WSD(shape="wsd", cooldown=cooling / (total - warming)),
    )

    def wsd(n: int) -> float:
        if n < warming:
            return n / warming
        return 1.0 if n <= total - cooling else 1 - math.sqrt((n - (total - cooling)) / cooling)

    ours = curves.curve(lr, 1.0, np.arange(total + 1), total)
    theirs = [wsd(n) for n in range(total + 1)]
    np.testing.assert_allclose(ours, theirs, rtol=1e-7)  # the root's slope is endless at the joint
    assert ours[-1] == 0.0


def test_the_exercises_stem_rises_a_hundredfold():
    stem = of_exercise(np.arange(20))["stem"]
    assert curves.peak(EXERCISE, EXERCISE.group("stem")) == pytest.approx(1e-8)
    assert stem[3] == pytest.approx(1e-8)
    assert stem[19] == pytest.approx(9.9e-7, rel=0.01)
    assert np.all(np.diff(stem) > 0)


def test_the_exercises_layer1_rises_tenfold():
    layer1 = of_exercise(np.arange(20))["layer1"]
    assert layer1[3] == pytest.approx(1e-7)
    assert layer1[19] / layer1[3] == pytest.approx(10, rel=0.01)


def test_the_exercises_layer2_stays_flat_after_warmup():
    layer2 = of_exercise(np.arange(3, 20))["layer2"]
    np.testing.assert_allclose(layer2, 1e-6, rtol=1e-12)


def test_no_rate_of_the_mended_exercise_rises_after_warmup():
    mended = curves.rates(presets.load("exercise-mended"), np.arange(3, 20))
    assert np.all(np.diff(mended, axis=1) < 0)


@given(decays)
def test_a_share_begins_at_1_never_rises_and_ends_at_0_unless_the_shape_has_no_floor(
    raw: dict[str, Any],
):
    decay = DECAYS[raw["shape"]].model_validate_json(json.dumps(raw))
    share = decay.share(np.linspace(0.0, 1.0, 1_001))
    assert share[0] == 1.0
    assert np.all(np.diff(share) <= 0.0)
    assert share[-1] == 0.0 if "floor" in type(decay).model_fields else share[-1] >= 0.0


@given(decays)
def test_the_exported_lines_of_a_shape_give_its_share(raw: dict[str, Any]):
    decay = DECAYS[raw["shape"]].model_validate_json(json.dumps(raw))
    own = decay.model_dump(exclude={"shape", "floor"})
    for x in (0.0, 0.25, 0.5, 0.987, 1.0):
        found: dict[str, Any] = {"x": x, "share": 1.0, "math": math}
        found |= {name.upper(): value for name, value in own.items()}
        exec("\n".join(decay.python), found)
        assert found["share"] == pytest.approx(decay.share(np.array([x]))[0], rel=1e-14, abs=1e-16)


@given(schedules(), st.data())
def test_a_rate_is_finite_and_between_0_and_the_higher_of_peak_and_floor(
    schedule: Schedule, data: st.DataObject
):
    t = data.draw(times(schedule))
    for group, rates in zip(schedule.groups, curves.rates(schedule, t), strict=True):
        assert np.all(np.isfinite(rates))
        assert np.all(rates >= 0.0)
        assert np.all(rates <= highest(schedule, group) * (1 + 1e-12))


@given(schedules())
def test_a_peak_is_a_positive_finite_number(schedule: Schedule):
    for group in schedule.groups:
        assert 0.0 < curves.peak(schedule, group) < math.inf


@given(documents(), st.floats(1e-6, 0.5))
def test_the_rate_is_continuous_where_warmup_ends(raw: dict, end: float):
    raw.setdefault("lr", {})["interval"] = "step"
    raw["lr"].setdefault("warmup", {})["epochs"] = end
    schedule = from_raw(raw)
    for group in schedule.groups:
        joint = end + curves.curve_start(schedule, group)
        before, after = curves.lr(schedule, group, [np.nextafter(joint, 0.0), joint])
        peak = curves.peak(schedule, group)
        assert before == pytest.approx(peak, rel=1e-6)
        assert after == pytest.approx(peak, rel=1e-6, abs=1e-6 * highest(schedule, group))


@given(schedules())
def test_warmup_never_falls_and_what_follows_never_turns(schedule: Schedule):
    end = min(schedule.lr.warmup.epochs, schedule.epochs)
    warming = np.linspace(0.0, end, 50)[:-1]
    after = np.linspace(end, schedule.epochs, 50)
    for group in schedule.groups:
        peak = curves.peak(schedule, group)
        rise = curves.curve(schedule.lr, peak, warming, schedule.epochs)
        rest = curves.curve(schedule.lr, peak, after, schedule.epochs)
        assert np.all(np.diff(rise) >= -1e-12 * peak)
        steps, noise = np.diff(rest), 1e-12 * rest.max()
        assert np.all(steps >= -noise) or np.all(steps <= noise)


@given(schedules())
def test_a_rate_is_held_before_the_run_and_after_it(schedule: Schedule):
    first, last = 0.0, float(schedule.epochs)
    rates = curves.rates(schedule, [first - 5, first, last, last + 5])
    np.testing.assert_array_equal(rates[:, 0], rates[:, 1])
    if schedule.lr.warmup.epochs <= 1 and schedule.lr.after_unfreeze == "follow":
        np.testing.assert_array_equal(rates[:, 2], rates[:, 3])


@given(documents(), st.sampled_from([0.25, 0.5, 2.0, 4.0]))
def test_with_a_relative_floor_twice_the_base_rate_is_twice_every_rate(raw: dict, factor: float):
    raw["optimizer"]["base_lr"] = 1e-3
    raw.setdefault("lr", {})["decay"] = {"shape": "cosine", "floor": {"factor": 0.25}}
    schedule = from_raw(raw)
    raw["optimizer"]["base_lr"] = 1e-3 * factor
    t = np.linspace(0, schedule.epochs, 20)
    expected = curves.rates(schedule, t) * factor
    # below the smallest normal number there are too few digits for a relative comparison
    tiny = np.finfo(np.float64).tiny
    np.testing.assert_allclose(curves.rates(from_raw(raw), t), expected, rtol=1e-12, atol=tiny)


@given(schedules(), st.integers(1, 7), st.integers(0, 200))
def test_a_rate_is_a_function_of_the_step_that_takes_arrays_or_numbers(
    schedule: Schedule, per_epoch: int, step: int
):
    steps = np.arange(step + 1)
    together = curves.rates(schedule, curves.time_of_step(schedule, steps, per_epoch))
    alone = curves.rates(schedule, curves.time_of_step(schedule, step, per_epoch))
    assert together.shape == (len(schedule.groups), step + 1)
    np.testing.assert_array_equal(together[:, -1], alone)


def test_with_interval_epoch_all_steps_of_an_epoch_have_one_rate():
    assert curves.time_of_step(EXERCISE, [0, 9, 10, 19, 20], 10).tolist() == [0, 0, 1, 1, 2]


def test_with_interval_step_time_goes_on_with_every_step():
    gradual = presets.load("gradual")
    assert curves.time_of_step(gradual, [0, 5, 10, 25], 10).tolist() == [0.0, 0.5, 1.0, 2.5]


def test_a_group_without_a_scale_gets_the_decay_once_per_group_of_distance_from_the_head():
    scales = [curves.scale(EXERCISE, group) for group in EXERCISE.groups]
    assert scales == pytest.approx([1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0], rel=1e-12)


def restarting(windows: list[list[int | None]], *, mode: str = "restart") -> Schedule:
    return from_raw(
        {
            "format": "thaw.schedule",
            "version": 1,
            "name": "Restart",
            "model": {"name": "torchvision/resnet18"},
            "epochs": 10,
            "optimizer": {"name": "adam", "base_lr": 1.0},
            "lr": {
                "warmup": {"epochs": 2, "start_factor": 0.5},
                "decay": {"shape": "linear"},
                "after_unfreeze": mode,
            },
            "groups": [{"name": "all", "modules": ["fc"], "trainable": windows}],
        }
    )


def test_restart_begins_the_curve_anew_at_the_first_thaw_and_ends_it_with_the_run():
    schedule = restarting([[4, None]])
    rates = curves.rates(schedule, [4, 5, 6, 8, 10])[0]
    np.testing.assert_allclose(rates, [0.5, 0.75, 1.0, 0.5, 0.0])


def test_restart_does_not_begin_again_at_a_second_thaw():
    once = curves.rates(restarting([[4, None]]), np.arange(10))
    again = curves.rates(restarting([[4, 5], [7, None]]), np.arange(10))
    np.testing.assert_array_equal(once, again)


def test_follow_has_one_curve_for_every_thaw():
    late = curves.rates(restarting([[4, None]], mode="follow"), np.arange(10))
    early = curves.rates(restarting([[0, None]], mode="follow"), np.arange(10))
    np.testing.assert_array_equal(late, early)


def test_a_group_that_thaws_after_the_run_has_a_finite_rate_all_the_same():
    assert np.all(np.isfinite(curves.rates(restarting([[12, None]]), np.linspace(0, 20, 41))))


def test_a_warmup_of_the_whole_run_ends_at_the_peak():
    lr = LearningRate(warmup=Warmup(epochs=4, start_factor=0.5))
    np.testing.assert_allclose(curves.curve(lr, 1.0, [0, 2, 4, 9], 4), [0.5, 0.75, 1.0, 1.0])


def test_the_shortest_warmup_that_a_float_can_say_is_no_warmup():
    lr = LearningRate(warmup=Warmup(epochs=5e-324), decay=Constant(shape="constant"))
    assert curves.curve(lr, 1.0, [0.0, 0.5, 1.0], 1).tolist() == [0.1, 1.0, 1.0]


def test_peaks_times_and_lengths_broadcast():
    lr = LearningRate(decay=Linear(shape="linear"))
    rates = curves.curve(lr, [[1.0], [2.0]], [0, 5, 10], [[10], [20]])
    assert rates.tolist() == [[1.0, 0.5, 0.0], [2.0, 1.5, 1.0]]


@given(schedules(), st.data())
def test_the_rates_of_all_groups_have_the_bits_of_each_groups_own(
    schedule: Schedule, data: st.DataObject
):
    t = data.draw(times(schedule))
    together = curves.rates(schedule, t)
    for group, rates in zip(schedule.groups, together, strict=True):
        assert rates.tobytes() == curves.lr(schedule, group, t).tobytes()
        assert rates.tolist() == [float(curves.lr(schedule, group, at)) for at in t]


@given(schedules(), st.integers(1, 9), st.lists(st.integers(0, 200), min_size=1))
def test_steps_may_be_asked_for_in_any_order_and_more_than_once(
    schedule: Schedule, per_epoch: int, steps: list[int]
):
    rates = curves.rates_of_steps(schedule, steps, per_epoch)
    times = curves.time_of_step(schedule, steps, per_epoch)
    assert rates.tobytes() == curves.rates(schedule, times).tobytes()
    alone = curves.rates_of_steps(schedule, steps[0], per_epoch)
    assert alone.tolist() == rates[:, 0].tolist()


@pytest.mark.parametrize("interval", ["epoch", "step"])
@pytest.mark.parametrize("after_unfreeze", ["follow", "restart"])
@pytest.mark.parametrize("shape", DECAYS)
def test_a_long_table_has_the_rates_of_its_steps_one_by_one(
    shape: str, after_unfreeze: str, interval: str
):
    raw = to_raw(presets.load("gradual"))
    raw["epochs"] = 40
    raw["lr"] |= {"decay": {"shape": shape}, "after_unfreeze": after_unfreeze, "interval": interval}
    schedule = from_raw(raw)
    table = curves.rates_of_steps(schedule, np.arange(40_000), 1_000)
    assert table.shape == (len(schedule.groups), 40_000)
    for step in (0, 999, 1_000, 16_383, 16_384, 20_001, 32_767, 32_768, 39_999):
        t = curves.time_of_step(schedule, step, 1_000)
        for group, rates in zip(schedule.groups, table, strict=True):
            assert rates[step] == float(curves.lr(schedule, group, t))


def test_a_scale_goes_by_the_groups_name():
    other = EXERCISE.group("layer2").model_copy(update={"trainable": ()})
    assert curves.scale(EXERCISE, other) == curves.scale(EXERCISE, EXERCISE.group("layer2"))
    with pytest.raises(KeyError):
        curves.scale(EXERCISE, other.model_copy(update={"name": "layer9"}))


ANY_RATE = st.one_of(st.floats(), st.just(0.0), st.floats(1e-12, 1e3))


def error(actual: float, planned: float) -> float:
    """The law of one rate, in plain Python."""
    if not math.isfinite(actual):
        return sys.float_info.max
    if planned == 0.0:
        return 0.0 if actual == 0.0 else sys.float_info.max
    return min(abs(actual - planned) / planned, sys.float_info.max)


@given(st.lists(st.tuples(ANY_RATE, st.floats(0.0, 1e3)), min_size=1))
def test_the_errors_of_many_rates_are_those_of_each(pairs: list[tuple[float, float]]):
    actual, planned = np.array(pairs).T
    errors = curves.relative_error(actual, planned)
    assert errors.tolist() == [error(*pair) for pair in pairs]
    assert [float(curves.relative_error(*pair)) for pair in pairs] == errors.tolist()
    assert np.all(np.isfinite(errors))
