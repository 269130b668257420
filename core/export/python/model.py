"""The lines of Python that make a schedule's network, with its weights and a new head."""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import ExportError
from core.export.exported import Source
from core.export.python.quoting import python
from core.models.layer_table import Head, LayerTable
from core.models.timm_weights import IMPORTED, PACKAGE, PACKAGED, UNTAGGED
from core.models.torchvision_files import AUXILIARY, CENTRED, INCEPTIONS, OLD_NAME
from core.presets import BUNDLED_WEIGHTS

_IMAGENET = "MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's channels"
_CENTRED = f"MEAN, STD = {CENTRED}, {CENTRED}  # pixels from -1 to 1, as these weights want them"


@dataclass(frozen=True, slots=True)
class Build:
    """The function `build_model(classes, image_size)`, and what it and its users need.

    `constants` gives MEAN and STD per channel; `needs` names the packages. `draws_as_thaw` says
    whether the new head gets the random numbers that it has in a run of Thaw.
    """

    imports: tuple[str, ...]
    constants: str
    code: str
    needs: str
    draws_as_thaw: bool = True


def build(source: Source) -> Build:
    """Return how the schedule's network is made; ExportError where that is not known."""
    library, _, short = source.schedule.model.name.partition("/")
    if library == "torchvision":
        return _torchvision(source, short)
    if library == "timm":
        return _timm(source, short)
    wrong = f"is {source.schedule.model.name!r}, of neither torchvision nor timm"
    raise ExportError("model.name", wrong, "take a model of one of them")


def _torchvision(source: Source, short: str) -> Build:
    table, weights = source.table, source.schedule.model.weights
    if table is None or not table.heads:
        name = source.schedule.model.name
        way_out = f"see its parts with: python -m core groups {name}"
        raise ExportError("model.name", f"is {name!r}, whose head is not known", way_out)
    imports = []
    lines = [
        "def build_model(classes, image_size):",
        f'    """{_what(source)}"""',
        f"    model = models.get_model({python(short)}, weights=None{_options(short)})",
    ]
    if weights is not None:
        lines += [
            f"    weights = models.get_model_weights({python(short)})[{python(weights)}]",
            "    state = weights.get_state_dict(weights_only=True, check_hash=True)",
        ]
        if short.startswith("vit_"):
            imports.append(
                "from torchvision.models.vision_transformer import interpolate_embeddings"
            )
            lines.append(
                "    state = interpolate_embeddings(model.image_size, model.patch_size, state)"
            )
        if short in INCEPTIONS:
            names = f"[name for name in state if name.startswith({python(AUXILIARY)})]"
            lines += [
                f"    for name in {names}:",
                "        del state[name]",
            ]
        if short.startswith("densenet"):
            imports.insert(0, "import re")
            lines += [
                "    for name in list(state):  # its file is older than the names of its layers",
                rf'        new = re.sub(r"{OLD_NAME}", r"\1", name)',
                "        state[new] = state.pop(name)",
            ]
        lines.append("    model.load_state_dict(state)")
    lines += [f"    {_replaced(table, head)}" for head in table.heads]
    return Build(
        (*imports, "from torchvision import models, transforms"),
        _IMAGENET if weights is None or short not in INCEPTIONS else _CENTRED,
        "\n".join([*lines, "    return model"]),
        "torchvision",
    )


def _options(short: str) -> str:
    if short in INCEPTIONS:
        return ", aux_logits=False"
    if short.startswith("vit_"):
        return ", image_size=image_size"
    if short == "maxvit_t":
        return ", input_size=(image_size, image_size)"
    return ""


def _replaced(table: LayerTable, head: Head) -> str:
    """Return the line that puts a new head in the place of the old one."""
    first, *rest = head.path.split(".")
    place = f"model.{first}" + "".join(f"[{p}]" if p.isdigit() else f".{p}" for p in rest)
    kind = next(layer.kind for layer in table.layers if layer.path == head.path)
    bias = "" if head.bias else ", bias=False"
    if kind == "Conv2d":
        return f"{place} = nn.Conv2d({place}.in_channels, classes, {place}.kernel_size{bias})"
    return f"{place} = nn.Linear({place}.in_features, classes{bias})"


def _timm(source: Source, short: str) -> Build:
    weights = source.schedule.model.weights
    tagged = short if weights in (None, BUNDLED_WEIGHTS, UNTAGGED) else f"{short}.{weights}"
    loaded = weights not in (None, BUNDLED_WEIGHTS)
    imports = ["import timm"]
    lines = [
        "def build_model(classes, image_size):",
        f'    """{_what(source)}"""',
        "    resized = CONFIG.fixed_input_size and image_size != CONFIG.input_size[-1]",
        '    options = {"img_size": image_size} if resized else {}',
        f"    model = timm.create_model({python(tagged)}, pretrained={loaded}, **options)",
    ]
    if weights == BUNDLED_WEIGHTS:
        imports.insert(0, "from importlib.resources import files")
        lines += [
            f'    folder = files("{IMPORTED}") / "models"',
            f'    state = torch.load(folder / "{PACKAGED}", weights_only=True)',
            "    # the package has the same tensors in the same order under other names",
            "    model.load_state_dict(dict(zip(model.state_dict(), state.values(), strict=True)))",
        ]
    return Build(
        (*imports, "from torchvision import transforms"),
        f"CONFIG = timm.get_pretrained_cfg({python(tagged)})\nMEAN, STD = CONFIG.mean, CONFIG.std",
        "\n".join([*lines, "    model.reset_classifier(classes)", "    return model"]),
        f"timm and {PACKAGE}" if weights == BUNDLED_WEIGHTS else "timm",
        draws_as_thaw=not loaded,  # Thaw makes such a network twice
    )


def _what(source: Source) -> str:
    """Return the network in words, for a docstring."""
    library, _, short = source.schedule.model.name.partition("/")
    weights = source.schedule.model.weights
    kept = "random weights" if weights is None else "pretrained weights"
    return f"The {short} of {library} with {kept} and a new head."
