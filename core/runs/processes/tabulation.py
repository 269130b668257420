"""Making layer tables in processes of their own, so that a page needs no torch for them."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from core.files.home import is_demo
from core.models import table_cache
from core.models.layer_table import LayerTable
from core.runs.processes.exit_with_parent import helper_command, run_helper

_SECONDS = 180.0
"""How long a table may take: some 5 s for imports, and the largest networks a minute."""


def command(model: str) -> list[str]:
    """Return the command that prints a model's table, and ends with this process."""
    return helper_command("groups", model, "--json")


class Tabulations:
    """The tables that are being made for this process; each model's at most once at a time."""

    def __init__(self, command: Callable[[str], Sequence[str]] = command) -> None:
        self._command = command
        self._lock = threading.Lock()
        self._making: set[str] = set()
        self._failed: dict[str, str] = {}

    def ask(self, model: str, cache: Path | None) -> None:
        """See that the model's table is being made, and will be kept in the folder `cache`.

        One that failed before is tried again. A demo reads no models: that takes much memory.
        """
        with self._lock:
            if model in self._making:
                return
            if is_demo():
                self._failed[model] = "the hosted demo does not have the memory for it"
                return
            self._failed.pop(model, None)
            self._making.add(model)
        name = f"table of {model}"
        threading.Thread(target=self._make, args=(model, cache), name=name, daemon=True).start()

    def is_making(self, model: str) -> bool:
        """Return whether the model's table is on its way."""
        return model in self._making

    def failure(self, model: str) -> str | None:
        """Return why the last attempt made no table, if it did not."""
        return self._failed.get(model)

    def _make(self, model: str, cache: Path | None) -> None:
        why = self._failure(model, cache)
        with self._lock:
            if why:
                self._failed[model] = why
            self._making.remove(model)

    def _failure(self, model: str, cache: Path | None) -> str:
        """Make a table, and return why that failed; empty if it did not."""
        try:
            ran = run_helper(self._command(model), _SECONDS, OMP_NUM_THREADS="1")
        except OSError as error:
            return f"no process could be started ({error.strerror})"
        except subprocess.TimeoutExpired:
            return f"it took more than {_SECONDS:.0f} s"
        except UnicodeDecodeError as error:
            return f"it printed no table ({error})"
        if ran.returncode < 0:
            return f"its process was ended ({signal.Signals(-ran.returncode).name})"
        if ran.returncode > 0:
            lines = [line for line in ran.stderr.splitlines() if line.strip()]
            told = lines[-1] if lines else f"its process ended with {ran.returncode}"
            return told.removeprefix("error: ")
        try:
            table_cache.store(LayerTable.model_validate_json(ran.stdout), cache)
        except ValueError:
            return "it printed no table"
        kept = table_cache.find(model, cache) is not None
        return "" if kept else f"it could not be saved in {cache}"
