from __future__ import annotations

import math

import pytest
import torch

from core.freezing import apply_plan
from core.grouping import group_paths, resolve_groups
from core.optimizer import build_optimizer
from core.schedule import curves, edits
from core.scheduler import ScheduleLR
from core.training.audit import Auditor
from core.training.models import build
from tests.training.small import small_schedule

STEPS = 2


class Watched:
    """A model under audit whose steps move nothing, so that every change is the test's own."""

    def __init__(self, when_frozen: str = "eval", batchnorm: str | None = None) -> None:
        self.schedule = small_schedule(3, when_frozen=when_frozen)
        for group in self.schedule.groups:
            self.schedule = edits.set_group(self.schedule, group.name, batchnorm=batchnorm)
        self.model = build("timm/tf_efficientnet_lite0")
        self.groups = resolve_groups(self.model, group_paths(self.schedule))
        self.optimizer = build_optimizer(self.schedule, self.groups)
        self.scheduler = ScheduleLR(self.optimizer, self.schedule, STEPS)
        self.auditor = Auditor(self.schedule, self.groups, STEPS)

    def epoch(self, epoch, meddle=None):
        apply_plan(self.groups, self.schedule, epoch)
        self.auditor.epoch_begins(epoch)
        for step in range(epoch * STEPS, (epoch + 1) * STEPS):
            if meddle:
                meddle(self)
            self.auditor.step(step, self.optimizer)
            self.optimizer.step()
            self.scheduler.step()
        self.auditor.epoch_ended(epoch)

    def result(self, meddle=None):
        for epoch in range(3):
            self.epoch(epoch, meddle if epoch == 1 else None)
        return self.auditor.result()


def unchanged(audit):
    return {(span.group, span.start): span.unchanged for span in audit.spans}


def test_an_honest_run_passes_with_no_error_at_all():
    audit = Watched().result()
    assert audit.max_lr_error == 0.0
    assert audit.steps == 3 * STEPS
    assert audit.frozen_groups_unchanged
    assert len(audit.spans) == 6


def test_a_rate_that_is_off_by_a_millionth_is_seen():
    def meddle(run):
        run.optimizer.param_groups[-1]["lr"] *= 1 + 1e-6

    assert Watched().result(meddle).max_lr_error == pytest.approx(1e-6, rel=1e-3)


def test_a_rate_of_a_frozen_group_is_no_ones_business():
    def meddle(run):
        run.optimizer.param_groups[0]["lr"] = 7.0

    assert Watched().result(meddle).max_lr_error == 0.0


def test_one_moved_weight_of_a_frozen_group_is_seen_in_its_span_alone():
    def meddle(run):
        with torch.no_grad():
            run.model.get_parameter("blocks.5.0.conv_pw.weight")[0, 0] += 1e-7

    audit = Watched().result(meddle)
    assert not audit.frozen_groups_unchanged
    assert [key for key, same in unchanged(audit).items() if not same] == [("stage4", 0)]


def test_a_moved_statistic_of_a_frozen_batch_norm_is_seen():
    def meddle(run):
        run.model.get_buffer("bn1.running_var")[3] += 1e-6

    assert [k for k, same in unchanged(Watched().result(meddle)).items() if not same] == [
        ("stem", 0)
    ]


def test_a_moved_statistic_is_allowed_to_a_group_that_is_frozen_in_train_mode():
    def meddle(run):
        run.model.get_buffer("bn1.running_var")[3] += 1e-6

    audit = Watched(when_frozen="train").result(meddle)
    assert audit.frozen_groups_unchanged
    assert not any(span.buffers for span in audit.spans)


def test_a_moved_statistic_is_seen_where_batch_norm_is_held_in_eval_mode():
    def meddle(run):
        run.model.get_buffer("bn1.running_var")[3] += 1e-6

    audit = Watched(when_frozen="train", batchnorm="eval").result(meddle)
    assert [key for key, same in unchanged(audit).items() if not same] == [("stem", 0)]
    assert all(span.buffers for span in audit.spans)


def test_what_moves_while_a_group_trains_is_not_held_against_it():
    run = Watched()
    for epoch in range(2):
        run.epoch(epoch)
    apply_plan(run.groups, run.schedule, 2)
    with torch.no_grad():
        run.model.get_parameter("conv_head.weight").add_(1.0)
    run.epoch(2)
    assert run.auditor.result().frozen_groups_unchanged


