"""Small real runs that may be broken off anywhere, and everything that must come out the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from random import Random
from threading import RLock
from typing import Any
from unittest.mock import patch

import torch
from safetensors.torch import load_file
from tqdm import tqdm

from core import checks
from core.cli.app import cli
from core.runs import event_log, run_folder
from core.runs import events as ev
from core.runs.processes import run_lock
from core.runs.settings import RunSettings
from core.runs.status import history
from core.schedule import parse
from core.schedule.spec import Schedule
from core.training import checkpoint, train
from core.training.job import Job
from tests.reliability import faults
from tests.training.nets import GROUPS, all_cost_in_the_first_layer, build
from tests.training.small import small_settings

_CLOCK = ("seconds", "images_per_second", "peak_memory")
"""What an EpochDone says of the machine, which may be otherwise every time."""
_OPTIMIZERS = (
    {"name": "sgd", "base_lr": 0.05, "momentum": 0.9, "weight_decay": 1e-4},
    {"name": "adam", "base_lr": 0.003},
    {"name": "adamw", "base_lr": 0.003, "weight_decay": 0.01},
)


@dataclass(frozen=True, slots=True)
class Ended:
    """What is left of a run that came to its end, by name, and how its files are called.

    Without those that a process takes away after its run has finished: it may be killed before.
    """

    kept: dict[str, Any]
    files: frozenset[str]


def drawn(
    seed: int, epochs: int | None = None, samples: int | None = None
) -> tuple[Schedule, RunSettings]:
    """A run with BatchNorm, an optimizer with a memory, a thaw, a re-freeze, the cache on."""
    random = Random(seed)
    net = random.choice(("skipping",) * 9 + ("resnet",))  # which takes ten times as long
    epochs = epochs or random.randint(4, 6)
    windows: dict[str, list[list[int | None]]] = {"head": [[0, None]]}
    for name in [*GROUPS[net]][:-1]:
        edges = sorted(random.sample(range(epochs), random.choice((0, 2, 4))))
        windows[name] = [list(pair) for pair in zip(edges[::2], edges[1::2], strict=True)]
    windows[[*GROUPS[net]][-2]] = [[1, 2], [3, None]]
    raw = {
        "format": "thaw.schedule",
        "version": 1,
        "name": f"Drawn {seed}",
        "model": {"name": net},
        "epochs": epochs,
        "optimizer": random.choice(_OPTIMIZERS),
        "lr": {
            "interval": random.choice(("step", "epoch")),
            "warmup": {"epochs": 1},
            "after_unfreeze": random.choice(("follow", "restart")),
        },
        "groups": [
            {
                "name": name,
                "modules": modules,
                "trainable": windows[name],
                "when_frozen": random.choice(("eval", "train")),
            }
            for name, modules in GROUPS[net].items()
        ],
    }
    settings = small_settings(
        image_size=16,
        samples=samples or random.choice((33, 48)),
        validation_samples=20,
        batch_size=8,
        seed=random.randint(0, 99),
        augment=random.choice(("none", "flip", "none", "flip", "random")),
        cache_memory=random.choice((None, 0)),  # 0: what is stored lies in a file
    )
    return parse.parse(json.dumps(raw)), settings


def prepare(folder: Path, schedule: Schedule, settings: RunSettings) -> None:
    """Make a run's folder, which nobody runs yet."""
    run_folder.create(folder, schedule, settings)
    run_lock.release(folder)


@contextmanager
def small_networks() -> Iterator[None]:
    """Runs of this process train the tests' networks, and store whatever can be stored."""
    real = train.train

    def of_ours(job: Job) -> Iterator[ev.Event]:
        return real(replace(job, build=build))

    refuse = partial(checks.refuse_errors, own_model=True)
    with (
        patch.object(train, "train", of_ours),
        patch.object(checks, "refuse_errors", refuse),
        all_cost_in_the_first_layer(),
    ):
        yield


def sit(folder: Path, fate: faults.Fate = faults.fine) -> None:
    """What `python -m core resume` does, on such a disk, as the whole of a process.

    What it prints goes to the run's log. Raises SystemExit.
    """
    tqdm.set_lock(RLock())  # its own one would leave a semaphore behind in a process that is killed
    log = (folder / run_folder.LOG).open("a", encoding="utf-8")
    disk = faults.Disk(folder, fate)
    with log, redirect_stdout(log), redirect_stderr(log), small_networks(), faults.on(disk):
        cli(["resume", str(folder)])


def ended(folder: Path) -> Ended:
    """What the run in the folder has come to."""
    told = history(event_log.read(folder))
    found = checkpoint.newest(folder / run_folder.CHECKPOINTS)
    last = found.checkpoint
    predicted, summary = folder / run_folder.PREDICTIONS, run_folder.read_summary(folder)
    kept: dict[str, Any] = {
        "status": run_folder.status(folder),
        "summary": summary and summary.status,
        "steps": [each for each in told if isinstance(each, ev.Step)],
        "epochs": [_timeless(each) for each in told if isinstance(each, ev.EpochDone)],
        "audits": [each for each in told if isinstance(each, ev.Audit)],
        "ends": [type(e).__name__ for e in told if isinstance(e, ev.Finished | ev.Failed)],
        "notices": sorted(each.message for each in told if isinstance(each, ev.Notice)),
        "predictions": predicted.read_bytes() if predicted.exists() else None,
        "weights": load_file(folder / run_folder.WEIGHTS),
        "damaged": found.damaged,
    }
    for name in ("epoch", "model", "optimizer", "scheduler", "random", "audit", "origin"):
        kept[f"checkpoint's {name}"] = getattr(last, name, None)
    names = {path.relative_to(folder).as_posix().partition("-0")[0] for path in folder.rglob("*")}
    return Ended(kept, frozenset(names - {run_lock.PID}))


def differences(one: Ended, other: Ended) -> list[str]:
    """Names of what is not the same, bit for bit."""
    names = [name for name in one.kept if not same(one.kept[name], other.kept[name])]
    return (
        names
        if one.files == other.files
        else [*names, f"files: {', '.join(sorted(one.files ^ other.files))}"]
    )


def same(one: object, other: object) -> bool:
    """Whether two values are equal, tensors within them bit for bit."""
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return one.dtype == other.dtype and one.equal(other)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and one == other


def _timeless(event: ev.EpochDone) -> dict[str, Any]:
    plain: dict[str, Any] = ev.EVENT.dump_python(event)
    return {name: value for name, value in plain.items() if name not in _CLOCK}
