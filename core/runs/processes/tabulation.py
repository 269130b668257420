"""Layer tables made in processes of their own, so that a page needs no torch for them."""

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
"""Seconds that a table may take: imports take some 5, and the largest networks 60."""


def table_command(model: str) -> list[str]:
    """Return the arguments of a helper that prints a model's table."""
    return helper_command("groups", model, "--json")


class Tabulations:
    """The layer tables that are being made; for each model, one at a time."""

    def __init__(self, command: Callable[[str], Sequence[str]] = table_command) -> None:
        self._command = command
        self._lock = threading.Lock()
        self._making: set[str] = set()
        self._failed: dict[str, str] = {}

    def ask(self, model: str, cache: Path | None) -> None:
        """Start to make the model's table, and to store it in `cache`, unless that is in progress.

        A failure in the past does not matter. The demo makes no tables, since that takes much
        memory.
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
        """Return whether the model's table is being made."""
        return model in self._making

    def failure(self, model: str) -> str | None:
        """Return why the last attempt has failed, or None if it has not."""
        return self._failed.get(model)

    def _make(self, model: str, cache: Path | None) -> None:
        failure = self._try(model, cache)
        with self._lock:
            if failure:
                self._failed[model] = failure
            self._making.remove(model)

    def _try(self, model: str, cache: Path | None) -> str:
        """Make a table, and return why that has failed; empty if it has not."""
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
            reason = lines[-1] if lines else f"its process ended with {ran.returncode}"
            return reason.removeprefix("error: ")
        try:
            table_cache.store(LayerTable.model_validate_json(ran.stdout), cache)
        except ValueError:
            return "it printed no table"
        is_stored = table_cache.find(model, cache) is not None
        return "" if is_stored else f"it could not be saved in {cache}"
