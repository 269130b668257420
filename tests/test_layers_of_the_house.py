"""The house has layers: what a page imports never brings torch, and core never brings streamlit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HOUSE = Path(__file__).parents[1]
HEAVY = {"torch", "torchvision", "timm"}

_IMPORT_ALL = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def modules(*places: str) -> list[str]:
    """Names of all modules at those places, found by walking the folders."""
    files = [f for place in places for f in sorted(HOUSE.glob(place)) if f.name != "__init__.py"]
    return [".".join(file.relative_to(HOUSE).with_suffix("").parts) for file in files]


def loaded_with(names: list[str]) -> set[str]:
    """Top-level packages in memory after a fresh Python has imported those modules."""
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT_ALL, *names], cwd=HOUSE, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_the_design_runs_exports_and_pages_never_load_torch():
    names = modules(
        "core/design/**/*.py",
        "core/files/**/*.py",
        "core/data/**/*.py",
        "core/runs/**/*.py",
        "core/export/**/*.py",
        "core/errors.py",
        "pages/**/*.py",
        "app.py",
    )
    assert {"core.design.curves", "core.errors", "pages.design", "app"} <= set(names)
    loaded = loaded_with(names)
    assert "streamlit" in loaded
    assert loaded & (HEAVY | {"vl_convert"}) == set()


def test_the_design_and_the_errors_load_neither_streamlit_nor_torch():
    loaded = loaded_with(modules("core/design/**/*.py", "core/errors.py"))
    assert "pydantic" in loaded
    assert loaded & (HEAVY | {"streamlit", "altair", "pandas"}) == set()


def test_no_module_of_core_loads_streamlit():
    names = modules("core/**/*.py")
    assert {"core.__main__", "core.scheduler", "core.training.train"} <= set(names)
    loaded = loaded_with(names)
    assert loaded >= {"torch", "numpy"}
    assert "streamlit" not in loaded
