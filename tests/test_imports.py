"""Imports go one way: pages never bring torch, and core never brings streamlit."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = {"torch", "torchvision", "timm"}
LAYERS = (
    {"errors"},
    {"files", "schedule"},
    {"records", "models", "data", "library"},
    {"presets", "checks", "cache_plan", "compare"},
    {"export", "runs", "demo"},
    {"suggest"},
    {"grouping"},
    {"freezing", "optimizer", "scheduler"},
    {"attached", "recording"},
    {"training"},
    {"cli"},
    {"__main__", "__init__"},
)
"""The folders and modules of core, each of which imports from those before it alone."""
BOTH_WAYS = {"runs", "demo"}
"""A demo is made of runs, and the start of a run waits in its queue."""

_IMPORT_ALL = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def modules(*places: str, apart_from: tuple[str, ...] = ()) -> list[str]:
    """Names of all modules at those places, found by walking the folders."""
    files = [f for place in places for f in sorted(ROOT.glob(place)) if f.name != "__init__.py"]
    names = [".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files]
    return [name for name in names if not name.startswith(apart_from)]


def loaded_with(names: list[str]) -> set[str]:
    """Top-level packages in memory after a fresh Python has imported those modules."""
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT_ALL, *names], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def imported(file: Path) -> Iterator[str]:
    """The parts of core that a file imports, also in functions, but not for its types alone."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            assert not any(each.name.startswith("core") for each in node.names), file
        if isinstance(node, ast.ImportFrom) and id(node) not in for_types:
            first, _, rest = str(node.module).partition(".")
            if first == "core":
                yield from [rest.partition(".")[0]] if rest else [each.name for each in node.names]


def part_of(file: Path) -> str:
    return file.relative_to(ROOT / "core").parts[0].removesuffix(".py")


@pytest.mark.parametrize("layer", range(len(LAYERS)))
def test_a_part_of_core_imports_from_the_layers_before_it_alone(layer: int) -> None:
    below = set().union(*LAYERS[:layer])
    for file in (ROOT / "core").rglob("*.py"):
        part = part_of(file)
        if part in LAYERS[layer]:
            allowed = below | {part} | (BOTH_WAYS if part in BOTH_WAYS else set())
            assert set(imported(file)) <= allowed, file


def test_every_part_of_core_has_a_layer() -> None:
    parts = {part_of(file) for file in (ROOT / "core").rglob("*.py")}
    assert parts == set().union(*LAYERS)


def test_pages_import_nothing_that_needs_torch_or_is_the_command_line() -> None:
    allowed = set().union(*LAYERS[:5])
    for file in (ROOT / "pages").rglob("*.py"):
        assert set(imported(file)) <= allowed, file


def test_what_needs_no_torch_and_the_pages_never_load_it() -> None:
    with_torch = ("core.training.", "core.cli.")
    names = modules("core/*/**/*.py", "pages/**/*.py", "app.py", apart_from=with_torch)
    assert {"core.schedule.curves", "core.runs.run_folder", "pages.design", "app"} <= set(names)
    loaded = loaded_with([*names, "core.library", "core.errors"])
    assert "streamlit" in loaded
    assert loaded & (HEAVY | {"vl_convert"}) == set()


def test_schedule_checks_and_comparison_load_neither_streamlit_nor_torch() -> None:
    folders = ("schedule", "presets", "checks", "models", "records", "compare", "cache_plan")
    loaded = loaded_with(modules(*(f"core/{folder}/**/*.py" for folder in folders)))
    assert "pydantic" in loaded
    assert loaded & (HEAVY | {"streamlit", "altair", "pandas"}) == set()


def test_no_module_of_core_loads_streamlit() -> None:
    names = modules("core/**/*.py")
    assert {"core.__main__", "core.scheduler", "core.training.train"} <= set(names)
    loaded = loaded_with(names)
    assert loaded >= {"torch", "numpy"}
    assert "streamlit" not in loaded


@pytest.mark.parametrize("top", ["core", "pages"])
@pytest.mark.parametrize("modules_of", ["*.py", "*.js"])
def test_no_folder_holds_more_than_25_modules_of_a_language(top: str, modules_of: str) -> None:
    for folder in {file.parent for file in (ROOT / top).rglob(modules_of)}:
        assert len([*folder.glob(modules_of)]) <= 25, folder
