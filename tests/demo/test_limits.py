"""The hosted demo's limits hold below the page: at a launch, and in a run's own process."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from core import checks, presets
from core.data import uploads
from core.demo import limits as demo
from core.demo import queue
from core.demo.limits import LIMITS
from core.errors import InputError, RunError, SettingsError
from core.models import layer_table
from core.runs import event_log, run_folder
from core.runs import events as ev
from core.runs.processes import launch, run_lock
from core.runs.session import RunSession
from core.runs.settings import RunSettings
from core.schedule import edits, parse
from tests.data.zips import classes, zipped
from tests.training.small import small_schedule, small_settings

ROOT = Path(__file__).parents[2]
SHORT = demo.first_schedule()
FIRST = demo.first_settings()

STEP = ev.Step(0, 0, 1.0, {})
HANGS = """
import sys, time
from dataclasses import replace
from pathlib import Path
from core.demo import limits as demo
from core.runs.processes import run_lock
from core.runs import run_folder
from core.runs.events import Step
from core.runs.session import RunSession
from core.runs.processes.stopping import watch_for_stop

folder = Path(sys.argv[1])
run_lock.acquire(folder)
session = RunSession(folder, run_folder.read(folder)[0])
demo.LIMITS = replace(demo.LIMITS, seconds=0.5)
with (
    watch_for_stop(folder, session.done, session.end_process),
    session,
    demo.enforce_limits(folder, session.record_notice) as bounded,
):
    bounded(Step(0, 0, 1.0, {}))
    time.sleep(60)
"""
"""A run's process that never asks whether to stop."""


@pytest.fixture(autouse=True)
def hosted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("THAW_DEMO", "1")
    monkeypatch.setenv("THAW_HOME", str(tmp_path))
    yield
    for run in run_folder.list_runs(launch.runs_folder()):
        launch.force_stop(run)


def small(**changed: object) -> RunSettings:
    return FIRST.model_copy(
        update={"samples": 40, "validation_samples": 20, "image_size": 32, **changed}
    )


def test_what_a_visitor_begins_with_is_allowed_and_has_no_errors() -> None:
    demo.refuse(SHORT, FIRST)
    assert SHORT.epochs == LIMITS.epochs
    assert checks.errors(SHORT) == ()