def test_a_weight_that_moves_between_two_sittings_is_seen():
    first = Watched()
    first.epoch(0)
    second = Watched()
    second.model.load_state_dict(first.model.state_dict())
    second.auditor.load_state_dict(first.auditor.state_dict())
    assert second.auditor.result() == first.auditor.result()
    with torch.no_grad():
        second.model.get_parameter("conv_stem.weight")[0] += 1.0
    for epoch in (1, 2):
        second.epoch(epoch)
    audit = second.auditor.result()
    assert audit.steps == 3 * STEPS
    assert unchanged(audit)["stem", 0] is False
    assert unchanged(audit)["stage1", 0] is True


def test_the_error_of_a_missing_or_undue_rate_is_the_largest_there_is():
    assert curves.relative_error(math.nan, 1.0) == curves.relative_error(math.inf, 1.0) > 1e300
    assert curves.relative_error(1e-30, 0.0) > 1e300
    assert curves.relative_error(0.0, 0.0) == 0.0
    assert curves.relative_error(1.5, 1.0) == 0.5


def rates_only(steps_per_epoch):
    """An auditor, and an optimizer whose rates the test sets, of groups with a weight each."""
    schedule = small_schedule(3)
    layers = {group.name: [torch.nn.Linear(1, 1)] for group in schedule.groups}
    auditor = Auditor(schedule, layers, steps_per_epoch)
    return schedule, auditor, build_optimizer(schedule, layers)


def set_planned(schedule, optimizer, step, steps_per_epoch):
    rates = curves.rates(schedule, curves.time_of_step(schedule, step, steps_per_epoch)).tolist()
    for group, rate in zip(optimizer.param_groups, rates, strict=True):
        group["lr"] = rate


def test_steps_are_judged_by_their_number_in_whatever_order_they_come():
    schedule, auditor, optimizer = rates_only(4)
    for step in (11, 0, 5, 5, 3, 8):
        set_planned(schedule, optimizer, step, 4)
        auditor.step(step, optimizer)
    assert auditor.result().max_lr_error == 0.0
    auditor.step(7, optimizer)  # with the rates of step 8
    assert auditor.result().max_lr_error > 0.0
    assert auditor.result().steps == 7


@pytest.mark.parametrize("wrong_at", [0, 7_020, 7_022, 8_999])
def test_one_wrong_rate_is_seen_in_an_epoch_of_thousands_of_steps(wrong_at):
    schedule, auditor, optimizer = rates_only(9_000)
    table = curves.rates_of_steps(schedule, range(9_000), 9_000).T.tolist()
    for step, rates in enumerate(table):
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * (1 + 1e-9) if step == wrong_at else rate
        auditor.step(step, optimizer)
    assert auditor.result().max_lr_error == pytest.approx(1e-9, rel=1e-3)


def test_a_wrong_rate_just_before_a_stop_is_remembered_by_the_next_sitting():
    schedule, first, optimizer = rates_only(4)
    set_planned(schedule, optimizer, 5, 4)
    optimizer.param_groups[-1]["lr"] *= 2
    first.step(5, optimizer)
    _, second, _ = rates_only(4)
    second.load_state_dict(first.state_dict())
    assert second.result().max_lr_error == 1.0


def test_loading_a_state_leaves_nothing_of_the_steps_before():
    _, auditor, optimizer = rates_only(4)
    clean = auditor.state_dict()
    optimizer.param_groups[-1]["lr"] = 7.0
    auditor.step(5, optimizer)
    auditor.load_state_dict(clean)
    assert (auditor.result().steps, auditor.result().max_lr_error) == (0, 0.0)


def test_a_group_that_the_optimizer_lacks_is_seen_once_it_should_train():
    schedule, auditor, optimizer = rates_only(4)
    optimizer.param_groups[-2]["name"] = "someone else"  # conv_head, which trains from epoch 1
    for step in range(4):
        set_planned(schedule, optimizer, step, 4)
        auditor.step(step, optimizer)
    assert auditor.result().max_lr_error == 0.0
    set_planned(schedule, optimizer, 4, 4)
    auditor.step(4, optimizer)
    assert auditor.result().max_lr_error == curves.relative_error(math.nan, 1.0)
