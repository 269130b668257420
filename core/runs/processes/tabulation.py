"""Making layer tables in processes of their own, so that a page needs no torch for them."""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from core.files.home import CODE, is_demo
from core.models import table_cache
from core.models.layer_table import LayerTable
from core.runs.processes.exit_with_parent import LEASHED, leash

_SECONDS = 180.0
"""How long a table may take: some 5 s for imports, and the largest networks a minute."""


def command(model: str) -> list[str]:
    """Return the command that prints a model's table, and ends when its standard input does."""
    return [sys.executable, "-m", "core", LEASHED, "groups", model, "--json"]


class Tabulations:
    """The tables that are being made for this process; each model's at most once at a time."""

    def __init__(
        self, command: Callable[[str], Sequence[str]] = command, seconds: float = _SECONDS
    ) -> None:
        self._command = command
        self._seconds = seconds
        self._lock = threading.Lock()
        self._living: dict[str, subprocess.Popen[str]] = {}
        self._failed: dict[str, str] = {}
        atexit.register(self.end)

    def ask(self, model: str, cache: Path | None) -> None:
        """See that the model's table is being made, and will be kept in the folder `cache`.

        One that failed before is tried again. A demo reads no models: that takes much memory.
        """
        with self._lock:
            if model in self._living:
                return
            if is_demo():
                self._failed[model] = "the hosted demo does not have the memory for it"
                return
            self._failed.pop(model, None)
            held = ExitStack()
            try:
                process = subprocess.Popen(
                    self._command(model),
                    cwd=CODE,
                    env={**os.environ, "OMP_NUM_THREADS": "1"},
                    stdin=held.enter_context(leash()),
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                    encoding="utf-8",
                    start_new_session=True,
                )
            except OSError as error:
                held.close()
                self._failed[model] = f"no process could be started ({error.strerror})"
                return
            self._living[model] = process
        name = f"table of {model}"
        waiting = threading.Thread(
            target=self._wait, args=(model, process, cache, held), name=name, daemon=True
        )
        waiting.start()

    def is_making(self, model: str) -> bool:
        """Return whether the model's table is on its way."""
        return model in self._living

    def failure(self, model: str) -> str | None:
        """Return why the last attempt made no table, if it did not."""
        return self._failed.get(model)

    def end(self) -> None:
        """End all that are on their way."""
        with self._lock:
            for process in self._living.values():
                process.kill()

    def _wait(
        self, model: str, process: subprocess.Popen[str], cache: Path | None, held: ExitStack
    ) -> None:
        try:
            with held:
                printed, told = process.communicate(timeout=self._seconds)
            why = _failure(process.returncode, told)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            why = f"it took more than {self._seconds:.0f} s"
        except ValueError as error:  # printed what is no text
            process.kill()
            why = f"it printed no table ({error})"
        if not why:
            try:
                table_cache.store(LayerTable.model_validate_json(printed), cache)
            except ValueError:
                why = "it printed no table"
            else:
                if table_cache.find(model, cache) is None:
                    why = f"it could not be saved in {cache}"
        with self._lock:
            if why:
                self._failed[model] = why
            with suppress(KeyError):
                del self._living[model]


def _failure(code: int, told: str) -> str:
    """Return why a process made no table, from its last line; empty if it did."""
    if code == 0:
        return ""
    if code < 0:
        return f"its process was ended ({signal.Signals(-code).name})"
    lines = [line for line in told.splitlines() if line.strip()]
    return lines[-1].removeprefix("error: ") if lines else f"its process ended with {code}"
