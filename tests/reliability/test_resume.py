"""What a resume refuses, and what it needs nobody's help for."""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from click.testing import Result
from PIL import Image

from core.errors import InputError, RunError
from core.runs import checkpoint_files, event_log, run_folder
from core.runs import events as ev
from core.runs.processes import run_lock
from core.runs.settings import RunSettings
from core.runs.status import history
from core.schedule import parse
from core.schedule.edits import set_field
from core.training import checkpoint, data, provenance
from tests.reliability import faults, sessions
from tests.reliability.failing_disk import sit
from tests.sample import thorough
from tests.training.small import small_schedule, small_settings

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and its mounts")
FULL = "No space left on device"
_TRIES = 20


def full_after_an_epoch(disk: faults.Disk, at: int, half: faults.Half) -> None:
    """A disk that is full once there is a checkpoint."""
    if checkpoint_files.stored(disk.folder / run_folder.CHECKPOINTS):
        faults.fails(at, 28, False, disk, at, half)


def broken_off(folder: Path, settings: RunSettings | None = None) -> Path:
    """The folder of a run that was broken off after an epoch."""
    schedule, own = sessions.drawn(0, epochs=4, samples=12)
    sessions.prepare(folder, schedule, settings or own)
    _, result = sit(folder, full_after_an_epoch)
    assert FULL in result.stderr
    return folder


def refused(result: Result, *told: str) -> None:
    """Exit code 2, and one line with these texts."""
    (line,) = result.stderr.splitlines()
    assert result.exit_code == 2
    for text in told:
        assert text in line


def finished(folder: Path) -> tuple[ev.Event, ...]:
    """The events of a run that is resumed to its end."""
    _, result = sit(folder)
    assert result.exit_code == 0, result.output
    assert run_folder.status(folder) == "finished"
    return history(event_log.read(folder))


# --- what has changed underneath ------------------------------------------------------------------


@pytest.mark.usefixtures("small_networks")
def test_another_schedule_is_refused_and_the_old_one_goes_on(tmp_path):
    folder = broken_off(tmp_path / "run")
    path = folder / run_folder.SCHEDULE
    before = path.read_bytes()
    raw = parse.to_raw(parse.parse(before))
    raw["optimizer"]["base_lr"] *= 2
    path.write_text(parse.dumps(parse.from_raw(raw)))
    refused(sit(folder)[1], "schedule.json is not the one that epoch 0 was run with: put the old")
    assert run_folder.status(folder) == "failed"
    path.write_bytes(before)
    finished(folder)


@pytest.mark.usefixtures("small_networks")
def test_a_renamed_schedule_goes_on_and_its_summary_has_the_new_name(tmp_path):
    folder = broken_off(tmp_path / "run")
    path = folder / run_folder.SCHEDULE
    path.write_text(parse.dumps(set_field(parse.parse(path.read_bytes()), "name", "Renamed")))
    finished(folder)
    assert run_folder.read_summary(folder).name == "Renamed"


@pytest.mark.usefixtures("small_networks")
def test_an_image_that_changed_underneath_is_refused_and_the_old_one_goes_on(tmp_path):
    for number in range(20):
        path = tmp_path / "data" / ("cat", "dog")[number % 2] / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (16, 16), (number * 12, 0, 0)).save(path)
    settings = small_settings(data=str(tmp_path / "data"), image_size=16, batch_size=8)
    folder = broken_off(tmp_path / "run", settings)
    before = path.read_bytes()
    Image.new("RGB", (16, 16), (1, 2, 3)).save(path)
    refused(sit(folder)[1], "--data is ", "whose validation images are not those that epoch 0 was")
    path.write_bytes(before)
    finished(folder)


