"""The READMEs are held against the repository: links, the tree, every block of code, the lists."""

from __future__ import annotations

import json
import math
import os
import re
import shlex
import subprocess
import tomllib
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from click.testing import CliRunner
from streamlit.config import get_config_options

from core import checks, presets
from core.cli.app import cli
from core.export.targets import TARGETS
from core.files.home import DEMO, HOME
from core.schedule import curves, parse, plan
from core.schedule.shapes import DECAYS, WARMUPS
from tests.export.trainers.running import python_with
from tests.records.samples import parse_record

ROOT = Path(__file__).parents[1]
ROOT_NAMES = {
    "app.py",
    "pages",
    "core",
    "tests",
    "requirements.txt",
    ".streamlit",
    "README.md",
}
MAX_LINES = 150


class Block(NamedTuple):
    """A block of code, and the heading that it stands under."""

    readme: str
    heading: str
    language: str
    code: str

    def __str__(self) -> str:
        return f"{self.readme}: {self.heading}"


def _tracked() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return listed.stdout.splitlines()


def _text(readme: str) -> str:
    return (ROOT / readme).read_text(encoding="utf-8")


def _prose(readme: str) -> str:
    """A README without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", _text(readme), flags=re.DOTALL | re.MULTILINE)


def _blocks(readme: str) -> Iterator[Block]:
    heading = ""
    pattern = r"^#+ (.+)$|^```(.*)\n((?:.*\n)*?)```$"
    for title, language, code in re.findall(pattern, _text(readme), flags=re.MULTILINE):
        if title:
            heading = title
        else:
            yield Block(readme, heading, language, code)


_INNER = (path for top in ("core", "pages", "tests") for path in (ROOT / top).rglob("README.md"))
READMES = ["README.md", *sorted(path.relative_to(ROOT).as_posix() for path in _INNER)]
BLOCKS = [block for readme in READMES for block in _blocks(readme)]


def blocks(language: str) -> list[Block]:
    return [block for block in BLOCKS if block.language == language]


# --- links and the tree ---------------------------------------------------------------------------


def _anchors(readme: str) -> set[str]:
    """The anchors that GitHub gives the headings of a file."""
    titles = re.findall(r"^#+ (.+)$", _prose(readme), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}


def _links(readme: str) -> list[str]:
    return re.findall(r"\]\(([^)\s]+)\)", _prose(readme))


@pytest.mark.parametrize("readme", READMES)
def test_links_lead_to_files_and_headings_that_exist(readme: str) -> None:
    for link in _links(readme):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / readme).parent / path if path else ROOT / readme
        assert target.exists(), link
        assert not anchor or anchor in _anchors(str(target)), link


def test_the_root_readme_leads_to_every_other_one() -> None:
    assert {link.partition("#")[0] for link in _links("README.md")} >= {*READMES} - {"README.md"}


def test_the_root_readme_is_a_shop_window() -> None:
    assert len(_text("README.md").splitlines()) <= MAX_LINES


def test_the_root_holds_the_seven_names_and_dotfiles() -> None:
    names = {path.split("/")[0] for path in _tracked()}
    assert {name for name in names - ROOT_NAMES if not name.startswith(".")} == set()
    assert names >= ROOT_NAMES


def test_every_folder_of_python_has_its_line_in_the_tree() -> None:
    (tree,) = blocks("text")
    named = set(re.findall(r"^(\S+)/ ", tree.code, flags=re.MULTILINE))
    assert [name for name in named if not (ROOT / name).is_dir()] == []
    folders = {Path(path).parent for path in _tracked() if path.endswith(".py")} - {Path()}
    assert {f for f in folders if not any(str(f).startswith(name) for name in named)} == set()
    assert {f"core/{f.parts[1]}" for f in folders if f.parts[0] == "core" and f.parts[1:]} <= named


# --- blocks of code -------------------------------------------------------------------------------


def test_every_block_of_code_has_a_test() -> None:
    assert {b.language for b in BLOCKS} <= {"python", "sh", "json", "dockerfile", "text"}
    assert {(b.readme, b.heading) for b in blocks("python")} == {*IN_PROCESS, *IN_A_TRAINER}


@pytest.mark.parametrize("block", blocks("json"), ids=str)
def test_a_schedule_has_no_errors(block: Block) -> None:
    assert checks.errors(parse.parse(block.code)) == ()


def prints_the_rates_of_its_schedule(lines: list[str]) -> None:
    schedule = presets.load("exercise-mended")
    rates = curves.rates_of_steps(schedule, np.array([2, 4]), 2).T  # after 2 and 4 steps
    assert lines == [f"{at} {[f'{rate:.1e}' for rate in row]}" for at, row in enumerate(rates)]


def prints_how_many_parameters_train(lines: list[str]) -> None:
    trained = [line.split()[1] for line in lines]
    assert trained == ["513,000", "513,000", "8,906,728", "8,906,728"]


def writes_a_record(_lines: list[str]) -> None:
    record = parse_record(Path("my-loop.json").read_bytes())
    (group,) = record.groups
    assert (record.name, record.optimizer, group.parameters) == ("My loop", "AdamW", 11_689_512)
    assert record.at(group.name, [0, 3, 6, 8]) == pytest.approx([1e-3, 1e-4, 1e-5, 1e-5])


IN_PROCESS: dict[tuple[str, str], Callable[[list[str]], None]] = {
    ("README.md", "In your own loop"): prints_the_rates_of_its_schedule,
    ("core/README.md", "Functions that need no schedule"): prints_how_many_parameters_train,
    ("core/README.md", "Recording an existing loop"): writes_a_record,
}
IN_A_TRAINER = {
    ("core/README.md", "Lightning"): "lightning",
    ("core/README.md", "Accelerate"): "accelerate",
}


def _python(place: tuple[str, str]) -> str:
    (block,) = [b for b in blocks("python") if (b.readme, b.heading) == place]
    return block.code


@pytest.mark.parametrize("place", IN_PROCESS, ids=": ".join)
def test_python_runs_as_it_stands(
    place: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(_python(place), place[0], "exec"), {"__name__": "__main__"})
    IN_PROCESS[place](capsys.readouterr().out.splitlines())


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
@pytest.mark.parametrize("place", IN_A_TRAINER, ids=": ".join)
def test_python_for_a_trainer_has_the_rates_and_freezing_of_its_schedule(
    place: tuple[str, str], tmp_path: Path
) -> None:
    done = subprocess.run(
        [python_with(IN_A_TRAINER[place]), "-c", _NOTED + _python(place)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    schedule = presets.load("exercise-mended")
    found = [json.loads(line) for line in (tmp_path / "steps.jsonl").read_text().splitlines()]
    due = curves.rates_of_steps(schedule, np.arange(4), 2).T.tolist()
    assert len(found) == len(due)
    for step, (seen, rates) in enumerate(zip(found, due, strict=True)):
        errors = [
            curves.relative_error(lr, rate) for (lr, _), rate in zip(seen, rates, strict=True)
        ]
        assert max(errors) <= 1e-12
        open_now = [plan.trains_in(group, step // 2) for group in schedule.groups]
        assert [trains for _, trains in seen] == open_now


# --- commands -------------------------------------------------------------------------------------

TRAINS_OR_NEEDS_A_RUN = {"run", "resume", "delete", "restore", "device"}


def commands(line: str) -> list[list[str]]:
    """The words of each command of a line of shell, without its comment."""
    found = groupby(shlex.split(line, comments=True), lambda word: word == "&&")
    return [list(words) for joint, words in found if not joint]


def check_command(words: list[str]) -> None:
    """Fail unless the files that a command names exist, and its options are known."""
    match words:
        case ["python", "-m", "core", *name, "--help"]:
            assert {*name} <= {*cli.commands}
        case ["python", "-m", "core", name, *arguments]:
            with cli.commands[name].make_context(name, arguments):
                pass  # raises UsageError for unknown options and missing arguments
        case ["python", "-m", module, *_]:
            path = ROOT / module.replace(".", "/")
            own = path.with_suffix(".py")
            _has_options(own if own.is_file() else path / "__main__.py", words)
        case ["python", file, *_]:
            _has_options(ROOT / file, words)
        case ["torchrun", *arguments]:
            from torch.distributed.run import get_args_parser

            of_torchrun = get_args_parser().parse_args(arguments)
            check_command(
                ["python", "-m", of_torchrun.training_script, *of_torchrun.training_script_args]
            )
        case ["streamlit", "run", file, *options]:
            known = {f"--{name}" for name in get_config_options()}
            assert (ROOT / file).is_file()
            flags = {option.partition("=")[0] for option in options if option.startswith("--")}
            assert flags <= known
        case ["pytest", *arguments]:
            markers = tomllib.loads(_text(".pytest.toml"))["pytest"]["markers"]
            values = dict(pairwise(arguments))
            assert values.get("-m", "gpu") in [each.partition(":")[0] for each in markers]
            assert {word for word in arguments if word.startswith("-")} <= {"-m", "-n"}
            assert all((ROOT / word).exists() for word in arguments if "/" in word)
        case ["pip", "install", *arguments]:
            files = [after for flag, after in pairwise(arguments) if flag == "-r"]
            assert files
            assert all((ROOT / file).is_file() for file in files)
        case ["ruff" | "mypy" as tool, *_]:
            assert f"\n{tool}>=" in _text("tests/requirements.txt")
        case _:
            pytest.fail(f"no test knows the command {words}")


def _has_options(file: Path, words: list[str]) -> None:
    source = file.read_text(encoding="utf-8")
    assert all(f'"{word}"' in source for word in words if word.startswith("--"))


@pytest.mark.parametrize("block", blocks("sh"), ids=str)
def test_commands_exist_with_their_options_and_quick_ones_run(
    block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where a command finds what one before it has written
    monkeypatch.setenv(HOME, str(tmp_path / "home"))
    for words in [words for line in block.code.splitlines() for words in commands(line)]:
        check_command(words)
        if words[:3] == ["python", "-m", "core"] and words[3] not in TRAINS_OR_NEEDS_A_RUN:
            result = CliRunner().invoke(cli, words[3:])
            assert result.exit_code == 0, result.output


@pytest.mark.parametrize("readme", READMES)
def test_commands_within_sentences_exist_with_their_options(readme: str) -> None:
    for command in re.findall(r"`((?:python|streamlit|pytest|pip) [^`]+)`", _prose(readme)):
        for words in commands(command.replace("\n", " ")):
            check_command(words)


@pytest.mark.parametrize("block", blocks("dockerfile"), ids=str)
def test_a_container_copies_files_that_exist_and_starts_the_demo(block: Block) -> None:
    for line in block.code.splitlines():
        match shlex.split(line):
            case ["COPY", source, _]:
                assert (ROOT / source).exists()
            case ["RUN", "pip", *arguments]:
                check_command(["pip", *arguments])
            case ["CMD", *_]:
                check_command(json.loads(line.removeprefix("CMD ")))
    variables = re.findall(r"(\w+)=", "".join(re.findall(r"^ENV .*$", block.code, re.MULTILINE)))
    assert {DEMO, HOME} <= {*variables}


# --- what the command line lists ------------------------------------------------------------------


def printed(*arguments: str) -> list[str]:
    """The lines that a command prints."""
    result = CliRunner().invoke(cli, arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout.splitlines()


@pytest.mark.parametrize(
    ("command", "names"),
    [("presets", presets.names()), ("explain", checks.CHECKS), ("targets", TARGETS)],
)
def test_the_command_line_lists_each_with_a_sentence(command: str, names: Iterable[str]) -> None:
    rows = [re.split(r" {2,}", line) for line in printed(command)]
    assert [row[0] for row in rows] == list(names)
    assert all(len(row) > 2 and row[-1] for row in rows)


_MATHS = {"cos": math.cos, "sqrt": math.sqrt, "pi": math.pi, "max": max, "sum": sum}


def formulas(kind: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """The formula and the fields of each shape of decay or warmup, as the command line prints."""
    parts = re.split(r"^(decay|warmup): .*$", "\n".join(printed("shapes")), flags=re.MULTILINE)
    rows = re.findall(r"^  (\w+) +share = (.*?) +(\{.*)$", parts[parts.index(kind) + 1], re.M)
    return {name: (formula, json.loads(fields)) for name, formula, fields in rows}


def test_the_command_line_lists_every_shape_with_the_formula_of_its_rates() -> None:
    decays, warmups = formulas("decay"), formulas("warmup")
    assert [[*decays], [*warmups]] == [[*DECAYS], [*WARMUPS]]
    for at in np.linspace(0.0, 1.0, 998).tolist():
        for name, (formula, fields) in decays.items():
            due = DECAYS[name].model_validate_json(json.dumps(fields)).share(np.array([at]))[0]
            assert eval(formula, {**_MATHS, **fields, "x": at}) == pytest.approx(due, abs=1e-7)
        for name, (formula, _) in warmups.items():
            assert eval(formula, {**_MATHS, "y": at}) == pytest.approx(
                WARMUPS[name].share(np.array(at))
            )


@pytest.mark.parametrize("kind", ["decay", "warmup"])
def test_the_fields_of_a_listed_shape_can_be_pasted_into_a_schedule(kind: str) -> None:
    raw = parse.to_raw(presets.load("gradual"))
    for _, fields in formulas(kind).values():
        raw["lr"][kind] = fields
        assert parse.to_raw(parse.from_raw(raw))["lr"][kind] == fields
