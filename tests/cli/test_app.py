from __future__ import annotations

import csv
import importlib
import io
import json
import os
import pkgutil
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from safetensors.torch import load_file

import core.cli
from core import presets
from core.cli.app import cli
from core.models import layer_table
from core.runs import event_log, run_folder
from core.runs import events as ev
from core.runs.status import history
from core.schedule import parse
from tests.sample import thorough
from tests.training.small import small_schedule, small_settings

ROOT = Path(__file__).parents[2]
SMALL = (
    *("--samples", "40", "--validation-samples", "40"),
    *("--image-size", "32", "--batch-size", "16", "--device", "cpu"),
)


def thaw(*arguments: str, stdin: str | bytes | None = None) -> Result:
    """A command, run in this process."""
    return CliRunner().invoke(cli, list(arguments), input=stdin)


def process(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
    """A command, run as `python -m core` in a process of its own."""
    command = [sys.executable, "-m", "core", *arguments]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False, **options
    )


@pytest.fixture
def file(tmp_path):
    """Writes a small schedule, changed as told, and gives its path."""

    def write(change=None, name="schedule.json", **windows):
        raw = parse.to_raw(small_schedule(3, **windows))
        if change:
            change(raw)
        path = tmp_path / name
        path.write_text(json.dumps(raw))
        return str(path)

    return write


PLACE = {
    "RANK": "0",
    "WORLD_SIZE": "2",
    "LOCAL_RANK": "0",
    "LOCAL_WORLD_SIZE": "2",
    "MASTER_PORT": "29500",
}
"""The variables of the first of two processes, without the address."""

# --- what works -----------------------------------------------------------------------------------


def test_what_is_printed_into_a_file_is_utf_8_whatever_the_locale_says(file):
    path = file(lambda raw: raw["groups"][0].update(name="kärna 🧊"))
    ran = process("curves", path, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "kärna 🧊" in ran.stdout


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"WORLD_SIZE": "2"}, "RANK is missing: start it with torchrun"),
        (PLACE, "MASTER_ADDR is missing: start it with torchrun"),
        (PLACE | {"MASTER_PORT": "65536"}, "MASTER_PORT is 65536, which is not from 1 to 65535"),
        (PLACE | {"RANK": "2"}, "RANK is 2, with WORLD_SIZE 2, LOCAL_RANK 0 of 2"),
        (PLACE | {"RANK": "one"}, "RANK is 'one', which is no number"),
    ],
)
def test_a_process_whose_place_among_others_is_unknown_is_refused(given, says, file, tmp_path):
    ran = process("run", file(), "--out", str(tmp_path / "run"), env={**os.environ, **given})
    assert (ran.returncode, ran.stderr[: len(says) + 7]) == (2, f"error: {says}")
    assert not (tmp_path / "run").exists()


def test_groups_prints_the_shipped_table_as_json_by_short_and_full_name():
    table = layer_table.load("torchvision/resnet18")
    for name in ("resnet18", "torchvision/resnet18"):
        result = thaw("groups", name, "--json")
        assert result.exit_code == 0
        assert layer_table.LayerTable.model_validate_json(result.stdout) == table


def test_groups_prints_an_aligned_table_with_the_total():
    lines = thaw("groups", "resnet18").stdout.splitlines()
    assert lines[0].split() == ["group", "modules", "parameters"]
    assert lines[1].split() == ["stem", "conv1", "bn1", "9,536"]
    assert lines[-1].split() == ["total", "11,689,512"]
    assert len({len(line) for line in lines}) == 1


def test_presets_are_listed_with_title_and_use_and_printed_as_schedules():
    listed = thaw("presets").stdout.splitlines()
    assert [line.split()[0] for line in listed] == list(presets.names())
    for name, line in zip(presets.names(), listed, strict=True):
        assert f"  {presets.by_name(name).title}  " in line
        assert line.endswith(f"  {presets.by_name(name).when}")
        assert thaw("presets", name).stdout == parse.dumps(presets.load(name))


def test_a_preset_is_printed_for_another_model_and_length():
    made = parse.parse(thaw("presets", "ulmfit", "--model", "resnet50", "--epochs", "12").stdout)
    assert (made.model.name, made.epochs) == ("torchvision/resnet50", 12)
    assert made.group("layer4").trainable == ((1, None),)


