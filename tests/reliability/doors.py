"""Every door that strangers' text comes through: each takes something broken, and tells how.

A door's function gets a source of chance, a good document and an empty folder. It returns the
message with which the door refused, or None where it was let in; whatever else comes out of it is
a fault.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import pickle
import zlib
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from random import Random
from typing import Any

import psutil
import torch

from core import library
from core.cli import runs
from core.compare.align import group_rows
from core.compare.comparable import Comparable
from core.data import uploads
from core.errors import ThawError
from core.records.io import parse_either
from core.runs import event_log, predictions, report_facts, run_folder
from core.runs import events as ev
from core.runs.forecast import remaining
from core.runs.processes import run_lock
from core.runs.progress import run_progress
from core.runs.results import run_results
from core.runs.settings import RunSettings, read_settings
from core.runs.status import SUMMARY_JSON, summary_of
from core.schedule import link, parse
from core.training import checkpoint
from pages.components.compare import figures, markdown, rates_card, windows_card
from pages.components.compare.metrics import metric_table
from pages.components.compare.slots import Slot
from pages.components.run import audit_card, charts
from pages.components.run.status_card import status_card
from tests.records.samples import record_of
from tests.reliability import mangle

Raw = dict[str, Any]
Door = Callable[[Random, Raw, Path], str | None]


RAN: list[str] = []
"""What was run of what strangers have sent."""


def broken(rng: Random, raw: Any) -> bytes:
    """The document as JSON bytes, with something wrong in its values or in its bytes."""
    if rng.random() < 0.7:
        return as_json(mangle.value_of(rng, raw))
    return mangle.bytes_of(rng, as_json(raw))


def as_json(raw: Any) -> bytes:
    return json.dumps(raw, ensure_ascii=False).encode("utf-8", "surrogatepass")


def schedule(rng: Random, raw: Raw, _: Path) -> str | None:
    return refusal(parse.parse, broken(rng, raw))


def record(rng: Random, raw: Raw, _: Path) -> str | None:
    """A record of the loop that the schedule describes, and what a comparison asks of it."""
    good = record_of(parse.from_raw(raw)).model_dump(mode="json")
    return refusal(
        lambda text: compared(parse_either(text), parse.from_raw(raw)), broken(rng, good)
    )


def compared(one: Comparable, other: Comparable) -> None:
    """All that the Compare page draws of two."""
    both = zip("AB", (one, other), strict=True)
    slots = [Slot(letter, "own:0", plan, "file", RunSettings()) for letter, plan in both]
    rows = group_rows([one, other])
    windows_card.rate_bars(slots, rows)
    rates_card.all_rates(slots, rows)
    markdown.markdown(slots, figures.lines(slots, {}))


def a_link(rng: Random, raw: Raw, _: Path) -> str | None:
    """A link's text with wrong characters, or a good one of a broken document."""
    if rng.random() < 0.5:
        text = mangle.bytes_of(rng, packed(as_json(raw)).encode()).decode("utf-8", "replace")
    else:
        text = packed(broken(rng, raw))
    return refusal(link.decode, text)


def settings(rng: Random, raw: Raw, _: Path) -> str | None:
    good = RunSettings(data=raw["name"], seed=rng.randrange(9)).model_dump(mode="json")
    return refusal(lambda text: read_settings(text).with_absolute_data(), broken(rng, good))


def a_library(rng: Random, raw: Raw, home: Path) -> str | None:
    """A library's folder with a broken file is read, and goes on to be written."""
    (home / "x.json").write_bytes(broken(rng, raw))
    entries, faults = library.read_all(home)
    assert len(entries) + len(faults) == 1
    library.save(home, parse.from_raw(raw), replace=True)
    return faults[0].reason if faults else None


def upload(rng: Random, raw: Raw, home: Path) -> str | None:
    """The note of an upload; one that makes no sense is none."""
    note = {"name": raw["name"], "images": 3, "skipped": 1, "left_out": [["a", "b"]]}
    (home / uploads.NOTE).write_bytes(broken(rng, note))
    uploads.read_note(home)
    return None


