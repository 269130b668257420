from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from core import presets
from core.cli.app import cli
from core.errors import InputError, ScheduleError
from core.export import csv, targets
from core.export.export_result import ExportSource
from core.models import layer_table
from core.schedule.parse import dumps, from_raw, to_raw
from tests.export.thrice import SCHEDULES, STEPS

RUNNER = CliRunner()
TABLE = layer_table.load("torchvision/resnet18")


@pytest.mark.parametrize("name", targets.TARGETS)
def test_the_command_line_writes_what_the_target_makes_and_tells_its_limitations(
    name: str, tmp_path: Path
):
    file, out = tmp_path / "in.json", tmp_path / "out"
    schedule = SCHEDULES["exercise"]
    file.write_text(dumps(schedule), encoding="utf-8")
    command = ["export", str(file), "--to", name, "--out", str(out), "--steps-per-epoch", "5"]
    done = RUNNER.invoke(cli, command)
    try:
        made = targets.export(name, ExportSource(schedule, STEPS, TABLE))
    except InputError as refused:
        why = f"error: {refused}"
    else:
        why = ""
    assert why in done.stderr
    if why:
        assert done.exit_code == 2
        return
    assert done.exit_code == 0, done.output
    wanted = made.content.encode() if isinstance(made.content, str) else made.content
    assert out.read_bytes() == wanted
    told = done.stderr.splitlines()
    assert len(told) == len(made.limitations)
    for line, each in zip(told, made.limitations, strict=True):
        assert line.startswith(f"{each.field}: {each.cannot}. Instead: ")


@pytest.mark.parametrize("name", targets.TARGETS)
def test_no_sentence_about_a_target_ends_with_a_full_stop_since_pages_and_lines_set_it(name: str):
    for schedule in SCHEDULES.values():
        try:
            made = targets.export(name, ExportSource(schedule, STEPS, TABLE))
        except InputError:
            continue
        words = [word for each in made.limitations for word in (each.cannot, each.instead)]
        assert [word for word in [*words, made.preserved] if word.endswith(".")] == []


def test_without_a_file_the_export_goes_to_standard_output():
    done = RUNNER.invoke(cli, ["export", "exercise", "--to", "csv", "--steps-per-epoch", "1"])
    assert done.exit_code == 0
    assert done.stdout == csv.text(presets.load("exercise"), 1)


def test_an_unknown_target_is_refused_with_the_nearest_one():
    done = RUNNER.invoke(cli, ["export", "exercise", "--to", "cvs"])
    assert done.exit_code == 2
    assert done.stderr == "error: --to is 'cvs', which is not a target: did you mean 'csv'?\n"


@pytest.mark.parametrize("name", [n for n, t in targets.TARGETS.items() if t.executes])
def test_a_schedule_with_errors_is_no_training_script(name: str):
    raw = to_raw(SCHEDULES["exercise"])
    raw["groups"][-1]["trainable"] = []  # nothing trains at first
    with pytest.raises(ScheduleError, match="groups are all frozen in epochs 0 to 1"):
        targets.export(name, ExportSource(from_raw(raw), STEPS, TABLE))


def test_a_file_that_cannot_be_written_is_told_in_a_line(tmp_path: Path):
    done = RUNNER.invoke(cli, ["export", "exercise", "--to", "module", "--out", str(tmp_path)])
    assert done.exit_code == 2
    assert done.stderr.splitlines()[-1] == (
        f"error: --out is {str(tmp_path)!r}, which cannot be written (Is a directory): "
        "name another file"
    )


@pytest.mark.parametrize(
    ("target", "name", "told"),
    [
        ("pytorch", "my run;x.py", "torchrun --nproc-per-node 2 'my run;x.py' DATA"),
        (
            "vega-lite",
            'a\\1"b',
            'altair.Chart.from_json(open(\'a\\\\1"b\').read()).save("chart.html")',
        ),
        (
            "module",
            "my_run.py",
            "from my_run import EPOCHS, freeze",
        ),
    ],
)
def test_what_uses_a_file_names_it_as_its_language_quotes_it(
    target: str, name: str, told: str, tmp_path: Path
):
    out = str(tmp_path / name)
    done = RUNNER.invoke(cli, ["export", "exercise", "--to", target, "--out", out, "--usage"])
    assert done.exit_code == 0, done.output
    assert told in done.stdout


@pytest.mark.parametrize("name", ["my-run.py", "class.py", "my.run.py", "run"])
def test_a_file_that_python_cannot_import_is_told_before_it_is_written(name: str, tmp_path: Path):
    out = tmp_path / name
    command = ["export", "exercise", "--to", "module", "--usage", "--out", str(out)]
    done = RUNNER.invoke(cli, command)
    assert done.exit_code == 2
    assert done.stderr == (
        f"error: --out is {name!r}, which Python cannot import: "
        "use letters, digits and _, as in my_run.py\n"
    )
    assert not out.exists()


@pytest.mark.parametrize("usage", [[], ["--usage"]])
@pytest.mark.parametrize(
    ("target", "stem"),
    [
        ("lightning", "lightning"),
        ("transformers", "transformers"),
        ("fastai", "fastai"),
        ("pytorch", "random"),
        ("module", "torch"),
        ("module", "PIL"),
    ],
)
def test_a_python_file_that_would_hide_a_module_is_not_written(
    target: str, stem: str, usage: list[str], tmp_path: Path
):
    out = tmp_path / f"{stem}.py"
    command = ["export", "exercise", "--to", target, "--out", str(out), *usage]
    done = RUNNER.invoke(cli, command)
    assert done.exit_code == 2
    assert done.stderr == (
        f"error: --out is '{stem}.py', which would hide the module {stem} from what imports it: "
        f"use another name, as in schedule_{stem}.py\n"
    )
    assert not out.exists()
    named = [*command[:5], str(tmp_path / f"schedule_{stem}.py"), *usage]
    assert RUNNER.invoke(cli, named).exit_code == 0


def test_what_uses_a_file_has_its_name_byte_by_byte(tmp_path: Path):
    out = os.fsdecode(bytes(tmp_path) + b"/a\xff.py")
    done = RUNNER.invoke(cli, ["export", "exercise", "--to", "pytorch", "--out", out, "--usage"])
    assert done.exit_code == 0, done.output
    assert b"python 'a\xff.py' DATA" in done.stdout_bytes


def test_a_loop_over_groups_that_holds_nothing_is_not_written():
    raw = to_raw(SCHEDULES["exercise"])
    for group in raw["groups"]:
        group["when_frozen"] = "train"
        group.pop("batchnorm", None)
    target = targets.by_name("finetuning-scheduler")
    usage = targets.usage(target, target.make(ExportSource(from_raw(raw), STEPS, TABLE)), "a.yaml")
    held = usage.split("def hold(model, epoch):\n")[1].split("\n\n")[0].splitlines()
    assert held[1:] == ["    pass  # frozen groups stay in train mode"]
