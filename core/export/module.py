"""A Python module for one's own loop: param groups, a LambdaLR, and a function that freezes."""

from __future__ import annotations

from core.export import python_freezing, python_rates, python_table
from core.export.exported import Exported, Source

_OPTIMIZER = '''\
def make_optimizer(model):
    """One param group per group, frozen ones included: they would never train after their thaw."""
    groups = [
        {{"name": group["name"], "params": parameters(model, group), "lr": group["peak"]}}
        for group in GROUPS
    ]
    return {optimizer}


def make_scheduler(optimizer, steps_per_epoch):
    """Rates as factors of each group's peak: call its step() after every optimizer.step()."""

    def factor(group):
        return lambda step: rate(group, time(step, steps_per_epoch)) / group["peak"]

    return torch.optim.lr_scheduler.LambdaLR(optimizer, [factor(group) for group in GROUPS])'''

_USAGE = """\
from FILE import EPOCHS, freeze, make_optimizer, make_scheduler

optimizer = make_optimizer(model)
scheduler = make_scheduler(optimizer, steps_per_epoch=len(loader))
for epoch in range(EPOCHS):
    model.train()
    freeze(model, epoch)  # of DistributedDataParallel: model.module, and wrap it anew after this
    for images, labels in loader:
        optimizer.zero_grad()
        loss = loss_function(model(images), labels)
        loss.backward()
        optimizer.step()
        scheduler.step()
"""


def export(source: Source) -> Exported:
    """The module; it works with any model that has the parts which the groups name."""
    schedule = source.schedule
    imports = ["import math"] if python_rates.needs_math(schedule) else []
    if python_freezing.has_bare_parameters(source):
        imports.append("from operator import attrgetter")
    optimizer = python_table.optimizer(schedule, "groups")
    code = [
        python_table.heading(schedule),
        "\n".join([*imports, *([""] if imports else []), *_torch(source)]),
        python_table.table(schedule),
        "\n" + python_rates.rates(schedule),
        "\n" + python_freezing.groups(source),
        "\n" + python_freezing.freezing(source),
        "\n" + _OPTIMIZER.format(optimizer=optimizer),
    ]
    kept = "every rate of every step, and which parameters train when"
    return Exported("\n\n".join(code) + "\n", kept=kept, usage=_USAGE)


def _torch(source: Source) -> list[str]:
    """The imports of torch that the functions need."""
    held = any(group.batchnorm == "eval" for group in source.schedule.groups)
    needs_nn = held or python_freezing.has_bare_parameters(source)
    return ["import torch", *(["from torch import nn"] if needs_nn else [])]
