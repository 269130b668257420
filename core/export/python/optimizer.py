"""The optimizer of a schedule and its scheduler, as the few lines of Python that make them."""

from __future__ import annotations

from core.export.python import table
from core.schedule.spec import Schedule

_CODE = '''\
def make_optimizer(model):
    """One param group per group, frozen ones included: they would never train after their thaw."""
    groups = [
        {{"name": group["name"], "params": parameters(model, group), "lr": group["peak"]}}
        for group in GROUPS
    ]
    return {optimizer}


def make_scheduler(optimizer, steps_per_epoch):
    """Rates as factors of each group's peak: call its step() after every optimizer.step().

    An epoch's steps are counted by these: where gradients are accumulated, they are fewer than its
    batches.
    """

    def factor(group):
        return lambda step: rate(group, time(step, steps_per_epoch)) / group["peak"]

    return torch.optim.lr_scheduler.LambdaLR(optimizer, [factor(group) for group in GROUPS])'''


def optimizer(schedule: Schedule) -> str:
    """The functions `make_optimizer(model)` and `make_scheduler(optimizer, steps_per_epoch)`."""
    return _CODE.format(optimizer=table.optimizer(schedule, "groups"))
