"""Images that are decoded as they come: a run's bits, and what it says of files and workers."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from core.errors import DataError, RunError
from core.runs import event_log
from core.runs import events as ev
from core.runs.settings import VIEWS
from core.schedule import parse
from core.training.data import Data, epoch_entries, load_data
from core.training.image_stream import ImageStream
from core.training.job import Job, never
from core.training.output_files import OutputFiles
from core.training.train import train
from tests.sample import thorough
from tests.training.nets import all_cost_in_the_first_layer, build, schedule_of
from tests.training.small import of_kind, same_bits, small_schedule, small_settings

ROOT = Path(__file__).parents[2]

SCHEDULE = schedule_of("skipping", {"head": [[0, None]], "up": [[1, None]]}, 3)
"""A network with dropout, which draws from torch's generator."""


def pictures(folder: Path, of_each: int = 20) -> Path:
    """Two classes of noise, no two images alike in size."""
    random = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (folder / name).mkdir(parents=True)
        for at in range(of_each):
            pixels = random.integers(0, 256, (17 + at, 40 - at, 3), np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{at:02}.png")
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pictures(tmp_path_factory.mktemp("data"))


def happens(
    folder: Path, data: Path, should_stop: Callable[[], bool] = never, **changed: Any
) -> Iterator[ev.Event]:
    values = {"data": str(data), "image_size": 16, "batch_size": 8} | changed
    settings = small_settings(**values)
    outputs = OutputFiles(folder / "weights", nan_report=folder / "nan.json")
    job = Job(
        SCHEDULE,
        settings,
        folder / "checkpoints",
        should_stop,
        outputs,
        build=build,
    )
    with all_cost_in_the_first_layer():
        yield from train(job)


@pytest.fixture(scope="module")
def ahead(
    data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], tuple[list[ev.Event], dict[str, torch.Tensor]]]:
    """The events and weights of a run that decodes ahead, without the cache."""
    done: dict[str, tuple[list[ev.Event], dict[str, torch.Tensor]]] = {}

    def of(augment: str) -> tuple[list[ev.Event], dict[str, torch.Tensor]]:
        if augment not in done:
            folder = tmp_path_factory.mktemp("ahead")
            events = list(happens(folder, data, augment=augment, cache="off"))
            done[augment] = events, load_file(folder / "weights")
        return done[augment]

    return of


@pytest.mark.parametrize(
    ("augment", "cache", "workers"),
    [
        ("none", "auto", 0),
        ("none", "off", 2),
        ("flip", "auto", 2),
        ("flip", "off", 0),
        ("random", "auto", 0),
        ("random", "off", 2),
        *thorough(("crops", "auto", 3), ("color", "auto", 0), ("color", "off", 2)),
    ],
)
def test_a_run_that_decodes_as_it_goes_ends_with_the_bits_of_one_that_decodes_ahead(
    augment, cache, workers, data, ahead, tmp_path
):
    chosen = {"augment": augment, "cache": cache, "workers": workers}
    events = list(happens(tmp_path, data, decode="stream", **chosen))
    expected, weights = ahead(augment)
    assert same_bits(load_file(tmp_path / "weights"), weights)
    assert of_kind(events, ev.Step) == of_kind(expected, ev.Step)
    for one, other in zip(
        of_kind(events, ev.EpochDone), of_kind(expected, ev.EpochDone), strict=True
    ):
        assert one.validation_loss == other.validation_loss
    stored = any(decision.on for decision in of_kind(events, ev.CacheDecision))
    assert stored == (cache == "auto" and augment in ("none", "flip"))
    assert multiprocessing.active_children() == []


def loaded(data: Path, **changed: Any) -> Data:
    *_, found = load_data(small_settings(data=str(data), image_size=16, **changed), epochs=2)
    assert isinstance(found, Data)
    return found


@pytest.mark.parametrize("augment", sorted(VIEWS))
def test_an_entry_has_the_same_pixels_held_or_not(augment, data):
    held, stream = (loaded(data, augment=augment, decode=each) for each in ("ahead", "stream"))
    assert isinstance(stream.train.images, ImageStream)
    assert (*stream.names,) == (*held.names,)
    entries = epoch_entries(held.train, 0, 1, 2)
    assert torch.equal(held.train.pixels(entries), stream.train.pixels(entries))
    validated = torch.arange(len(held.validation))
    assert torch.equal(held.validation.pixels(validated), stream.validation.pixels(validated))


