"""The README is held against the code: its tree, tables, commands and examples."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from core.command_line import cli
from core.design import curves, parse, plan, presets, problems
from core.design.curves import RISES, SHAPES
from core.design.record_door import parse_record
from core.export.targets import TARGETS
from tests.export.trainers.running import python_with

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ROOT_NAMES = {
    "app.py",
    "pages",
    "core",
    "tests",
    "requirements.txt",
    ".streamlit",
    "README.md",
}


def _tracked() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return listed.stdout.splitlines()


def _block(language: str, number: int = 0) -> str:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)[number]


def test_the_root_holds_the_seven_names_and_dotfiles() -> None:
    names = {path.split("/")[0] for path in _tracked()}
    assert {name for name in names - ROOT_NAMES if not name.startswith(".")} == set()
    assert names >= ROOT_NAMES


def test_every_folder_of_python_has_its_line_in_the_tree() -> None:
    tree = _block("text")
    named = set(re.findall(r"^(\S+)/ ", tree, flags=re.MULTILINE))
    assert [name for name in named if not (ROOT / name).is_dir()] == []
    folders = {Path(path).parent for path in _tracked() if path.endswith(".py")} - {Path()}
    unnamed = {f for f in folders if not any(str(f).startswith(name) for name in named)}
    assert unnamed == set()
    rooms = {str(f) for f in folders if f.parts[0] == "core"}
    assert rooms <= named


def printed(*arguments: str) -> list[str]:
    """The lines that a command prints."""
    result = CliRunner().invoke(cli, arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout.splitlines()


@pytest.mark.parametrize(
    ("command", "names"),
    [("presets", presets.names()), ("explain", problems.CHECKS), ("targets", TARGETS)],
)
def test_the_command_line_lists_each_with_a_sentence(command: str, names: Iterable[str]) -> None:
    rows = [re.split(r" {2,}", line) for line in printed(command)]
    assert [row[0] for row in rows] == list(names)
    assert all(len(row) > 2 and row[-1] for row in rows)


_MATHS = {"cos": math.cos, "sqrt": math.sqrt, "pi": math.pi, "max": max, "sum": sum}


def formulas(kind: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """The formula and the fields of each shape of decay or warmup, as the command line prints."""
    blocks = re.split(r"^(decay|warmup): .*$", "\n".join(printed("shapes")), flags=re.MULTILINE)
    rows = re.findall(r"^  (\w+) +share = (.*?) +(\{.*)$", blocks[blocks.index(kind) + 1], re.M)
    return {name: (formula, json.loads(fields)) for name, formula, fields in rows}


def test_the_command_line_lists_every_shape_with_the_formula_of_its_rates() -> None:
    decays, warmups = formulas("decay"), formulas("warmup")
    assert [[*decays], [*warmups]] == [[*SHAPES], [*RISES]]
    for at in np.linspace(0.0, 1.0, 998).tolist():
        for name, (formula, fields) in decays.items():
            options = {k: v for k, v in fields.items() if k not in ("shape", "floor")}
            due = SHAPES[name](np.array([at]), **options)[0]
            assert eval(formula, {**_MATHS, **options, "x": at}) == pytest.approx(due, abs=1e-7)
        for name, (formula, _) in warmups.items():
            assert eval(formula, {**_MATHS, "y": at}) == pytest.approx(RISES[name](np.array(at)))


@pytest.mark.parametrize("kind", ["decay", "warmup"])
def test_the_fields_of_a_listed_shape_can_be_pasted_into_a_schedule(kind: str) -> None:
    raw = parse.to_raw(presets.load("gradual"))
    for _, fields in formulas(kind).values():
        raw["lr"][kind] = fields
        assert parse.to_raw(parse.from_raw(raw))["lr"][kind] == fields


@pytest.mark.parametrize("command", [c for c in cli.commands if not cli.commands[c].hidden])
def test_every_command_has_its_line(command: str) -> None:
    assert f"python -m core {command}" in README


def test_the_schedule_in_the_readme_has_no_errors() -> None:
    schedule = parse.parse(_block("json"))
    assert problems.errors(schedule) == ()


def ran(
    code: str, cwd: Path = ROOT, python: Sequence[str] = (sys.executable, "-W", "error")
) -> list[str]:
    """The lines that Python prints."""
    done = subprocess.run(
        [*python, "-c", code],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_schedule_is_attached_to_a_loop_as_the_readme_says() -> None:
    schedule = presets.load("exercise-mended")
    rates = curves.rates_of_steps(schedule, np.array([2, 4]), 2).T  # after 2 and 4 steps
    told = [f"{epoch} {[f'{rate:.1e}' for rate in row]}" for epoch, row in enumerate(rates)]
    assert ran(_block("python")) == told


_NOTED = """\
import json
from torch.optim.optimizer import register_optimizer_step_pre_hook

def note(optimizer, *_):
    seen = [(g["lr"], all(p.requires_grad for p in g["params"])) for g in optimizer.param_groups]
    with open("steps.jsonl", "a") as file:
        print(json.dumps(seen), file=file)

register_optimizer_step_pre_hook(note)
"""


@pytest.mark.thorough
@pytest.mark.parametrize(("number", "package"), [(1, "lightning"), (2, "accelerate")])
def test_a_schedule_is_attached_to_a_trainer_as_the_readme_says(
    number: int, package: str, tmp_path: Path
) -> None:
    ran(_NOTED + _block("python", number), tmp_path, [python_with(package)])
    schedule = presets.load("exercise-mended")
    found = [json.loads(line) for line in (tmp_path / "steps.jsonl").read_text().splitlines()]
    due = curves.rates_of_steps(schedule, np.arange(4), 2).T.tolist()
    assert len(found) == len(due)
    for step, (seen, rates) in enumerate(zip(found, due, strict=True)):
        errors = [
            curves.relative_error(lr, rate) for (lr, _), rate in zip(seen, rates, strict=True)
        ]
        assert max(errors) <= 1e-12
        open_now = [plan.is_open(group, step // 2) for group in schedule.groups]
        assert [trains for _, trains in seen] == open_now


def test_a_loop_is_recorded_into_a_file_as_the_readme_says(tmp_path: Path) -> None:
    ran(_block("python", 3), tmp_path)
    record = parse_record((tmp_path / "my-loop.json").read_bytes())
    (group,) = record.groups
    assert (record.name, record.optimizer, group.parameters) == ("My loop", "AdamW", 11_689_512)
    assert record.at(group.name, [0, 3, 6, 8]) == pytest.approx([1e-3, 1e-4, 1e-5, 1e-5])


def test_the_exercises_loop_in_the_readme_runs_as_it_stands() -> None:
    trained = [line.split()[1] for line in ran(_block("python", 4))]
    assert trained == ["513,000", "513,000", "8,906,728", "8,906,728"]