def run(rng: Random, raw: Raw, home: Path) -> str | None:
    """A run's folder in which one file is broken, or each: read as pages and `resume` read it."""
    whole = run_files(raw)
    names = rng.choice(([rng.choice(list(whole))], list(whole)))
    for name, good in whole.items():
        (home / name).write_bytes(broken_file(rng, name, good) if name in names else good)
    return refusal(read_run, home)


def resumed(rng: Random, raw: Raw, home: Path) -> str | None:
    """A run's checkpoints: torn, of other values, or a stranger's program, under a right name."""
    kept = home / run_folder.CHECKPOINTS
    kept.mkdir()
    for epoch in (1, 2):
        content = a_checkpoint(rng, epoch) if rng.random() < 0.8 else whole_checkpoint(epoch)
        (kept / named(epoch, content, right=rng.random() < 0.8)).write_bytes(content)
    found: list[checkpoint.NewestCheckpoint] = []
    message = refusal(lambda folder: found.append(checkpoint.newest(folder)), kept)
    for each in (good.checkpoint for good in found if good.checkpoint is not None):
        assert each.epoch in (1, 2)
        assert isinstance(each.model, dict)
    return message


def taken(rng: Random, raw: Raw, home: Path) -> str | None:
    """A run's folder in which something leads out, or never ends: nobody takes it up."""
    mine, run = home / "mine", home / "run"
    (run / run_folder.CHECKPOINTS).mkdir(parents=True)
    mine.write_text("mine")
    for name, good in run_files(raw).items():
        (run / name).write_bytes(good)
    (run / run_lock.PID).unlink()
    name = rng.choice((*WRITTEN, f"{run_folder.CHECKPOINTS}/.epoch-00001.pt.9"))
    path = run / name
    if path.is_dir():
        path.rmdir()
    path.unlink(missing_ok=True)
    if hasattr(os, "mkfifo") and rng.random() < 0.5:
        os.mkfifo(path)
    else:
        path.symlink_to(rng.choice((mine, home, home / "none")))
    take = rng.choice((run_lock.acquire, run_lock.take_over))
    message = refusal(take, run)
    assert message is not None, name
    assert name in message
    assert mine.read_text() == "mine"
    assert sorted(each.name for each in home.iterdir()) == ["mine", "run"]
    return message


WRITTEN = (
    run_lock.LOCK,
    run_lock.PID,
    run_lock.STOP,
    event_log.EVENTS,
    event_log.ROOM,
    run_folder.LOG,
    run_folder.SUMMARY,
    run_folder.PREDICTIONS,
    run_folder.NAN_REPORT,
    run_folder.WEIGHTS,
    run_folder.CHECKPOINTS,
)
"""What a run writes in its folder."""

DOORS: Mapping[str, tuple[int, Door]] = {
    "schedules": (3, schedule),
    "records": (2, record),
    "links": (2, a_link),
    "settings": (1, settings),
    "libraries": (1, a_library),
    "uploads": (1, upload),
    "run folders": (3, run),
    "checkpoints": (1, resumed),
    "run locks": (1, taken),
}
"""How often each is tried with one document, and how."""


def refusal(take: Callable[[Any], object], given: Any) -> str | None:
    """The message of what Thaw refuses on purpose; whatever else is raised goes on."""
    try:
        take(given)
    except ThawError as error:
        return str(error)
    return None