@pytest.mark.usefixtures("small_networks")
def test_another_library_is_refused_with_its_versions_unless_it_is_asked_for(tmp_path, monkeypatch):
    folder = broken_off(tmp_path / "run")
    now = {**provenance.libraries(), "torch": "99.0"}
    monkeypatch.setattr(provenance, "libraries", lambda: now)
    refused(
        sit(folder)[1],
        "a library changed: here is torch 99.0, but epoch 0 was run with torch ",
        "or continue with --other-libraries (the last bits may differ)",
    )
    _, result = sit(folder, more=("--other-libraries",))
    assert result.exit_code == 0, result.output
    (notice,) = (each for each in event_log.read(folder) if isinstance(each, ev.Notice))
    assert ", now 99.0: the last bits may differ from here on" in notice.message


@pytest.mark.usefixtures("small_networks")
def test_a_checkpoint_of_another_format_is_refused_and_no_epoch_is_run_again(tmp_path, monkeypatch):
    folder = broken_off(tmp_path / "run")
    before = run_folder.CHECKPOINTS
    monkeypatch.setattr(checkpoint, "FORMAT", checkpoint.FORMAT + 1)
    refused(
        sit(folder)[1], f"{before}/epoch-00001-", "is not in format 3, the one that this Thaw reads"
    )
    assert len(checkpoint_files.stored(folder / before)) == 1


@pytest.mark.usefixtures("small_networks")
def test_a_damaged_newest_checkpoint_is_told_and_the_run_ends_with_the_same_bits(tmp_path):
    schedule, settings = sessions.drawn(0, epochs=4, samples=12)
    sessions.prepare(tmp_path / "alone", schedule, settings)
    finished(tmp_path / "alone")

    def full_after_two(disk: faults.Disk, at: int, half: faults.Half) -> None:
        if len(checkpoint_files.stored(disk.folder / run_folder.CHECKPOINTS)) == 2:
            faults.fails(at, 28, False, disk, at, half)

    folder = tmp_path / "run"
    sessions.prepare(folder, schedule, settings)
    sit(folder, full_after_two)
    newest, _ = checkpoint_files.stored(folder / run_folder.CHECKPOINTS)
    newest.write_bytes(newest.read_bytes()[:-1])
    told = [each.message for each in finished(folder) if isinstance(each, ev.Notice)]
    assert told == [f"checkpoint {newest.name} is damaged: continuing from epoch 1 instead"]
    one, other = sessions.ended(tmp_path / "alone"), sessions.ended(folder)
    assert sessions.differences(one, other) == ["notices"]


@pytest.mark.usefixtures("small_networks")
def test_a_run_that_came_to_its_end_keeps_one_checkpoint(tmp_path):
    sessions.prepare(tmp_path / "run", *sessions.drawn(0, epochs=4, samples=12))
    finished(tmp_path / "run")
    (kept,) = checkpoint_files.stored(tmp_path / "run" / run_folder.CHECKPOINTS)
    assert checkpoint_files.epoch(kept) == 4


@pytest.mark.usefixtures("small_networks")
def test_a_run_that_was_killed_after_its_last_checkpoint_ends_with_nothing_left_over(tmp_path):
    run = tmp_path / "run"
    sessions.prepare(run, *sessions.drawn(0, epochs=4, samples=12))
    whole = finished(run)
    events = (run / event_log.EVENTS).read_bytes().splitlines(keepends=True)
    before_the_end = [
        line for line in events if b'"finished"' not in line and b'"audit"' not in line
    ]
    (run / event_log.EVENTS).write_bytes(b"".join(before_the_end))
    (run / run_folder.CHECKPOINTS / ".epoch-00004.pt.1").touch()
    assert finished(run)[-2].max_lr_error == whole[-2].max_lr_error
    assert len(list((run / run_folder.CHECKPOINTS).iterdir())) == 1


# --- a folder that goes away ----------------------------------------------------------------------