def test_the_bundled_images_are_held_in_any_case_and_the_run_says_so():
    *told, found = load_data(small_settings(decode="stream"))
    (notice,) = [each.message for each in told if isinstance(each, ev.Notice)]
    assert notice == "--decode is stream, but --data is fashion-mnist, which is held in memory"
    assert isinstance(found.train.images, torch.Tensor)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_file_that_is_gone_ends_the_run_with_its_name(workers, tmp_path):
    data = pictures(tmp_path / "data")
    events = happens(tmp_path, data, decode="stream", workers=workers, cache="off")
    next(event for event in events if isinstance(event, ev.Started))
    (data / "cat" / "02.png").unlink()
    with pytest.raises(RunError) as caught:
        list(events)
    message = str(caught.value)
    assert message.startswith(f"{data / 'cat' / '02.png'} cannot be read (No such file or")
    assert "resume the run" in message
    assert multiprocessing.active_children() == []


def test_a_stopped_run_leaves_no_worker_and_goes_on_to_the_same_bits(data, ahead, tmp_path):
    first: list[ev.Event] = []

    def in_the_second_epoch() -> bool:
        return any(step.epoch == 1 for step in of_kind(first, ev.Step))

    chosen = {"decode": "stream", "workers": 2, "augment": "flip"}
    first.extend(happens(tmp_path, data, in_the_second_epoch, **chosen))
    assert first[-1] == ev.Stopped(1)
    assert multiprocessing.active_children() == []
    then = list(happens(tmp_path, data, **chosen | {"workers": 0}))
    expected, weights = ahead("flip")
    steps = [step for step in of_kind(expected, ev.Step) if step.epoch >= 1]
    assert of_kind(then, ev.Step) == steps
    assert same_bits(load_file(tmp_path / "weights"), weights)


def test_a_resume_is_refused_where_a_file_has_another_size(tmp_path):
    data = pictures(tmp_path / "data", of_each=8)
    chosen = {"decode": "stream", "cache": "off"}
    list(happens(tmp_path, data, **chosen))
    list(happens(tmp_path, data, **chosen))
    with (data / "dog" / "01.png").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(DataError, match="whose training images are not those that epochs 0 to 2"):
        list(happens(tmp_path, data, **chosen))


def test_a_worker_that_dies_ends_the_run_with_the_way_on(data, tmp_path):
    events = happens(tmp_path, data, decode="stream", workers=2, cache="off", batch_size=2)

    def kill_all_workers() -> None:
        for _ in events:
            for worker in multiprocessing.active_children():
                worker.kill()

    with pytest.raises(RunError) as caught:
        kill_all_workers()
    message = str(caught.value)
    assert message.startswith("a process that decodes images failed (")
    assert message.endswith("resume the run; if it fails again, start one with fewer --workers")
    assert multiprocessing.active_children() == []


@pytest.mark.thorough
@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_worker_outlives_its_run(number, data, tmp_path):
    file, out = tmp_path / "schedule.json", tmp_path / "run"
    file.write_text(parse.dumps(small_schedule(300)))
    words = f"run {file} --out {out} --data {data} --decode stream --workers 2 --batch-size 2"
    command = [sys.executable, "-m", "core", *words.split()]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    ran = subprocess.Popen(command, cwd=ROOT, text=True, start_new_session=True, **pipes)
    workers: list[psutil.Process] = []
    while len(workers) < 2 or not any(isinstance(e, ev.Step) for e in event_log.read(out)):
        assert ran.poll() is None
        workers = psutil.Process(ran.pid).children(recursive=True)
    os.killpg(ran.pid, number) if number == signal.SIGINT else os.kill(ran.pid, number)
    _, complaints = ran.communicate(timeout=60)
    assert (ran.returncode, complaints) == ((-9, "") if number == signal.SIGKILL else (130, ""))
    assert not psutil.wait_procs(workers, timeout=10)[1]
