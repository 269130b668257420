"""Layer tables of all models: those that come with Thaw, and those made on this machine.

The latter lie in the user's cache folder. Their names have the version of the model's library, so
that they are made again after an update.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from core.files import atomic
from core.models import catalogue, layer_table
from core.models.layer_table import LayerTable

_FORMAT = 1
"""To be increased whenever the content of tables changes."""


def cache_folder() -> Path | None:
    """Return the folder of cached tables: `thaw/tables` in the user's cache; None without a home.

    That cache is $XDG_CACHE_HOME where it is set, else the system's usual one.
    """
    root = os.environ.get("XDG_CACHE_HOME")
    if not root and sys.platform == "win32":
        root = os.environ.get("LOCALAPPDATA")
    usual = "~/Library/Caches" if sys.platform == "darwin" else "~/.cache"
    try:
        return Path(root or usual).expanduser() / "thaw" / "tables"
    except RuntimeError:
        return None


def find(model: str, cache: Path | None) -> LayerTable | None:
    """Return the table of a model, by its full name: from Thaw or from the folder `cache`, or None.

    A cached table that cannot be read, or is of another model, counts as none.
    """
    bundled = layer_table.find_stored(model)
    if bundled is not None or cache is None or model not in catalogue.names():
        return bundled
    file = _file(model, cache)
    try:
        table = _read(file, file.stat().st_mtime_ns)
    except (OSError, ValueError):
        return None
    return table if table.model == model else None


def store(table: LayerTable, cache: Path | None) -> None:
    """Write a table into the folder `cache`; if that cannot be written, do nothing."""
    if cache is None:
        return
    with suppress(OSError):
        cache.mkdir(parents=True, exist_ok=True)
        atomic.write_atomically(_file(table.model, cache), layer_table.dumps(table).encode())


def _file(model: str, cache: Path) -> Path:
    library = model.partition("/")[0]
    try:
        installed = version(library)
    except PackageNotFoundError:
        installed = "unknown"
    return cache / f"{model.replace('/', '--', 1)}--{installed}--{_FORMAT}.json"


@lru_cache(maxsize=16)
def _read(file: Path, changed: int) -> LayerTable:
    """Return a cached table; `changed`, the file's modification time, is only a cache key."""
    return LayerTable.model_validate_json(file.read_text(encoding="utf-8"))
