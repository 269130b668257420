"""Nothing that Thaw reads can run a program: no pickle is loaded, and no text is evaluated."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from core import presets
from core.export import pytorch
from core.models import layer_table
from core.schedule.spec import ModelRef
from tests.export.made import source

ROOT = Path(__file__).parents[1]
SOURCES = sorted(path for part in ("core", "pages") for path in (ROOT / part).rglob("*.py"))
FORBIDDEN = {
    "eval",
    "exec",
    "pickle.load",
    "pickle.loads",
    "pickle.Unpickler",
    "marshal.load",
    "marshal.loads",
    "shelve.open",
    "joblib.load",
    "yaml.load",
    "pd.read_pickle",
    "torch.hub.load",
    "torch.jit.load",
}
"""What runs what it reads."""
LOADERS = ("torch.load", "load_state_dict_from_url", ".get_state_dict")
"""What does so unless it is told otherwise."""


def faults(source: str) -> list[str]:
    """The calls in a module that could run what they read."""
    found = []
    for call in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)):
        name = ast.unparse(call.func)
        given = {each.arg: ast.unparse(each.value) for each in call.keywords}
        unsafe = (
            name in FORBIDDEN
            or (name.endswith(LOADERS) and given.get("weights_only") != "True")
            or given.get("allow_pickle", "False") != "False"
        )
        if unsafe:
            found.append(ast.unparse(call))
    return found


@pytest.mark.parametrize(
    "call",
    [
        "pickle.loads(x)",
        "torch.load(f)",
        "torch.load(f, weights_only=False)",
        "torch.hub.load_state_dict_from_url(url)",
        "weights.get_state_dict(progress=True)",
        "eval(x)",
    ],
)
def test_a_call_that_could_run_what_it_reads_is_found(call: str) -> None:
    assert faults(f"found = {call}") == [call]


def test_no_module_loads_a_pickle_or_evaluates_a_text() -> None:
    assert {str(path): faults(path.read_text(encoding="utf-8")) for path in SOURCES} == {
        str(path): [] for path in SOURCES
    }


@pytest.mark.parametrize(
    ("model", "weights"),
    [
        ("torchvision/resnet18", "IMAGENET1K_V1"),
        ("timm/vit_tiny_patch16_224", "augreg_in21k"),
        (presets.BUNDLED_MODEL, presets.BUNDLED_WEIGHTS),
    ],
)
def test_no_exported_script_loads_a_pickle(model: str, weights: str) -> None:
    table = layer_table.load(model)
    schedule = presets.load_for("gradual", table, ModelRef(name=model, weights=weights))
    script = pytorch.export(source(schedule, table)).content
    assert isinstance(script, str)
    assert faults(script) == []
