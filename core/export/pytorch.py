"""A standalone PyTorch script: it needs torch, torchvision or timm, and a folder of images.

Its numbers are Thaw's own: the same order of the images, the same arithmetic, the same rates. On
the CPU it ends with the weights of a run of Thaw on the same images, in the same size and batches,
bit for bit, with two exceptions: where timm downloads the weights, the new head begins with other
random numbers, and powers of a polynomial decay may differ from NumPy's in their last bit.
"""

from __future__ import annotations

from importlib.resources import files
from string import Template

from core.export.exported import FILE, Exported, Source
from core.export.python import freezing, model, rates, table
from core.schedule.spec import Schedule

_STANDARD = ("import argparse", "import math", "import os", "import sys")
_OTHERS = (
    "import torch",
    "import torch.distributed as dist",
    "from PIL import Image, ImageOps",
    "from torch import nn",
    "from torch.nn.parallel import DistributedDataParallel",
    "from torch.utils.data import DataLoader, Dataset",
)
_OPTIMIZER = '''\
def make_optimizer(model):
    """One param group per group, frozen ones included: they would never train after their thaw."""
    groups = [{"name": group["name"], "params": parameters(model, group)} for group in GROUPS]
    return '''
_USAGE = f"""\
python {FILE} DATA --image-size 224 --batch-size 32
torchrun --nproc-per-node 2 {FILE} DATA
"""
_TEMPLATE = files("core.export") / "pytorch.template"


def export(source: Source) -> Exported:
    """Return the script; ExportError where it is not known how the network's head is replaced."""
    schedule = source.schedule
    made = model.build(source)
    optimizer = table.optimizer(schedule, "groups")
    script = Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        heading=table.heading(schedule),
        model=schedule.model.name,
        needs=made.needs,
        imports=_imports(source, made.imports),
        table=table.table(schedule),
        constants=made.constants,
        rates=rates.rates(schedule),
        groups=freezing.groups(source),
        freezing=freezing.freezing(source),
        build=f"{made.code}\n\n\n{_OPTIMIZER}{optimizer}",
    )
    kept = f"every rate to 1e-12, and what trains when; {_bits(schedule, made)}"
    return Exported(script, kept=kept, usage=_USAGE)


def _bits(schedule: Schedule, made: model.Build) -> str:
    if any("**" in line for line in schedule.lr.decay.python):
        return "the last bits may differ from Thaw's own run, since NumPy rounds powers differently"
    if not made.draws_as_thaw:
        return "not the bits of Thaw's own run, whose new head begins with other random numbers"
    return (
        "on the CPU, every bit of Thaw's own run on all images, without augmentation, at the same "
        "image and batch size"
    )


def _imports(source: Source, of_the_model: tuple[str, ...]) -> str:
    """Import lines in two blocks, the standard library first, each sorted as isort does."""
    standard = [*_STANDARD, "from pathlib import Path"]
    if freezing.has_bare_parameters(source):
        standard.append("from operator import attrgetter")
    own = ("import re", "from importlib.resources import files")
    standard += [line for line in of_the_model if line in own]
    others = [*_OTHERS, *(line for line in of_the_model if line not in own)]
    return "\n\n".join("\n".join(sorted(lines, key=_place)) for lines in (standard, others))


def _place(line: str) -> tuple[bool, str]:
    return line.startswith("from"), line.split()[1].lower()
