from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from core.models import layer_table, table_cache
from core.runs.processes import tabulation
from core.runs.processes.tabulation import Tabulations

NAME = "timm/resnet34"
TABLE = layer_table.load("torchvision/resnet18").model_copy(update={"model": NAME})


def python(code: str) -> Callable[[str], list[str]]:
    return lambda model: [sys.executable, "-c", code, model]


def printing(text: Path) -> Callable[[str], list[str]]:
    return python(f"print(open({str(text)!r}).read())")


def ended(making: Tabulations) -> None:
    end = time.monotonic() + 120
    while making.is_making(NAME):
        assert time.monotonic() < end
        time.sleep(0.01)


def test_the_command_prints_the_models_table_and_ends_with_its_starter():
    told = ["-m", "core", "--exit-with-parent", "groups", NAME, "--json"]
    assert tabulation.table_command(NAME)[1:] == told


def test_a_made_table_is_kept(tmp_path: Path):
    text = tmp_path / "text"
    text.write_text(layer_table.dumps(TABLE))
    making = Tabulations(printing(text))
    making.ask(NAME, tmp_path / "cache")
    ended(making)
    assert making.failure(NAME) is None
    assert table_cache.find(NAME, tmp_path / "cache") == TABLE


def test_a_model_is_read_by_one_process_however_often_it_is_asked_for(tmp_path: Path):
    count, asked = tmp_path / "count", tmp_path / "asked"
    waits = f"while not os.path.exists({str(asked)!r}): time.sleep(0.01)"
    making = Tabulations(python(f"import os, time\nopen({str(count)!r}, 'a').write('1')\n{waits}"))
    making.ask(NAME, tmp_path)
    making.ask(NAME, tmp_path)
    asked.touch()
    ended(making)
    assert count.read_text() == "1"


def test_a_failure_is_told_by_the_last_line_and_forgotten_when_it_is_asked_for_again(
    tmp_path: Path,
):
    failed = tmp_path / "failed"
    says = f"""
import pathlib, sys, time
if pathlib.Path({str(failed)!r}).exists():
    sys.stdin.read()
pathlib.Path({str(failed)!r}).touch()
print('a\\nerror: model.name is odd', file=sys.stderr)
sys.exit(2)
"""
    making = Tabulations(python(says))
    making.ask(NAME, tmp_path)
    ended(making)
    assert making.failure(NAME) == "model.name is odd"
    making.ask(NAME, tmp_path)
    assert making.failure(NAME) is None


def test_what_is_no_table_or_cannot_be_kept_is_a_failure(tmp_path: Path):
    making = Tabulations(python("print('{}')"))
    making.ask(NAME, tmp_path)
    ended(making)
    assert making.failure(NAME) == "it printed no table"
    text = tmp_path / "text"
    text.write_text(layer_table.dumps(TABLE))
    making = Tabulations(printing(text))
    making.ask(NAME, text)
    ended(making)
    assert making.failure(NAME) == f"it could not be saved in {text}"


def test_a_process_that_takes_too_long_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tabulation, "_SECONDS", 0.2)
    making = Tabulations(python("import time; time.sleep(60)"))
    making.ask(NAME, tmp_path)
    ended(making)
    assert making.failure(NAME) == "it took more than 0 s"


def test_a_process_that_cannot_be_started_is_a_failure(tmp_path: Path):
    making = Tabulations(lambda model: [str(tmp_path / "nothing")])
    making.ask(NAME, tmp_path)
    ended(making)
    assert making.failure(NAME) == "no process could be started (No such file or directory)"


def test_a_process_that_is_killed_is_a_failure(tmp_path: Path):
    making = Tabulations(python("import os; os.kill(os.getpid(), 9)"))
    making.ask(NAME, tmp_path)
    ended(making)
    assert making.failure(NAME) == "its process was ended (SIGKILL)"
