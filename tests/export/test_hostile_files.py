"""No name of a schedule decides how an exported file is read, and none runs when it is used.

Each export is written to disk and executed or opened from there, since the first lines of a file
can change what all others mean.
"""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from core import presets
from core.errors import InputError
from core.export import csv as table
from core.export import targets
from core.export.export_result import ExportSource
from core.export.python import quoting
from core.models import layer_table
from core.schedule.parse import from_raw, to_raw
from core.schedule.spec import Schedule
from tests.export import hostile

ROOT = Path(__file__).parents[2]
PYTHON = [name for name, target in targets.TARGETS.items() if target.suffix == ".py"]
TEXT = [name for name in targets.TARGETS if name != "png"]
ALONE = "gpt-2 vs 日本語"
"""A name that means no harm, to compare with."""


def named(name: str, groups: tuple[str, ...]) -> Schedule:
    """The exercise with these names; its first weights' name is the last group's."""
    raw = to_raw(presets.load("exercise"))
    raw["name"] = name
    for group, own in zip(raw["groups"], groups, strict=True):
        group["name"] = own
    return from_raw(raw)


def for_timm(name: str, weights: str) -> Schedule:
    """A schedule that timm can train, with weights of that name."""
    raw = to_raw(presets.load("discriminative"))
    raw |= {"name": name, "model": {"name": "timm/resnet18", "weights": weights}}
    raw["lr"]["group_decay"] = 1.0
    for group in raw["groups"]:
        group.pop("lr_scale", None)
    return from_raw(raw)


def made(target: str, schedule: Schedule) -> tuple[str, str]:
    """A target's content and usage, made without a look for errors."""
    of = targets.by_name(target)
    table_of = None if target == "timm" else layer_table.load(schedule.model.name)
    export = of.make(ExportSource(schedule, 1, table_of))
    assert isinstance(export.content, str)
    return export.content, targets.usage(of, export, f"plain{of.suffix}")


def exported(target: str, name: str, groups: tuple[str, ...]) -> tuple[str, str]:
    if target == "timm":
        return made(target, for_timm(name, groups[-1]))
    return made(target, named(name, groups))


GROUPS = hostile.rotations(6)


def test_there_are_sixty_hostile_names_that_a_schedule_can_have_and_others_that_none_can():
    assert len(set(hostile.NAMES)) >= 60
    for name in hostile.REFUSED:
        with pytest.raises(InputError, match="name"):
            named(name, GROUPS[0])


@pytest.mark.parametrize("target", TEXT)
def test_no_name_reaches_the_first_two_lines_of_a_file_or_of_its_usage(target: str):
    usual = [text.split("\n")[:2] for text in exported(target, ALONE, GROUPS[0])]
    if target == "csv":  # a table has its column names, and then rows: no line could be spared
        usual[0] = usual[0][:1]
    names = hostile.NAMES[::16] if target in ("svg", "html") else hostile.NAMES  # they are drawn
    for at, name in enumerate(names):
        texts = exported(target, name, GROUPS[at % len(GROUPS)])
        lines = [text.split("\n")[: len(due)] for text, due in zip(texts, usual, strict=True)]
        assert lines == usual


@pytest.mark.thorough
def test_python_files_run_to_their_end_and_hold_the_names_as_they_are(tmp_path: Path):
    folder, due = tmp_path / "files", {}
    folder.mkdir()
    for at, name in enumerate(hostile.NAMES):
        groups = GROUPS[at % len(GROUPS)]
        for target in [*PYTHON, "finetuning-scheduler"]:
            content, usage = exported(target, name, groups)
            file = folder / f"{target}-{at}.py"
            file.write_bytes((content if target in PYTHON else usage).encode())
            due[file.name] = list(groups)
            assert file.read_bytes().startswith(b"# -*- coding: utf-8 -*-\n")
    assert _traceless([sys.executable, "-m", hostile.__name__, str(folder)], tmp_path) == due


def _traceless(command: list[str], tmp_path: Path, **environment: str) -> Any:
    """What the command prints as JSON; it must end well and leave nothing where it runs."""
    here = tmp_path / "here"
    here.mkdir(exist_ok=True)
    env = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    done = subprocess.run(command, cwd=here, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert list(here.iterdir()) == []
    return json.loads(done.stdout or "null")


@pytest.mark.thorough
def test_a_shell_script_gives_the_names_to_train_py_as_they_are(tmp_path: Path):
    stand_in = tmp_path / "bin" / "python"
    stand_in.parent.mkdir()
    stand_in.write_text(
        f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n", encoding="utf-8"
    )
    stand_in.chmod(0o755)
    file = tmp_path / "train.sh"
    for name in hostile.NAMES:
        file.write_text(exported("timm", name, (name,))[0], encoding="utf-8")
        path = f"{stand_in.parent}:{os.environ['PATH']}"
        given = _traceless(["sh", str(file)], tmp_path, PATH=path)
        assert given[:3] == ["train.py", "--model", f"resnet18.{name}"]


def test_yaml_tables_and_json_read_from_files_are_the_same_but_for_the_names(tmp_path: Path):
    phases = yaml.safe_load(exported("finetuning-scheduler", ALONE, GROUPS[0])[0])
    for at, name in enumerate(hostile.NAMES):
        groups = GROUPS[at % len(GROUPS)]
        for target in ("finetuning-scheduler", "csv", "vega-lite"):
            (tmp_path / target).write_text(exported(target, name, groups)[0], encoding="utf-8")
        assert yaml.safe_load((tmp_path / "finetuning-scheduler").read_bytes()) == phases
        with (tmp_path / "csv").open(encoding="utf-8", newline="") as file:
            rows = [row["group"] for row in csv.DictReader(file)]
        assert rows[:6] == [table.cell(group) for group in groups]
        chart = json.loads((tmp_path / "vega-lite").read_bytes())
        assert chart["params"] == [{"name": "schedule_name", "value": name}]


def test_no_comment_is_a_setting_of_an_editor_or_of_python():
    setting = re.compile(r"-\*-|(coding|vim?|ex|vim[<=>]\d+|variables|eval|program)[:=]", re.I)
    assert [name for name in hostile.NAMES if setting.search(quoting.comment(name))] == []
    assert [name for name in hostile.NAMES if setting.search(name)] != []


SETTINGS_OF_VIM = re.compile(r"(^|\s)(vi|vim([<=>]?\d+)?|ex):", re.IGNORECASE)


@pytest.mark.parametrize("target", [*PYTHON, "finetuning-scheduler", "latex", "markdown", "html"])
def test_where_vim_looks_for_settings_no_name_has_one(target: str):
    names = [name for name in hostile.NAMES if SETTINGS_OF_VIM.search(name)]
    assert len(names) > 5
    for at, name in enumerate(names):
        groups = tuple(names[at:] + names[:at])[:6]
        for text in exported(target, name, groups):
            lines = text.splitlines()
            assert [x for x in lines[:5] + lines[-5:] if SETTINGS_OF_VIM.search(x)] == []


def test_no_group_of_a_table_begins_a_block_of_settings_for_emacs():
    assert table.cell("Local Variables:") == "'Local Variables:"