def packed(document: bytes) -> str:
    """Any bytes as a link."""
    words = (files("core.schedule") / "link.dictionary").read_bytes()
    stream = zlib.compressobj(level=9, zdict=words)
    content = stream.compress(document) + stream.flush()
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def run_files(raw: Raw) -> dict[str, bytes]:
    """A run that goes on in this process, on that schedule."""
    groups = tuple(group["name"] for group in raw["groups"])
    told = (
        ev.Launched(),
        ev.Started(1e9, "cpu", "CPU", 2, 4, 4, ("a", "b"), 9, 0.5),
        ev.Forecast((1.0,) * raw["epochs"], 2.0, 3.0),
        ev.CacheDecision(0, on=True, reason="why", bytes=9),
        ev.Step(0, 0, 1.0, dict.fromkeys(groups, 1e-3)),
        ev.Step(1, 0, 0.5, dict.fromkeys(groups, 1e-3)),
        ev.EpochDone(0, groups, 9, 1.0, 0.5, 1.0, 0.5, 1.0, 9.0, 9),
        ev.Audit(2, 0.0, True, (ev.FrozenSpan(groups[0], 0, 1, unchanged=True),)),
    )
    guessed = predictions.Predictions(
        classes=("a", "b"), images=("1", "2"), true=(0, 1), predicted=(0, 0), confidence=(0.5, 0.5)
    )
    own = psutil.Process()
    return {
        run_folder.SCHEDULE: as_json(raw),
        run_folder.SETTINGS: RunSettings().model_dump_json().encode(),
        event_log.EVENTS: b"".join(ev.EVENT.dump_json(event) + b"\n" for event in told),
        run_folder.PREDICTIONS: guessed.model_dump_json().encode(),
        run_folder.SUMMARY: SUMMARY_JSON.dump_json(summary_of(parse.parse(as_json(raw)), told)),
        run_lock.PID: as_json({"pid": own.pid, "started": own.create_time()}),
    }


def broken_file(rng: Random, name: str, good: bytes) -> bytes:
    if name != event_log.EVENTS:
        return broken(rng, json.loads(good))
    lines = good.splitlines()
    at = rng.randrange(len(lines))
    lines[at] = broken(rng, json.loads(lines[at]))
    return b"\n".join(rng.sample(lines, rng.randrange(1, len(lines) + 1))) + b"\n"


def read_run(home: Path) -> None:
    """All that pages and `resume` read of a run's folder, and what they compute of it."""
    told = run_progress(event_log.read(home))
    run_results(home)
    run_folder.status(home)
    run_folder.read_summary(home)
    runs.row(home, 9)
    found = predictions.read(home / run_folder.PREDICTIONS)
    if found is not None:
        predictions.confusion(found)
        predictions.worst(found, 9)
    schedule, settings = run_folder.read(home)
    remaining(told, schedule.epochs, 2e9)
    refusal(lambda run: report_facts.report_facts(run, schedule), home)
    run_folder.write_summary(home, run_folder.run_summary(home, schedule))
    settings.with_absolute_data()
    for status in ("running", "stopping", "finished", "failed"):
        status_card(schedule, settings, status, told, home)
    error = audit_card.largest_error(schedule, told)
    list(audit_card.items(schedule, settings, told, error))
    steps = told.started.steps_per_epoch if told.started else 1
    charts.actual_rates(schedule, told, steps)
    charts.train_losses(told, steps)
    metric_table({"A": run_results(home)}, "accuracy")


def whole_checkpoint(epoch: int) -> bytes:
    return saved(stored(epoch))


def stored(epoch: int) -> Raw:
    return {
        "epoch": epoch,
        "model": {"w": torch.zeros(2)},
        "optimizer": {"state": {}, "param_groups": []},
        "scheduler": {"last_epoch": 1},
        "random": {"cpu": torch.zeros(2)},
        "audit": {"steps": 1},
        "seconds": 1.0,
        "origin": {"schedule": "a", "settings": "b", "data": {}, "libraries": {}, "machine": "c"},
        "format": checkpoint.FORMAT,
    }


def saved(value: Any) -> bytes:
    made = io.BytesIO()
    torch.save(value, made)
    return made.getvalue()


def a_checkpoint(rng: Random, epoch: int) -> bytes:
    match rng.randrange(4):
        case 0:
            return mangle.bytes_of(rng, whole_checkpoint(epoch))
        case 1:
            return pickle.dumps(Evil())
        case 2:
            return saved({**stored(epoch), "model": Evil()})
    changed = stored(epoch)
    changed[rng.choice(list(changed))] = rng.choice(mangle.NASTY)
    return saved(changed)


def named(epoch: int, content: bytes, *, right: bool) -> str:
    digest = hashlib.sha256(content).hexdigest()[:16] if right else "0" * 16
    return f"epoch-{epoch:05}-{digest}.pt"


def run_by_a_pickle() -> None:
    """What a stranger's pickle would run."""
    RAN.append("a pickle was loaded")


class Evil:
    """Whoever unpickles it runs a program."""

    def __reduce__(self) -> tuple[Any, ...]:
        return run_by_a_pickle, ()
