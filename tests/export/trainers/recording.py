"""What a trainer's process needs: exported code, small data, and a record of every step."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim.optimizer import register_optimizer_step_pre_hook

from core.grouping import group_paths, parameters_of, resolve_groups
from core.schedule import parse
from core.schedule.spec import Schedule
from tests.export.thrice import CONSTANT, STEPS, Adapted, Small

BATCH = 2
IMAGES = torch.randn(STEPS * BATCH, 3, 8, 8, generator=torch.Generator().manual_seed(1))
LABELS = torch.randint(3, (STEPS * BATCH,), generator=torch.Generator().manual_seed(2))


def arguments() -> tuple[Path, list[str]]:
    """The folder and the cases that the process is given, which has one thread."""
    torch.set_num_threads(1)
    return Path(sys.argv[1]), sys.argv[2:]


def schedule_of(folder: Path, case: str) -> Schedule:
    """The schedule that a test wrote into its folder."""
    return parse.parse((folder / f"{case}.json").read_bytes())


def imported(file: Path) -> ModuleType:
    """The exported code, as a module."""
    spec = spec_from_file_location(file.stem.replace("-", "_"), file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def refusal_in(folder: Path, name: str = "refusal") -> Iterator[None]:
    """Keeps the message of the ValueError that is to be raised within."""
    try:
        yield
    except ValueError as error:
        (folder / f"{name}.txt").write_text(str(error), encoding="utf-8")


def fresh_model(variant: str = "") -> Small:
    """The small network with the same weights every time; "adapted" is that which has constants."""
    torch.manual_seed(3)
    return Adapted() if variant == "adapted" else Small()


class Record:
    """Keeps, before every optimizer step, what each group has: [lr, trains, batchnorm, others].

    `lr` is None where the optimizer does not have the group; `batchnorm` and `others` say whether
    modules of that kind are in train mode, None where the group has none. What is constant in the
    model must never need a gradient, and is left out.
    """

    def __init__(self, model: nn.Module, schedule: Schedule) -> None:
        self._groups = resolve_groups(model, group_paths(schedule))
        names = CONSTANT if isinstance(model, Adapted) else ()
        self._constant = [model.get_parameter(name) for name in names]
        self._steps: list[dict[str, Any]] = []
        self._hook = register_optimizer_step_pre_hook(self._keep)

    def write(self, file: Path) -> None:
        """Stop, and write all steps as JSON."""
        self._hook.remove()
        file.write_text(json.dumps(self._steps), encoding="utf-8")

    def _keep(self, optimizer: torch.optim.Optimizer, *_: object) -> None:
        lrs = {id(p): float(g["lr"]) for g in optimizer.param_groups for p in g["params"]}
        row = {}
        assert not any(p.requires_grad for p in self._constant)
        constant = set(map(id, self._constant))
        for name, layers in self._groups.items():
            parameters = [p for p in parameters_of(layers) if id(p) not in constant]
            (lr,) = {lrs.get(id(p)) for p in parameters}
            (trains,) = {p.requires_grad for p in parameters}
            modes: dict[bool, set[bool]] = {True: set(), False: set()}
            for layer in layers:
                for module in layer.modules() if isinstance(layer, nn.Module) else ():
                    modes[isinstance(module, _BatchNorm)].add(module.training)
            row[name] = [lr, trains, *(any(m) if m else None for m in (modes[True], modes[False]))]
        self._steps.append(row)