@pytest.mark.thorough
@pytest.mark.parametrize("in_its_place", [True, *thorough(False)])
def test_a_run_whose_folder_is_renamed_stops_and_writes_nothing_at_the_old_place(
    tmp_path, in_its_place
):
    run, moved = tmp_path / "run", tmp_path / "moved"
    sessions.prepare(run, small_schedule(400), small_settings())
    command = [sys.executable, "-m", "core", "resume", str(run)]
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, text=True, **pipes) as ran:
        try:
            while not any(isinstance(each, ev.Step) for each in event_log.last(run)):
                assert ran.poll() is None
                time.sleep(0.01)
            run.rename(moved)
            if in_its_place:
                run_folder.create(run, small_schedule(), small_settings())
            _, told = ran.communicate(timeout=30)
        finally:
            ran.kill()
    assert ran.returncode == 1
    assert told.startswith(f"error: {run} was deleted or renamed while its run went on")
    assert len(told.splitlines()) == 1
    assert run_folder.status(moved) == "interrupted"
    if in_its_place:
        assert event_log.read(run) == (ev.Launched(),)
        assert not (run / run_folder.CHECKPOINTS).exists()
    else:
        assert [path.name for path in tmp_path.iterdir()] == ["moved"]


# --- two at once ----------------------------------------------------------------------------------


def test_of_three_resumes_of_one_folder_at_once_one_runs_and_two_are_refused(tmp_path):
    sessions.prepare(tmp_path / "run", small_schedule(400), small_settings())
    command = [sys.executable, "-m", "core", "resume", str(tmp_path / "run")]
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    three = [subprocess.Popen(command, cwd=ROOT, text=True, **pipes) for _ in range(3)]
    end = time.monotonic() + 300.0
    while sum(each.poll() is not None for each in three) < 2:
        assert time.monotonic() < end
        time.sleep(0.05)
    (runs,) = (each for each in three if each.poll() is None)
    for each in three:
        if each is not runs:
            assert each.returncode == 2
            assert f"which process {runs.pid} is running: stop that one first" in each.stderr.read()
            each.stderr.close()
    assert run_lock.process(tmp_path / "run").pid == runs.pid
    runs.send_signal(signal.SIGKILL)
    runs.communicate()
    assert [type(each) for each in event_log.read(tmp_path / "run")].count(ev.Launched) == 2


# --- disks as they are ----------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, of 40 kB; `remount` changes it."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=40k", "tmpfs", str(place)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def remount(place: Path, option: str) -> None:
    """Waits a little: a disk counts as busy for a moment after its last file has been closed."""
    command = ["mount", "-o", f"remount,{option}", str(place)]
    for _ in range(_TRIES):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if "busy" not in done.stderr:
            break
        time.sleep(0.1)
    assert done.returncode == 0, done.stderr


@pytest.mark.usefixtures("small_networks")
def test_a_disk_that_is_really_full_is_told_and_with_room_the_run_ends_with_the_same_bits(
    tmp_path, small_disk
):
    schedule, settings = sessions.drawn(0, epochs=4, samples=12)
    sessions.prepare(tmp_path / "alone", schedule, settings)
    finished(tmp_path / "alone")
    folder = small_disk / "run"
    sessions.prepare(folder, schedule, settings)
    said = []
    for kilobytes in range(40, 400, 32):
        remount(small_disk, f"size={kilobytes}k")
        _, result = sit(folder)
        if result.exit_code == 0:
            break
        said.append(result.stderr)
    assert len(said) >= 2
    for line in said:
        assert re.fullmatch(rf"error: \S+ cannot be written \({FULL}\): free some space .*\n", line)
    assert result.exit_code == 0
    assert sessions.differences(sessions.ended(tmp_path / "alone"), sessions.ended(folder)) == []


def test_images_that_a_disk_has_no_room_for_are_an_error_and_no_bus_error(small_disk):
    # written through a mapping, they would end the process where no message can be told
    settings = small_settings(image_size=64)
    with pytest.raises(OSError, match=FULL):
        data.allocate_images(10, settings, memory=0, disk=10**9, scratch=small_disk)
    assert list(small_disk.iterdir()) == []


