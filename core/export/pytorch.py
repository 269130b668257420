"""A standalone PyTorch script: it needs torch, torchvision or timm, and a folder of images.

Its numbers are Thaw's own: the same order of the images, the same arithmetic, the same rates. On
the CPU it ends with the weights of a run of Thaw on the same images, in the same size and batches,
bit for bit, with two exceptions: where timm downloads the weights, the new head begins with other
random numbers, and powers of a polynomial decay may differ from NumPy's in their last bit.
"""

from __future__ import annotations

from core.errors import ExportError
from core.export.exported import FILE, Exported, Source
from core.export.python.templates import render
from core.models import weight_files
from core.presets import BUNDLED_WEIGHTS
from core.schedule.spec import Schedule

_USAGE = f"""\
python {FILE} DATA --image-size 224 --batch-size 32
torchrun --nproc-per-node 2 {FILE} DATA
"""


def export(source: Source) -> Exported:
    """Return the script; ExportError where it is not known how the network's head is replaced."""
    library, _, short = source.schedule.model.name.partition("/")
    if library not in ("torchvision", "timm"):
        wrong = f"is {source.schedule.model.name!r}, of neither torchvision nor timm"
        raise ExportError("model.name", wrong, "take a model of one of them")
    script = render(
        "pytorch.py.jinja",
        source,
        library=library,
        short=short,
        heads=_heads(source) if library == "torchvision" else (),
        BUNDLED=BUNDLED_WEIGHTS,
        weight_files=weight_files,
    )
    kept = f"every rate to 1e-12, and what trains when; {_bits(source.schedule, library)}"
    return Exported(script, kept=kept, usage=_USAGE)


def _heads(source: Source) -> list[tuple[str, str, bool]]:
    """Return where a model of torchvision has its heads, their layers' kinds, and their biases."""
    name, table = source.schedule.model.name, source.table
    if table is None or not table.heads:
        way_out = f"see its parts with: python -m core groups {name}"
        raise ExportError("model.name", f"is {name!r}, whose head is not known", way_out)
    kinds = {layer.path: layer.kind for layer in table.layers}
    return [(_place(head.path), kinds[head.path], head.bias) for head in table.heads]


def _place(path: str) -> str:
    """Return the layer of that path in Python: `model.classifier[1]`."""
    first, *rest = path.split(".")
    return f"model.{first}" + "".join(f"[{p}]" if p.isdigit() else f".{p}" for p in rest)


def _bits(schedule: Schedule, library: str) -> str:
    if any("**" in line for line in schedule.lr.decay.python):
        return "the last bits may differ from Thaw's own run, since NumPy rounds powers differently"
    if library == "timm" and schedule.model.weights not in (None, BUNDLED_WEIGHTS):
        # Thaw makes such a network twice
        return "not the bits of Thaw's own run, whose new head begins with other random numbers"
    return (
        "on the CPU, every bit of Thaw's own run on all images, without augmentation, at the same "
        "image and batch size"
    )
