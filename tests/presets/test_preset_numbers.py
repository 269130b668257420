"""The presets' curves against the numbers of their sources, each cited by its place there."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.optim.lr_scheduler import OneCycleLR

from core import presets
from core.models import layer_table
from core.presets.apply import apply
from core.schedule import curves, plan
from core.schedule.spec import Schedule

BUNDLED = layer_table.load(presets.BUNDLED_MODEL)
VIT = "timm/vit_tiny_patch16_224"


def head_rates(schedule: Schedule, steps_per_epoch: int) -> list[float]:
    steps = np.arange(schedule.epochs * steps_per_epoch)
    found: list[float] = curves.rates_of_steps(schedule, steps, steps_per_epoch)[-1].tolist()
    return found


@pytest.mark.parametrize("model", [presets.BUNDLED_MODEL, "torchvision/resnet50", VIT])
def test_ulmfit_is_the_slanted_triangle_of_section_3_2(model: str):
    # ULMFiT (arXiv:1801.06146), Section 3.2, Equation 3, with cut_frac 0.1, ratio 32, peak 0.01
    schedule = apply(presets.by_name("ulmfit"), layer_table.load(model))
    steps_per_epoch, cut_frac, ratio, highest = 100, 0.1, 32, 0.01
    total = schedule.epochs * steps_per_epoch
    cut = math.floor(total * cut_frac)
    for t, rate in enumerate(head_rates(schedule, steps_per_epoch)):
        p = t / cut if t < cut else 1 - (t - cut) / (cut * (1 / cut_frac - 1))
        assert rate == pytest.approx(highest * (1 + p * (ratio - 1)) / ratio, rel=1e-12)


def test_ulmfit_divides_by_2_6_per_group_and_thaws_one_more_each_epoch():
    # ULMFiT (arXiv:1801.06146), Sections 3.2 and 3.3
    schedule = presets.load("ulmfit")
    peaks = [curves.peak(schedule, group) for group in reversed(schedule.groups)]
    for above, below in pairwise(peaks):
        assert below == pytest.approx(above / 2.6, rel=1e-12)
    thaws = [group.trainable for group in reversed(schedule.groups)]
    assert thaws == [((epoch, None),) for epoch in range(len(schedule.groups))]


def test_one_cycle_is_torchs_one_cycle_lr_to_1e_12():
    # OneCycleLR's defaults: pct_start 0.3, div_factor 25, final_div_factor 1e4, cosine. It counts
    # both ends of the cycle as steps, so a cycle as long as a run of n steps has n + 1.
    schedule = presets.load("one-cycle")
    steps_per_epoch = 16
    total = schedule.epochs * steps_per_epoch
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], momentum=0.9)
    scheduler = OneCycleLR(
        optimizer,
        schedule.optimizer.base_lr,
        total_steps=total + 1,
        pct_start=(0.3 * total + 1) / (total + 1),
    )
    for rate in head_rates(schedule, steps_per_epoch):
        assert rate == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-12)
        optimizer.step()
        scheduler.step()


def one_cycle(top: float, share: float, rise: float, div: float = 25.0) -> float:
    """The rate of fit_one_cycle: combined_cos of fastai 2, callback/schedule.py; div_final 1e5."""

    def between(start: float, end: float, along: float) -> float:
        return start + (1 + math.cos(math.pi * (1 - along))) * (end - start) / 2

    if share < rise:
        return between(top / div, top, share / rise)
    return between(top, top / 1e5, (share - rise) / (1 - rise))


def test_fastais_backbone_gets_its_second_cycle_over_slices():
    # fastai 2, fine_tune: fit_one_cycle(epochs, slice(1e-5, 1e-3), pct_start=0.3, div=5)
    schedule = presets.load("fastai-fine-tune")
    stem, steps_per_epoch = schedule.groups[0], 10
    n = (schedule.epochs - 1) * steps_per_epoch
    steps = np.arange(steps_per_epoch, schedule.epochs * steps_per_epoch)
    rates = curves.rates_of_steps(schedule, steps, steps_per_epoch)[0]
    for k, rate in enumerate(rates.tolist()):
        assert rate == pytest.approx(one_cycle(1e-5, k / n, 0.3, 5), rel=1e-9)
    assert stem.trainable == ((1, None),)
    peaks = [curves.peak(schedule, group) for group in schedule.groups]
    assert peaks == pytest.approx(np.geomspace(1e-5, 1e-3, len(peaks)).tolist())
    assert schedule.optimizer.weight_decay == 0.01  # fastai/optimizer.py, Adam


def test_fastais_head_has_one_cycle_that_differs_from_fastais_two_as_its_preset_says():
    # fastai 2, fine_tune: fit_one_cycle(1, slice(2e-3), pct_start=0.99), then the cycle above
    schedule, steps_per_epoch = presets.load("fastai-fine-tune"), 100
    first, n = steps_per_epoch, schedule.epochs * steps_per_epoch
    rates = np.array(head_rates(schedule, steps_per_epoch))
    assert rates == pytest.approx([one_cycle(1e-3, k / n, 0.25, 5) for k in range(n)], rel=1e-9)
    fastais = np.array(
        [one_cycle(2e-3, k / first, 0.99) for k in range(first)]
        + [one_cycle(1e-3, k / (n - first), 0.3, 5) for k in range(n - first)]
    )
    assert rates[:first].sum() / fastais[:first].sum() == pytest.approx(0.41, abs=0.01)
    rising, falling = slice(first, 5 * first // 2), slice(5 * first // 2, n)
    assert (rates[rising] / fastais[rising]).max() == pytest.approx(4.16, abs=0.01)
    assert 0.6 < (rates[falling] / fastais[falling]).min() < 0.61
    assert (rates[falling] < fastais[falling]).all()


@pytest.mark.parametrize(
    ("name", "epochs", "warmup", "rate", "weight_decay"),
    [
        ("mae-vit-b", 100, 5, 5e-4, 0.05),  # MAE: Appendix A.1, Table 9, and FINETUNE.md for blr
        ("mae-vit-l", 50, 5, 1e-3, 0.05),  # the same
        # BEiT-base without intermediate fine-tuning, batch of 1,024
        ("beit", 100, 20, 4e-3 * 256 / 1024, 0.05),
        ("electra", 3, 0.3, 1e-4, 0.01),  # configure_finetuning.py
        ("lp-ft", 20, 0, 0.03, 0.0),  # living17.yaml, resnet50_transfer.yaml
    ],
)
def test_lengths_and_rates_are_the_sources(
    name: str, epochs: int, warmup: float, rate: float, weight_decay: float
):
    schedule = presets.load(name)
    assert schedule.epochs == epochs
    assert schedule.lr.warmup.epochs == pytest.approx(warmup)
    assert schedule.optimizer.base_lr == rate
    assert schedule.optimizer.weight_decay == weight_decay


@pytest.mark.parametrize("name", ["mae-vit-b", "mae-vit-l", "beit"])
def test_every_layer_follows_the_cosine_of_the_sources_times_its_share(name: str):
    # MAE, util/lr_sched.py; BEiT, engine_for_finetuning.py: warmup from 0, cosine to min_lr 1e-6,
    # and param_group["lr"] = lr * lr_scale, the lowest rate included
    schedule = apply(presets.by_name(name), layer_table.load(VIT))
    warmup, epochs = schedule.lr.warmup.epochs, schedule.epochs
    base, min_lr = schedule.optimizer.base_lr, 1e-6
    for epoch in (0.0, 2.5, warmup, 30.0, 49.75, epochs - 0.25):
        if epoch < warmup:
            rate = base * epoch / warmup
        else:
            x = (epoch - warmup) / (epochs - warmup)
            rate = min_lr + (base - min_lr) * 0.5 * (1 + math.cos(math.pi * x))
        for group in schedule.groups:
            share = curves.scale(schedule, group)
            assert curves.lr(schedule, group, epoch) == pytest.approx(rate * share, rel=1e-12)


def test_electra_falls_as_in_its_code_at_ten_ninths_of_the_rate():
    # optimization.py: 1e-4 (1 - t) min(1, t / 0.1), t the share of the run; the preset's peak is
    # 1e-4, where that product is 0.9e-4
    schedule = presets.load("electra")
    rates = head_rates(schedule, 100)
    for step, rate in enumerate(rates):
        t = step / len(rates)
        if t < 0.1:
            assert rate == pytest.approx(1e-4 * t / 0.1)
        else:
            assert rate == pytest.approx(1e-4 * (1 - t) / 0.9)


def test_lp_ft_opens_a_still_backbone_half_way_at_a_rate_that_the_authors_try():
    # LP-FT: run_adaptation_experiments.py of the authors' code, SWEEP_LRS and
    # lp_then_ft_valmode_experiments
    schedule = apply(presets.by_name("lp-ft"), layer_table.load("torchvision/resnet50"))
    backbone, head = schedule.groups
    assert (backbone.trainable, head.trainable) == (((10, None),), ((0, None),))
    assert curves.peak(schedule, backbone) == pytest.approx(3e-5)
    assert curves.lr(schedule, backbone, 10.0) == pytest.approx(3e-5)
    assert backbone.batchnorm == "eval"


def test_wsd_is_the_cooldown_of_section_3():
    # Hägele et al. (arXiv:2405.18392), Section 3, Equation 1: linear warmup, constant, then the
    # cooldown, in Section 3.2 as 1 - sqrt((n - (N - N_decay)) / N_decay) over a fifth of the steps
    schedule, steps_per_epoch = presets.load("wsd"), 20
    total = schedule.epochs * steps_per_epoch
    warmup = 0.5 * steps_per_epoch
    cooldown = 0.2 * (total - warmup)
    for n, rate in enumerate(head_rates(schedule, steps_per_epoch)):
        if n < warmup:
            share = n / warmup
        elif n <= total - cooldown:
            share = 1.0
        else:
            share = 1 - math.sqrt((n - (total - cooldown)) / cooldown)
        assert rate == pytest.approx(schedule.optimizer.base_lr * share, rel=1e-9)


def test_bit_is_the_three_steps_of_section_3_3():
    # BiT-HyperRule (arXiv:1912.11370), Section 3.3 and bit_hyperrule.py: warmup over 500 of 10,000
    # steps, a tenth of the rate at 3,000, 6,000 and 9,000
    rates = np.array(head_rates(presets.load("bit"), 500))
    steps = np.arange(10_000)
    treads = np.select([steps < 3_000, steps < 6_000, steps < 9_000], [1.0, 0.1, 0.01], 0.001)
    expected = 0.003 * np.minimum(steps / 500, 1.0) * treads
    np.testing.assert_allclose(rates, expected, rtol=1e-12)


def test_freeze_out_freezes_by_the_cube_of_the_layers_place():
    # FreezeOut (arXiv:1706.04983), train.py and densenet.py of the authors' code:
    # t_i = (0.8 + 0.2 i / L)³, rates / t_i
    schedule = presets.load("freeze-out")
    last = len(schedule.groups) - 1
    for place, group in enumerate(schedule.groups[:-1]):
        share = (0.8 + 0.2 * place / last) ** 3
        ((start, end),) = plan.training_spans(group, schedule.epochs)
        assert start == 0
        assert abs(end - share * schedule.epochs) <= 0.5
        assert curves.scale(schedule, group) == pytest.approx(1 / share, rel=1e-5)
    assert schedule.groups[-1].trainable == ((0, None),)
    assert curves.scale(schedule, schedule.groups[-1]) == 1.0


def test_chain_thaw_trains_the_head_at_1e_3_and_each_other_group_at_1e_4():
    # DeepMoji (arXiv:1708.00524), chain_thaw in deepmoji/finetuning.py: initial_lr, next_lr
    schedule = presets.load("chain-thaw")
    peaks = [curves.peak(schedule, group) for group in schedule.groups]
    assert peaks == pytest.approx([1e-4] * (len(peaks) - 1) + [1e-3])
    sizes = [len(phase.training) for phase in plan.phases(schedule)]
    assert sizes == [1] * len(peaks) + [len(peaks)]


def test_keras_opens_the_base_after_20_epochs_at_1e_5():
    # The Keras guide, "The typical transfer-learning workflow" and "Fine-tuning"
    base, head = presets.load("keras-two-stage").groups
    schedule = presets.load("keras-two-stage")
    assert (schedule.epochs, base.trainable, head.trainable) == (30, ((20, None),), ((0, None),))
    assert curves.lr(schedule, base, 25.0) == pytest.approx(1e-5)
    assert curves.lr(schedule, head, 25.0) == pytest.approx(1e-3)
    assert base.batchnorm == "eval"


@pytest.mark.parametrize(
    ("which", "trains"),
    [
        ("first", {"stem", "layer1", "head"}),
        ("middle", {"layer2", "layer3", "head"}),
        ("last", {"head"}),
    ],
)
def test_surgical_blocks_of_a_resnet_are_the_papers(which: str, trains: set[str]):
    # Surgical fine-tuning (arXiv:2210.11466), main.py of the authors' code: conv1 and layer1 are
    # the first block, layer2 and layer3 the middle ones, fc the last layer; Adam, decay 1e-4
    schedule = apply(presets.by_name(f"surgical-{which}"), layer_table.load("torchvision/resnet50"))
    assert {group.name for group in schedule.groups if group.trainable} == trains
    assert schedule.optimizer.weight_decay == 1e-4
    assert schedule.epochs == 15