def test_a_preset_tells_its_sources_and_what_it_cannot_say():
    told = thaw("presets", "ulmfit", "--about").stdout
    found = presets.by_name("ulmfit")
    for part in (found.title, found.when, *found.cannot, *found.changed):
        assert part in told
    for source in found.sources:
        assert source.url is not None
        assert source.url in told
        assert all(number in told for number in source.numbers)


@pytest.mark.parametrize("name", presets.names())
def test_every_preset_passes_the_check(name):
    result = thaw("check", name)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.endswith(": no errors\n")


def test_a_warning_is_printed_and_is_no_error():
    result = thaw("check", "exercise")
    assert result.exit_code == 0
    assert "warning: lr.decay.floor.lr is 1e-6, above the peak of stem" in result.stdout


def test_the_batch_size_of_the_run_is_checked_too():
    result = thaw("check", "exercise", "--batch-size", "4")
    assert "on batches of 4, whose statistics are mostly noise" in result.stdout
    assert "[small-batch-batchnorm]" in result.stdout
    refused(thaw("check", "exercise", "--batch-size", "none"), "--batch-size is 'none'")


def test_a_problem_is_explained_with_its_sources():
    result = thaw("explain", "rising-lr")
    assert result.exit_code == 0
    assert result.stdout.startswith("warning: An absolute floor lies above a group's peak")
    assert "eta_min" in result.stdout
    assert "https://arxiv.org/abs/1801.06146" in result.stdout
    refused(
        thaw("explain", "rising"), "CODE is 'rising', which is not a problem code: did you mean"
    )


def test_a_schedule_is_read_from_standard_input():
    assert thaw("check", "-", stdin=parse.dumps(presets.load("gradual"))).exit_code == 0


def test_a_file_comes_before_a_preset_of_the_same_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("gradual").write_text("{}")
    assert thaw("check", "gradual").exit_code == 2
    Path("gradual").unlink()
    assert thaw("check", "gradual").exit_code == 0


def test_a_folder_does_not_hide_the_preset_of_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("gradual").mkdir()
    assert thaw("check", "gradual").exit_code == 0


@pytest.fixture
def without(tmp_path):
    """Gives the environment of a process in which a library is not installed."""

    def environment(library: str) -> dict[str, str]:
        fails = f"raise ModuleNotFoundError(\"No module named '{library}'\", name='{library}')"
        (tmp_path / f"{library}.py").write_text(fails)
        return {**os.environ, "PYTHONPATH": str(tmp_path), "THAW_HOME": str(tmp_path)}

    return environment


def test_without_torch_a_command_that_needs_it_says_so_and_leaves_nothing(file, tmp_path, without):
    out = tmp_path / "out"
    for command in (
        ("device",),
        ("groups", "resnet18", "--json"),
        ("run", file(), "--out", str(out), *SMALL),
    ):
        ran = process(*command, env=without("torch"))
        assert ran.returncode == 2
        assert ran.stderr == (
            "error: torch cannot be imported (No module named 'torch'): install what Thaw needs "
            "with: pip install -r requirements.txt\n"
        )
    assert not out.exists()
    assert process("check", file(), env=without("torch")).returncode == 0


def test_without_a_library_that_every_command_needs_one_line_says_so(without):
    ran = process("check", "gradual", env=without("pydantic"))
    assert ran.returncode == 2
    assert ran.stderr.startswith("error: pydantic cannot be imported (No module named 'pydantic')")
    assert len(ran.stderr.splitlines()) == 1


