"""Thaw's engine: design a fine-tuning schedule, check it, and run exactly what was drawn.

What your own training loop needs can be imported from here. That is what imports torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.attached import attach
    from core.freezing import GradualUnfreezer, count_trainable, freeze_group, unfreeze_group
    from core.grouping import get_layer_groups
    from core.optimizer import get_optimizer_with_discriminative_lr
    from core.recording import from_optimizer
    from core.records.infer_schedule import as_schedule
    from core.records.io import record_json
    from core.scheduler import create_scheduler_with_warmup

__all__ = [
    "GradualUnfreezer",
    "as_schedule",
    "attach",
    "count_trainable",
    "create_scheduler_with_warmup",
    "freeze_group",
    "from_optimizer",
    "get_layer_groups",
    "get_optimizer_with_discriminative_lr",
    "record_json",
    "unfreeze_group",
]

_EXPORTS = {
    "core.attached": ("attach",),
    "core.records.infer_schedule": ("as_schedule",),
    "core.records.io": ("record_json",),
    "core.freezing": ("GradualUnfreezer", "count_trainable", "freeze_group", "unfreeze_group"),
    "core.grouping": ("get_layer_groups",),
    "core.optimizer": ("get_optimizer_with_discriminative_lr",),
    "core.recording": ("from_optimizer",),
    "core.scheduler": ("create_scheduler_with_warmup",),
}


def __getattr__(name: str) -> Any:
    for module, names in _EXPORTS.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
