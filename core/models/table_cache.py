"""Layer tables of all models: those that are stored, and those that were made on this machine.

A table that was made is kept in the user's cache folder, under the version of its library, so that
an update makes it anew.
"""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from core.models import catalogue, layer_table
from core.models.layer_table import LayerTable

_FORMAT = 1
"""Counts up when tables of the same library come out otherwise."""


def cache_folder() -> Path | None:
    """Where made tables are kept: `thaw/tables` in the user's cache folder; None without a home.

    That is $XDG_CACHE_HOME where it is set, else what the system uses.
    """
    told = os.environ.get("XDG_CACHE_HOME")
    if not told and sys.platform == "win32":
        told = os.environ.get("LOCALAPPDATA")
    usual = "~/Library/Caches" if sys.platform == "darwin" else "~/.cache"
    try:
        return Path(told or usual).expanduser() / "thaw" / "tables"
    except RuntimeError:
        return None


def find(model: str, cache: Path | None) -> LayerTable | None:
    """The table of a model by its full name, stored or kept in the folder `cache`; else None.

    A kept table that cannot be read, or is of another model, counts as none.
    """
    stored = layer_table.find(model)
    if stored is not None or cache is None or model not in catalogue.names():
        return stored
    file = _file(model, cache)
    try:
        found = _read(file, file.stat().st_mtime_ns)
    except (OSError, ValueError):
        return None
    return found if found.model == model else None


def keep(table: LayerTable, cache: Path | None) -> None:
    """Keep a table in the folder `cache`; where nothing can be written, it is made again later."""
    if cache is None:
        return
    with suppress(OSError):
        cache.mkdir(parents=True, exist_ok=True)
        made, name = tempfile.mkstemp(dir=cache, suffix=".part")
        try:
            with os.fdopen(made, "w", encoding="utf-8") as file:
                file.write(layer_table.dumps(table))
            Path(name).replace(_file(table.model, cache))
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise


def _file(model: str, cache: Path) -> Path:
    library = model.partition("/")[0]
    try:
        of = version(library)
    except PackageNotFoundError:
        of = "unknown"
    return cache / f"{model.replace('/', '--', 1)}--{of}--{_FORMAT}.json"


@lru_cache(maxsize=16)
def _read(file: Path, changed: int) -> LayerTable:
    """Return a kept table; `changed` says when, so that a new one is read anew."""
    return LayerTable.model_validate_json(file.read_text(encoding="utf-8"))
