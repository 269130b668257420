"""A standalone PyTorch script: it needs torch, torchvision or timm, and a folder of images.

It has the order of images, the arithmetic and the rates of a run of Thaw. On the CPU it ends with
the bits of a run on the same images, in the same size and batches, with two exceptions: if timm
downloads the weights, the new head begins with other random numbers, and powers of a polynomial
decay may differ from NumPy's in their last bit.
"""

from __future__ import annotations

from core.errors import ExportError
from core.export.export_result import FILE, Exported, ExportSource
from core.export.python.templates import render
from core.models import weight_files
from core.presets import BUNDLED_WEIGHTS
from core.schedule.spec import Schedule

_USAGE = f"""\
python {FILE} DATA --image-size 224 --batch-size 32
torchrun --nproc-per-node 2 {FILE} DATA
"""


def export(source: ExportSource) -> Exported:
    """Return the script; raise ExportError if it is unknown how the network's head is replaced."""
    library, _, short = source.schedule.model.name.partition("/")
    if library not in ("torchvision", "timm"):
        wrong = f"is {source.schedule.model.name!r}, of neither torchvision nor timm"
        raise ExportError("model.name", wrong, "take a model of one of them")
    script = render(
        "pytorch.py.jinja",
        source,
        skips_steps=False,
        library=library,
        short=short,
        heads=_heads(source) if library == "torchvision" else (),
        BUNDLED=BUNDLED_WEIGHTS,
        weight_files=weight_files,
    )
    preserved = f"every rate to 1e-12, and what trains when; {_bits(source.schedule, library)}"
    return Exported(script, preserved=preserved, usage=_USAGE)


def _heads(source: ExportSource) -> list[tuple[str, str, bool]]:
    """Return each head of a torchvision model: its layer, its kind, and whether it has a bias."""
    name, table = source.schedule.model.name, source.table
    if table is None or not table.heads:
        way_out = f"see its parts with: python -m core groups {name}"
        raise ExportError("model.name", f"is {name!r}, whose head is not known", way_out)
    kinds = {layer.path: layer.kind for layer in table.layers}
    return [(_python_path(head.path), kinds[head.path], head.bias) for head in table.heads]


def _python_path(path: str) -> str:
    """Return the Python expression of a layer: `model.classifier[1]`."""
    first, *rest = path.split(".")
    return f"model.{first}" + "".join(f"[{p}]" if p.isdigit() else f".{p}" for p in rest)


def _bits(schedule: Schedule, library: str) -> str:
    if any("**" in line for line in schedule.lr.decay.python):
        return "the last bits may differ from Thaw's own run, since NumPy rounds powers differently"
    if library == "timm" and schedule.model.weights not in (None, BUNDLED_WEIGHTS):
        # Thaw makes such a network twice, which draws other numbers for the head
        return "not the bits of Thaw's own run, whose new head begins with other random numbers"
    return (
        "on the CPU, every bit of Thaw's own run on all images, without augmentation, at the same "
        "image and batch size"
    )