@pytest.mark.usefixtures("small_networks")
def test_a_disk_that_is_really_read_only_is_told_and_nothing_is_lost(small_disk):
    remount(small_disk, "size=40m")
    folder = broken_off(small_disk / "run")
    before = event_log.read(folder)
    remount(small_disk, "ro")
    _, result = sit(folder)
    assert result.exit_code == 1
    assert result.stderr == (
        f"error: {folder} cannot be written (Read-only file system): free some space or grant "
        "write permission there, then resume the run\n"
    )
    assert event_log.read(folder) == before
    remount(small_disk, "rw")
    finished(folder)


def test_a_folder_that_may_not_be_written_is_told_by_run_and_by_resume(tmp_path):
    # root may write anywhere unless it gives that up
    as_anyone: list[str] = []
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("needs setpriv, since this is root")
        as_anyone = ["setpriv", "--inh-caps=-dac_override", "--bounding-set=-dac_override"]
    sessions.prepare(tmp_path / "run", small_schedule(), small_settings())
    (tmp_path / "run").chmod(0o555)
    tmp_path.chmod(0o555)
    told = []
    for words in (("resume", "run"), ("run", "gradual", "--out", "new")):
        command = [*as_anyone, sys.executable, "-m", "core", *words[:-1], str(tmp_path / words[-1])]
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        told.append((ran.returncode, ran.stderr))
    tmp_path.chmod(0o755)
    (tmp_path / "run").chmod(0o755)
    assert told == [
        (
            1,
            f"error: {tmp_path}/run cannot be written (Permission denied): free some space or "
            "grant write permission there, then resume the run\n",
        ),
        (
            2,
            f"error: --out is '{tmp_path}/new', where nothing can be written (Permission denied): "
            "name a folder that you may write to\n",
        ),
    ]


def test_a_run_that_could_not_make_its_folder_can_be_started_again_there(tmp_path):
    schedule, settings = small_schedule(), small_settings()
    with faults.on(faults.Disk(tmp_path, faults.fine)) as disk:
        sessions.prepare(tmp_path / "run", schedule, settings)
    for at in range(len(disk.asked)):
        folder = tmp_path / str(at)

        def fate(_disk: faults.Disk, now: int, half: faults.Half, at: int = at) -> None:
            faults.fails(at, 28, True, _disk, now, half)

        told = rf"--out is .*{at}', where nothing can be written \({FULL}\): name a folder"
        with faults.on(faults.Disk(tmp_path, fate)), pytest.raises(InputError, match=told):
            run_folder.create(folder, schedule, settings)
        run_folder.create(folder, schedule, settings)  # which it could not if anything was left


@pytest.mark.usefixtures("small_networks")
def test_to_tell_its_end_is_the_last_that_a_run_asks_of_its_disk(tmp_path):
    """A finished run is never resumed, so nothing would mend what a kill leaves after that."""
    schedule, settings = sessions.drawn(0, epochs=4, samples=12)
    sessions.prepare(tmp_path / "run", schedule, settings)
    disk, result = sit(tmp_path / "run")
    assert result.exit_code == 0, result.output
    assert disk.asked[-2:] == [f"write {event_log.EVENTS}", f"sync {event_log.EVENTS}"]


@pytest.mark.parametrize("at", range(3))
@pytest.mark.parametrize("for_good", [False, True])
def test_an_end_that_the_disk_refuses_is_not_told(tmp_path, at, for_good):
    sessions.prepare(tmp_path, *sessions.drawn(0, epochs=4, samples=12))
    before = event_log.read(tmp_path)
    fate = partial(faults.fails, at, errno.ENOSPC, for_good)
    with faults.on(faults.Disk(tmp_path, fate)) as disk, pytest.raises(RunError, match="No space"):
        event_log.append(tmp_path, ev.Finished(1.0))
    assert disk.asked[at].endswith("events.jsonl")
    assert event_log.read(tmp_path) == before
