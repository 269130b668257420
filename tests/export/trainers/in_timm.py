"""Run timm's train.py, and keep every parameter's rate at every step of the optimizer.

python -m tests.export.trainers.in_timm RECORD TRAIN_PY FLAGS...
"""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path
from typing import Any

import timm.models
import torch
from torch.optim.optimizer import Optimizer, register_optimizer_step_pre_hook

if __name__ == "__main__":
    torch.set_num_threads(1)
    names: dict[int, str] = {}
    rows: list[dict[str, float]] = []
    create_model = timm.models.create_model

    def created(*args: Any, **options: Any) -> torch.nn.Module:
        """The model, whose parameters' names are kept."""
        model = create_model(*args, **options)
        names.update({id(parameter): name for name, parameter in model.named_parameters()})
        return model

    def keep(optimizer: Optimizer, *_: object) -> None:
        """Take down a step."""
        rows.append({names[id(p)]: g["lr"] for g in optimizer.param_groups for p in g["params"]})

    timm.models.create_model = created
    register_optimizer_step_pre_hook(keep)
    record, *sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")
    Path(record).write_text(json.dumps(rows), encoding="utf-8")