def test_an_empty_path_is_not_the_folder_that_one_is_in(file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused(thaw("run", file(), "--out", "", *SMALL), "--out is empty: name a folder")
    refused(thaw("resume", ""), "DIR is empty: name a folder")
    export = ("export", "gradual", "--to", "html", "--run", "")
    refused(thaw(*export), "--run is empty: name a folder")
    assert [path.name for path in tmp_path.iterdir()] == ["schedule.json"]


@pytest.mark.skipif(os.name != "posix", reason="a folder in use cannot be deleted elsewhere")
def test_in_a_working_directory_that_was_deleted_nothing_is_begun(file, tmp_path):
    gone, out = tmp_path / "gone", tmp_path / "out"
    gone.mkdir()
    run = ["-m", "core", "run", file(), "--out", str(out), "--data", "images", *SMALL]
    delete_first = f"cd {gone} && rmdir {gone} && exec {shlex.join([sys.executable, *run])}"
    ran = subprocess.run(
        ["sh", "-c", delete_first],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, out.exists()) == (2, False)
    assert ran.stderr == ("error: the working directory was deleted: change into another one\n")


@pytest.mark.thorough
@pytest.mark.skipif(os.name != "posix", reason="a POSIX shell closes them")
def test_closed_standard_streams_make_no_traceback():
    for command, code, told in (
        ("check - <&-", 2, "error: FILE is '-', but there is no standard input: name a file\n"),
        ("export gradual --to png >&-", 0, ""),
        ("check gradual 2>&-", 0, ""),
        ("check missing 2>&-", 2, ""),
    ):
        shell = f"exec {shlex.quote(sys.executable)} -m core {command}"
        ran = subprocess.run(
            ["sh", "-c", shell], cwd=ROOT, stderr=subprocess.PIPE, text=True, timeout=120
        )
        own = [line for line in ran.stderr.splitlines(keepends=True) if "Instead: " not in line]
        assert (ran.returncode, "".join(own)) == (code, told), command


@pytest.mark.thorough
@pytest.mark.skipif(os.name != "posix", reason="a POSIX shell closes them")
@pytest.mark.parametrize("closed", ["<&- >&- 2>&-", *thorough(">&-")])
def test_a_run_without_standard_streams_comes_to_its_end(file, tmp_path, closed):
    out = tmp_path / "out"
    words = ["-m", "core", "run", file(lambda raw: raw.update(epochs=1)), "--out", str(out), *SMALL]
    command = f"exec {shlex.join([sys.executable, *words])} {closed}"
    ran = subprocess.run(["sh", "-c", command], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert run_folder.status(out) == "finished"


def test_curves_prints_a_row_per_step_and_group():
    result = thaw("curves", "gradual", "--steps-per-epoch", "3")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert len(rows) == 6 * 3 * 7
    assert rows[6] == {"step": "0", "epoch": "0", "group": "head", "lr": "0.0005", "trainable": "1"}


def test_a_reader_of_curves_that_has_seen_enough_gets_no_complaint():
    command = f"{sys.executable} -m core curves gradual --steps-per-epoch 100000 | head -n 2"
    ran = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert len(ran.stdout.splitlines()) == 2


def test_a_run_fills_its_folder_and_tells_each_epoch(file, tmp_path):
    out = tmp_path / "out"
    result = thaw("run", file(), "--out", str(out), *SMALL)
    assert result.exit_code == 0, result.output
    assert run_folder.status(out) == "finished"
    assert run_folder.read_summary(out).epochs_done == 3
    assert len(load_file(out / "model.safetensors")) == 296
    assert isinstance(event_log.read(out)[-1], ev.Finished)
    told = [line.split("  train")[0] for line in result.stdout.splitlines() if line[:5] == "epoch"]
    assert told == [f"epoch   {epoch} done, {epoch + 1} of 3" for epoch in range(3)]
    assert "finished after 3 of 3 epochs" in result.stdout
    assert run_folder.read(out)[0] == small_schedule(3)
    again = thaw("resume", str(out))
    assert again.exit_code == 2
    assert "a finished run: start a new one with: run" in again.stderr


def test_a_run_that_fails_leaves_its_reason_and_exits_with_1(file, tmp_path):
    def explode(raw):
        raw["optimizer"] = {"name": "sgd", "base_lr": 1000.0, "weight_decay": 1e9, "momentum": 0.0}

    out = tmp_path / "out"
    result = thaw("run", file(explode), "--out", str(out), *SMALL)
    assert result.exit_code == 1
    assert "error: the loss is " in result.stderr
    assert run_folder.status(out) == "failed"
    assert run_folder.read_summary(out).status == "failed"
    assert isinstance(event_log.read(out)[-1], ev.Failed)


@pytest.mark.thorough
def test_a_signal_stops_a_run_after_its_batch_with_130_and_it_can_be_resumed(file, tmp_path):
    out = tmp_path / "out"
    long = file(lambda raw: raw.update(epochs=400))

    def interrupt(number, *arguments):
        """A command that is sent a signal once it has one more epoch done; what it printed."""
        before = epochs_done(out)
        command = [sys.executable, "-m", "core", *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        ran = subprocess.Popen(command, cwd=ROOT, text=True, **pipes)
        while epochs_done(out) == before:
            assert ran.poll() is None
            time.sleep(0.1)
        ran.send_signal(number)
        printed, complaints = ran.communicate(timeout=60)
        assert (ran.returncode, complaints) == (130, "")
        return printed

    printed = interrupt(signal.SIGINT, "run", long, "--out", str(out), *SMALL)
    done = run_folder.read_summary(out).epochs_done
    assert 1 <= done < 400
    assert f"stopped after {done} of 400 epochs" in printed
    assert run_folder.status(out) == "stopped"
    assert run_folder.read_summary(out).status == "stopped"
    printed = interrupt(signal.SIGTERM, "resume", str(out))
    assert f"continues with epoch {done}\n" in printed
    assert done < run_folder.read_summary(out).epochs_done < 400


def epochs_done(out) -> int:
    return sum(isinstance(event, ev.EpochDone) for event in history(event_log.read(out)))


@pytest.mark.skipif(os.name != "posix", reason="a Ctrl-C is sent as a signal")
@pytest.mark.parametrize("seconds", [0.3, *thorough(0.1, 0.6)])
def test_a_ctrl_c_while_a_run_is_only_imported_ends_it_with_130_and_a_line_at_most(
    file, tmp_path, seconds
):
    code = (
        "import sys; from core.__main__ import main;"
        "print('loaded', file=sys.stderr, flush=True); main()"
    )
    command = [sys.executable, "-c", code, "run", file(), "--out", str(tmp_path / "out"), *SMALL]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    ran = subprocess.Popen(command, cwd=ROOT, text=True, start_new_session=True, **pipes)
    assert ran.stderr.readline() == "loaded\n"
    time.sleep(seconds)
    os.killpg(ran.pid, signal.SIGINT)  # as a terminal does, which tells the children too
    printed, complaints = ran.communicate(timeout=60)
    assert (ran.returncode, complaints) == (130, "")
    assert len(printed.splitlines()) <= 1


def test_a_full_disk_under_the_output_is_told_in_one_line_with_exit_1():
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    for command in (["curves", "gradual"], ["presets", "gradual"], ["--help"]):
        with Path("/dev/full").open("wb") as full:
            ran = subprocess.run(
                [sys.executable, "-m", "core", *command],
                cwd=ROOT,
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
        assert ran.returncode == 1
        assert ran.stderr == "error: the system says: No space left on device\n"


def test_an_unforeseen_error_is_one_line_and_its_traceback_lies_in_the_log(
    file, tmp_path, monkeypatch
):
    def broken(*_arguments, **_options):
        raise KeyError("a key\nthat is missing")

    monkeypatch.setattr("core.training.train.train", broken)
    out = tmp_path / "out"
    result = thaw("run", file(), "--out", str(out), *SMALL)
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: an error in Thaw itself, KeyError: ")
    assert line.endswith(f"; the details are in {out / 'log.txt'}")
    assert "Traceback (most recent call last)" in (out / "log.txt").read_text()
    assert run_folder.status(out) == "failed"


@pytest.mark.thorough
def test_a_run_whose_printout_nobody_reads_goes_on_to_its_end(file, tmp_path):
    out = tmp_path / "out"
    command = f"{sys.executable} -m core run {file()} --out {out} {' '.join(SMALL)} | head -n 1"
    ran = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert run_folder.status(out) == "finished"


def test_the_design_commands_do_not_import_torch():
    code = (
        "import sys; from click.testing import CliRunner; from core.cli.app import cli;"
        "[CliRunner().invoke(cli, a.split(), catch_exceptions=False) for a in "
        "('presets', 'check gradual', 'curves gradual', 'groups resnet18', 'targets', '--help')];"
        "print([name for name in ('torch', 'timm', 'streamlit') if name in sys.modules])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.stdout == "[]\n", ran.stderr


# --- what is refused ------------------------------------------------------------------------------


def refused(result, *told: str) -> None:
    """Exit 2, every text on standard error, no traceback, and no result on standard output."""
    assert result.exit_code == 2, result.output
    for text in told:
        assert text in result.stderr
    assert "Traceback" not in result.output
    assert all(line.startswith(("hint: ", "warning: ")) for line in result.stdout.splitlines())


def put(path, value):
    """A change of a raw schedule: the value at a path such as `groups.6.modules`."""

    def change(raw):
        *parents, last = path.split(".")
        for part in parents:
            raw = raw[int(part) if isinstance(raw, list) else part]
        raw[int(last) if isinstance(raw, list) else last] = value

    return change


def remove(path):
    def change(raw):
        *parents, last = path.split(".")
        for part in parents:
            raw = raw[int(part) if isinstance(raw, list) else part]
        del raw[last]

    return change


BAD_FIELDS = [
    (put("format", "other"), "format"),
    (put("version", 2), "version"),
    (put("version", "1"), "version"),
    (remove("version"), "version"),
    (put("name", ""), "name"),
    (put("name", "a\0b"), "name"),
    (put("epochs", 0), "epochs"),
    (put("epochs", 2.5), "epochs"),
    (put("epochs", "3"), "epochs"),
    (put("epochs", 10**9), "epochs"),
    (put("model.name", "torchvision/resnet19"), "model.name"),
    (put("model.name", "../../etc"), "model.name"),
    (put("model.weights", "IMAGENET"), "model.weights"),
    (put("optimizer.name", "adamm"), "optimizer.name"),
    (put("optimizer.base_lr", -1), "optimizer.base_lr"),
    (put("optimizer.base_lr", "fast"), "optimizer.base_lr"),
    (put("optimizer.momentum", 0.9), "optimizer.momentum"),
    (put("lr.interval", "steps"), "lr.interval"),
    (put("lr.warmup.epochs", -1), "lr.warmup.epochs"),
    (put("lr.warmup.start_factor", 2), "lr.warmup.start_factor"),
    (put("lr.decay.shape", "cosin"), "lr.decay.shape"),
    (put("lr.decay.cooldown", 0.1), "lr.decay.cooldown"),
    (put("lr.decay.floor", {"factor": 2}), "lr.decay.floor"),
    (put("lr.speed", 1), "lr.speed"),
    (put("groups", []), "groups"),
    (put("groups.6.name", "stem"), "groups"),
    (put("groups.6.modules", []), "groups[6].modules"),
    (put("groups.6.modules", ["clasifier"]), "groups[6].modules[0]"),
    (put("groups.6.modules", ["blocks.0.0"]), "groups[6].modules[0]"),
    (put("groups.6.trainable", [[2, 1]]), "groups[6].trainable"),
    (put("groups.6.trainable", [[0, 2], [1, 3]]), "groups[6].trainable"),
    (put("groups.6.trainable", [[1, None]]), "groups"),
    (put("groups.6.lr_scale", 0), "groups[6].lr_scale"),
    (put("groups.6.when_frozen", "sleep"), "groups[6].when_frozen"),
    (put("groups.6.colour", "red"), "groups[6].colour"),
]


@pytest.mark.parametrize("number", range(len(BAD_FIELDS)))
@pytest.mark.parametrize("command", ["check", "run"])
def test_a_bad_field_is_refused_by_its_path(file, tmp_path, number, command):
    change, field = BAD_FIELDS[number]
    out = tmp_path / "out"
    more = ("--out", str(out), *SMALL) if command == "run" else ()
    refused(thaw(command, file(change), *more), f"error: {field}")
    assert not out.exists()


def test_a_run_folder_whose_schedule_has_errors_is_refused_with_each_of_them(tmp_path):
    raw = parse.to_raw(small_schedule(2))
    raw["groups"][-1]["modules"] = ["clasifier"]
    run_folder.create(tmp_path / "out", parse.from_raw(raw), small_settings())
    again = thaw("resume", str(tmp_path / "out"))
    refused(
        again, "groups[6].modules[0]", "leave out classifier.weight", "did you mean 'classifier'?"
    )


BAD_TEXTS = {
    "empty": (b"", "the document is empty"),
    "not JSON": (b"{", "is not JSON"),
    "a record": (b'{"format": "thaw.record"}', "record of a loop, not a schedule: compare it on"),
    "a list": (b"[1]", "the document is [1], not an object"),
    "a key twice": (b'{"format": "thaw.schedule", "format": "x"}', "format appears twice"),
    "NaN": (b'{"epochs": NaN}', "is NaN"),
    "binary": (bytes(range(256)), "is not UTF-8 text"),
    "a picture": (b"\x89PNG\r\n\x1a\n\0\0\0", "is not UTF-8 text"),
    "too deep": (b"[" * 5_000, "is nested over 16 levels deep"),
    "too large": (b" " * 300_000, "a schedule has at most 262,144"),
    "a lone surrogate": (b'{"format": "thaw.schedule", "version": 1, "name": "\\ud800"}', "surrog"),
}


@pytest.mark.parametrize("kind", BAD_TEXTS)
def test_a_text_that_is_no_schedule_is_refused_from_file_and_standard_input(tmp_path, kind):
    content, told = BAD_TEXTS[kind]
    path = tmp_path / "bad.json"
    path.write_bytes(content)
    refused(thaw("check", str(path)), told)
    refused(thaw("curves", "-", stdin=content), told)


def test_a_file_that_cannot_be_used_is_refused_as_file(tmp_path):
    refused(thaw("check", str(tmp_path)), f"error: FILE is '{tmp_path}', a folder")
    refused(
        thaw("check", "gradul"), "FILE is 'gradul', which is neither a file nor a preset: did you"
    )
    refused(thaw("check", str(tmp_path / "none.json")), "which is neither a file nor a preset")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    refused(thaw("check", str(tmp_path / "loop")), "error: FILE is ", "which cannot be read")
    refused(thaw("check", "x" * 5_000), "error: FILE is ")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused(file):
    path = file()
    Path(path).chmod(0)
    refused(thaw("check", path), "which cannot be read (Permission denied)")


BAD_FLAGS = [
    (("--samples", "0"), "--samples"),
    (("--samples", "9"), "--samples"),
    (("--samples", "many"), "--samples"),
    (("--samples", "1.5"), "--samples"),
    (("--validation-samples", "-3"), "--validation-samples"),
    (("--validation-samples", "1"), "--validation-samples"),
    (("--image-size", "8"), "--image-size"),
    (("--image-size", "100000"), "--image-size"),
    (("--batch-size", "0"), "--batch-size"),
    (("--batch-size", "1e9"), "--batch-size"),
    (("--device", "gpu"), "--device"),
    (("--device", "mps"), "--device"),
    (("--seed", "-1"), "--seed"),
    (("--seed", "99999999999999999999"), "--seed"),
    (("--cache", "on"), "--cache"),
    (("--data", ""), "--data"),
    (("--data", "no/such/folder"), "--data"),
    (("--data", "~nosuchuser/x"), "--data"),
    (("--data", __file__), "--data"),
    (("--data", "/dev/null"), "--data"),
    (("--colour", "red"), "--colour"),
    (("surplus",), "surplus"),
]


@pytest.mark.parametrize("number", range(len(BAD_FLAGS)))
def test_a_bad_flag_is_refused_by_name_and_leaves_no_folder(file, tmp_path, number):
    arguments, flag = BAD_FLAGS[number]
    out = tmp_path / "out"
    result = thaw("run", file(), "--out", str(out), *SMALL, *arguments)
    assert result.exit_code == 2
    assert flag in result.stderr
    assert "Traceback" not in result.output
    assert not out.exists()


def test_every_bad_flag_is_told_in_a_line_of_its_own(file, tmp_path):
    bad = ("--samples", "many", "--batch-size", "0", "--device", "gpu")
    result = thaw("run", file(), "--out", str(tmp_path / "out"), *bad)
    refused(result)
    told = [line.split(":")[1] for line in result.stderr.splitlines()]
    assert told == [" --samples is 'many'", " --batch-size is 0", " --device is 'gpu'"]


def test_a_run_folder_that_is_taken_is_refused_as_out(file, tmp_path):
    path = file()
    full = tmp_path / "full"
    full.mkdir()
    (full / "x").touch()
    refused(thaw("run", path, "--out", str(full)), "error: --out is ", "which is not empty")
    (full / "schedule.json").touch()
    refused(thaw("run", path, "--out", str(full)), f"resume it with: python -m core resume {full}")
    spaced = full.rename(tmp_path / "it's full")
    refused(thaw("run", path, "--out", str(spaced)), f"core resume {shlex.quote(str(spaced))}, or")
    event_log.append(spaced, ev.Finished(1.0))
    finished = thaw("run", path, "--out", str(spaced))
    refused(finished, "which holds a finished run: name another")
    assert "resume" not in finished.stderr
    spaced.rename(full)
    refused(thaw("run", path, "--out", path), "error: --out is ", "which is not a folder")
    refused(thaw("run", path, "--out", f"{path}/below"), "error: --out is ")
    refused(thaw("run", path, "--out", "/proc/none"), "error: --out is ")
    refused(thaw("run", path), "--out")
    assert (full / "x").exists()


def test_what_cannot_be_resumed_is_refused(tmp_path):
    refused(thaw("resume", str(tmp_path)), "error: DIR is ", "which is not a run folder")
    refused(thaw("resume", str(tmp_path / "none")), "error: DIR is ")
    refused(thaw("resume", "a\0b"), "error: DIR is ")
    (tmp_path / "schedule.json").write_text(parse.dumps(presets.load("gradual")))
    (tmp_path / "settings.json").write_text('{"samples": 0}')
    refused(thaw("resume", str(tmp_path)), "error: --samples is 0")
    (tmp_path / "settings.json").write_text("{}")
    (tmp_path / "schedule.json").write_text("{}")
    refused(thaw("resume", str(tmp_path)), "error: format is missing")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("groups", "resnet19"), "model is 'resnet19', which is not supported"),
        (("groups", "../../etc/passwd"), "model is "),
        (("groups",), "NAME"),
        (
            ("presets", "gradul"),
            "preset is 'gradul', which does not exist: did you mean 'gradual'?",
        ),
        (("curves", "gradual", "--steps-per-epoch", "0"), "--steps-per-epoch"),
        (("curves", "gradual", "--steps-per-epoch", "x"), "--steps-per-epoch"),
        (("presets", "ulmfit", "--epochs", "0"), "--epochs is 0"),
        (("presets", "ulmfit", "--epochs", "few"), "--epochs is 'few'"),
        (("presets", "ulmfit", "--model", "resnet19"), "model is 'resnet19'"),
        (("presets", "--model", "resnet50"), "NAME is missing"),
        (("presets", "ulmfit", "--about", "--epochs", "4"), "--about goes with neither --model"),
        (("export", "ulmfit", "--to", "csv", "--run", "r"), "--run is given with --to csv"),
        (("check",), "FILE"),
        (("chek", "gradual"), "chek"),
        (("--nope",), "--nope"),
    ],
)
def test_a_wrong_argument_is_refused_by_name(arguments, told):
    refused(thaw(*arguments), told)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("check", "gradul"), "error: FILE is 'gradul'"),
        (("run", "gradual", "--out", "/proc/none/x"), "error: --out is "),
        (("run", "gradual"), "error: missing option '--out': see python -m core run --help"),
        (("chek",), "error: no such command 'chek'. Did you mean 'check'?"),
        *thorough(
            (("check", str(ROOT)), "error: FILE is "),
            (("resume", "nowhere"), "error: DIR is 'nowhere'"),
            (("presets", "x"), "error: preset is 'x'"),
            (("check", "a\nb"), r"error: FILE is 'a\nb'"),
            (("run", "gradual", "--out", "x", "--samples", "many"), "error: --samples is 'many': "),
            (("curves", "gradual", "--steps-per-epoch", "x"), "error: --steps-per-epoch is 'x': "),
            (("run", "gradual", "--colour", "red"), "error: no such option '--colour'"),
            (("check", "gradual", "a\nb"), r"error: got unexpected extra argument (a\nb): see"),
        ),
    ],
)
def test_a_real_process_exits_with_2_and_one_line(arguments, told):
    ran = process(*arguments)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith(told)
    assert len(ran.stderr.splitlines()) == 1


def test_every_command_of_a_module_is_one_of_the_command_line():
    written = {
        each.name
        for info in pkgutil.iter_modules(core.cli.__path__, "core.cli.")
        for each in vars(importlib.import_module(info.name)).values()
        if isinstance(each, click.Command) and each is not cli
    }
    assert written == set(cli.commands)
