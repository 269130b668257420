"""A Python module for one's own loop: param groups, a LambdaLR, and a function that freezes."""

from __future__ import annotations

from core.export.exported import MODULE, Exported, Source
from core.export.python import freezing, optimizer
from core.export.python.file import python_file

_USAGE = f"""\
# In your training script,
# where model, loader and loss_function are yours:
from {MODULE} import EPOCHS, freeze, make_optimizer, make_scheduler

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
    """Return the module; it works with any model that has the parts which the groups name."""
    code = python_file(
        source,
        [],
        freezing.freezing(source),
        optimizer.optimizer(source.schedule),
    )
    return Exported(
        code, kept="every rate of every step, and which parameters train when", usage=_USAGE
    )