@pytest.mark.parametrize("name", presets.names())
def test_every_preset_can_be_shortened_to_one_that_the_demo_runs(name: str) -> None:
    schedule = edits.use_model(presets.load(name), layer_table.load(presets.BUNDLED_MODEL))
    short = demo.shortened(schedule)
    demo.refuse(short, FIRST)
    assert checks.errors(short) == ()


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("samples", 513, "--samples is 513: the hosted demo takes at most 512"),
        (
            "validation_samples",
            1_000,
            "--validation-samples is 1,000: the hosted demo takes at most 512",
        ),
        ("image_size", 97, "--image-size is 97: the hosted demo takes at most 96"),
        (
            "batch_size",
            12,
            "--batch-size is 12 at 64 px: the hosted demo has memory for 11 images of that size",
        ),
        ("cache_memory", None, "--cache-memory is not given: the hosted demo takes at most 50"),
        ("cache_disk", 201, "--cache-disk is 201: the hosted demo takes at most 200"),
        ("workers", 1, "--workers is 1: the hosted demo takes at most 0"),
        ("device", "auto", "--device is 'auto', but the hosted demo runs on the CPU: use cpu"),
        (
            "data",
            "/etc",
            "--data is '/etc', but the hosted demo opens no folders: "
            "use fashion-mnist, or upload a zip on the Run page",
        ),
    ],
)
def test_settings_over_a_limit_are_refused_in_words(
    field: str, value: object, message: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        demo.refuse_settings(FIRST.model_copy(update={field: value}))
    assert str(refused.value) == message


def test_outside_of_a_demo_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("THAW_DEMO")
    demo.refuse(presets.load("mae-vit-l"), RunSettings())


def test_the_pixels_of_a_batch_are_what_counts() -> None:
    at_96 = FIRST.model_copy(update={"image_size": 96, "batch_size": 5})
    demo.refuse_settings(at_96)
    with pytest.raises(SettingsError, match="has memory for 5 images"):
        demo.refuse_settings(at_96.model_copy(update={"batch_size": 6}))


def test_an_upload_of_a_session_is_data_and_nothing_else_in_the_home_is(tmp_path: Path) -> None:
    session = uploads.folder() / ("0" * 32)
    *_, made = uploads.unpack(zipped(classes("cat", "dog")), "pets.zip", session, uploads.limits())
    demo.refuse_settings(FIRST.model_copy(update={"data": str(made.folder)}))
    for path in (
        session,
        tmp_path,
        made.folder / "cat",
        made.folder / ".." / made.folder.name,
        uploads.folder() / ".." / ".." / "etc",
    ):
        with pytest.raises(SettingsError, match="opens no folders"):
            demo.refuse_settings(FIRST.model_copy(update={"data": str(path)}))


def test_a_launch_refuses_what_the_demo_does_not_run() -> None:
    long = edits.set_length(SHORT, 100)
    with pytest.raises(InputError, match=r"epochs is 100, .* at most 5: shorten it to 5"):
        launch.start(long, FIRST, launch.runs_folder())
    other = edits.use_model(long, layer_table.load("torchvision/resnet50"))
    with pytest.raises(InputError, match="does not run: use one of timm/tf_eff") as told:
        launch.start(other, RunSettings(), launch.runs_folder())
    assert [each.field for each in told.value.problems] == [
        "model.name",
        "epochs",
        "--samples",
        "--validation-samples",
        "--cache-memory",
        "--cache-disk",
        "--batch-size",
        "--device",
    ]
    assert run_folder.list_runs(launch.runs_folder()) == ()


def test_a_runs_own_process_refuses_it_too(tmp_path: Path) -> None:
    file, out = tmp_path / "long.json", tmp_path / "run"
    file.write_text(parse.dumps(edits.set_length(SHORT, 6)), encoding="utf-8")
    command = [sys.executable, "-m", "core", "run", str(file), "--out", str(out)]
    ran = subprocess.run(
        [*command, "--samples", "513"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 2
    assert "error: epochs is 6, but a run of the hosted demo has at most 5" in ran.stderr
    assert "error: --samples is 513: the hosted demo takes at most 512" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_second_run_has_to_wait_and_nobody_resumes() -> None:
    runs = launch.runs_folder()
    held = launch.new_folder(runs, "held", datetime.now())
    run_folder.create(held, SHORT, small())  # which this living process runs
    with pytest.raises(InputError, match="has to wait, since another run is in progress"):
        launch.start(SHORT, small(), runs)
    run_lock.release(held)
    with pytest.raises(InputError, match="cannot be resumed in the hosted demo: start a new one"):
        launch.resume(held)


@pytest.mark.thorough
def test_an_upload_below_a_relative_home_is_trained_on_and_no_weights_are_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "started" / "here").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    monkeypatch.chdir(tmp_path / "started" / "here")
    for home in ("../../link", "home"):
        monkeypatch.setenv("THAW_HOME", home)
        session = uploads.folder() / ("0" * 32)
        pets = zipped(classes("cat", "dog", images=20))
        *_, made = uploads.unpack(pets, "pets.zip", session, uploads.limits())
        demo.refuse_settings(small(data=str(made.folder)))
    monkeypatch.setattr(launch, "_lower_priority", lambda pid: None)  # to other tests: it has 120 s
    name = launch.start(small_schedule(1), small(data=str(made.folder)), launch.runs_folder())
    assert len(name.rsplit("-", 1)[1]) == 32  # which nobody guesses
    run, end = run_folder.find_run(launch.runs_folder(), name), time.monotonic() + 120
    while run_lock.is_alive(run):
        assert time.monotonic() < end, (run / "log.txt").read_text()
        time.sleep(0.05)
    assert run_folder.status(run) == "finished", (run / "log.txt").read_text()
    assert not queue.busy(launch.runs_folder())
    assert not (run / "checkpoints").exists()
    assert not (run / "model.safetensors").exists()
    assert run_folder.read_summary(run).validation_accuracy is not None


def test_a_run_out_of_time_is_stopped_even_if_it_hangs_and_says_why(tmp_path: Path) -> None:
    run = tmp_path / "runs" / "hangs"
    run_folder.create(run, SHORT, small_settings())
    run_lock.release(run)
    (run / "checkpoints").mkdir()
    ran = subprocess.run(
        [sys.executable, "-c", HANGS, str(run)],
        cwd=ROOT,
        check=False,
        timeout=120,
        stderr=subprocess.DEVNULL,
    )
    assert ran.returncode != 0
    assert run_folder.status(run) == "stopped"
    (told,) = [event for event in event_log.read(run) if isinstance(event, ev.Notice)]
    assert "the run reached the hosted demo's limit of 0.5 s: use fewer" in told.message
    assert not (run / "checkpoints").exists()


def test_in_time_and_outside_of_a_demo_no_run_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "runs" / "short"
    run_folder.create(run, SHORT, small_settings())
    with demo.enforce_limits(run, pytest.fail) as bounded:
        bounded(STEP)
    monkeypatch.setattr(demo, "LIMITS", replace(LIMITS, seconds=0.0))
    with demo.enforce_limits(run, pytest.fail):
        time.sleep(0.1)  # the time counts from the first step
    monkeypatch.delenv("THAW_DEMO")
    monkeypatch.setattr(demo, "LIMITS", replace(LIMITS, start_seconds=0.0, seconds=0.0))
    with demo.enforce_limits(run, pytest.fail) as bounded:
        bounded(STEP)
        time.sleep(0.1)
    assert not run_lock.stop_requested(run)
    run_lock.release(run)


@pytest.mark.parametrize(
    "limits", [replace(LIMITS, seconds=0.0), replace(LIMITS, start_seconds=0.0)]
)
def test_a_run_out_of_time_is_asked_to_stop_also_where_that_cannot_be_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limits: demo.DemoLimits
) -> None:
    run = tmp_path / "runs" / "silent"
    run_folder.create(run, SHORT, small_settings())

    def refuse(_: ev.Notice) -> None:
        raise RunError("the disk is full")

    monkeypatch.setattr(demo, "LIMITS", limits)
    end = time.monotonic() + 120
    with demo.enforce_limits(run, refuse) as bounded:
        if limits.start_seconds:
            bounded(STEP)
        while not run_lock.stop_requested(run):
            assert time.monotonic() < end
            time.sleep(0.01)
    run_lock.release(run)


def test_a_run_that_has_told_its_end_says_nothing_after_it(tmp_path: Path) -> None:
    run = tmp_path / "runs" / "ended"
    run_folder.create(run, SHORT, small_settings())
    with RunSession(run, SHORT) as session:
        session.record_notice(ev.Notice("before"))
        session.record(ev.Finished(1.0))
        session.record_notice(ev.Notice("after"))
    session.record_notice(ev.Notice("later"))
    told = [event.message for event in event_log.read(run) if isinstance(event, ev.Notice)]
    assert told == ["before"]
    assert run_folder.status(run) == "finished"


def test_a_demo_asks_no_process_for_its_device() -> None:
    assert launch.device() == {"type": "cpu", "name": "CPU of the hosted demo", "count": 1}


def test_the_readme_tells_the_most_that_one_visitor_and_all_of_them_take() -> None:
    readme = (ROOT / "core" / "demo" / "README.md").read_text(encoding="utf-8")
    upload, share = uploads.limits().upload // 10**6, LIMITS.share
    rows = {
        "open pages": (f"{LIMITS.visitors * share:g}", f"{LIMITS.visitors}"),
        f"for {LIMITS.upload_hold_seconds / 60:g} minutes at most": (
            f"{LIMITS.held_uploads * share * upload:g} MB",
            f"{LIMITS.held_uploads * upload} MB",
        ),
        "unpacked uploads on the disk": (
            f"{LIMITS.uploads * share / 1e6:g} MB",
            f"{LIMITS.uploads / 1e9:g} GB",
        ),
        "places in the queue": (f"{LIMITS.waiting * share:g}", f"{LIMITS.waiting}"),
        "without weights and checkpoints": (
            f"{LIMITS.runs / 1e6:g} MB",
            f"{LIMITS.runs / 1e6:g} MB",
        ),
        "until it ends": (f"{LIMITS.cache_disk} MB", f"{LIMITS.cache_disk} MB"),
    }
    for row, (one, all_of_them) in rows.items():
        assert f"{row} | {one} | {all_of_them} |" in readme
    assert f"one page holds {LIMITS.visitor_uploads * upload} MB of uploads" in readme


def test_the_oldest_runs_make_room_for_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [tmp_path / name for name in ("newest", "older", "oldest")]
    for run in runs:
        run.mkdir()
        (run / "events.jsonl").write_bytes(bytes(100_000))
    monkeypatch.setattr(demo, "LIMITS", replace(LIMITS, runs=250_000))
    demo.delete_oldest_runs(runs)
    assert [run.exists() for run in runs] == [True, True, False]
