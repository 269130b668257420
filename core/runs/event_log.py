"""What happened in a run: `events.jsonl`, a line for each event, only ever appended."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from core.errors import RunError
from core.files.atomic import as_run_error, sync
from core.files.small_files import open_plain
from core.runs import events as ev

EVENTS = "events.jsonl"
ROOM = "room"
_ROOM_BYTES = 16_384
_LONGEST_END = 65_536
"""Bytes: a last event that is longer is found by reading all of them."""
_LONGEST_START = 262_144
"""Bytes in which a run tells of its data."""
_LONGEST_LINE = 16 * 1024**2
"""Bytes that are read of a line."""
_MOST = 1024**3
"""Bytes that are read of steps, some 600,000 of a run with 54 groups; and of the rest, which no run
of Thaw's comes near, but a stranger's file may."""
_FREQUENT = (b'"event":"step"}\n', b'"event":"progress"}\n')
"""How `append` ends the lines of which there may be millions."""
_MILESTONES = (ev.EpochDone, ev.Finished)


def append(folder: Path, event: ev.Event) -> None:
    """Add an event. A line that a killed process left torn is closed first.

    What ends an epoch or the run outlasts a power cut, with all that was told before it: so no
    checkpoint knows of an epoch that the events do not. RunError if the disk refuses, and then it
    is not told at all.
    """
    line = ev.EVENT.dump_json(event) + b"\n"
    with as_run_error(folder / EVENTS), (folder / EVENTS).open("a+b") as file:
        end = file.tell()
        if end > 0:
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                line = b"\n" + line
        file.write(line)
        if isinstance(event, _MILESTONES):
            file.flush()
            try:
                sync(file.fileno())
            except OSError:
                os.ftruncate(file.fileno(), end)  # else it would be told by half
                raise


def append_last(folder: Path, event: ev.Event) -> None:
    """Append an event, also on a full disk: in the room that was kept for it."""
    try:
        append(folder, event)
    except RunError:
        release_space(folder)
        append(folder, event)


def reserve_space(folder: Path) -> None:
    """Keep a little of the disk for the event that tells that it is full."""
    with suppress(OSError):
        (folder / ROOM).write_bytes(bytes(_ROOM_BYTES))


def release_space(folder: Path) -> None:
    """Give up what `reserve_space` has kept."""
    with suppress(OSError):
        (folder / ROOM).unlink()


def read(folder: Path, *, steps: bool = True) -> tuple[ev.Event, ...]:
    """Return all events so far, in order; lines that are torn or not understood are passed over.

    Without `steps`, all but each Step and Progress, which takes a hundredth of the time: they are
    told apart by how their lines end.
    """
    return read_new(folder, 0, steps=steps)[0]


def read_new(folder: Path, offset: int, *, steps: bool = True) -> tuple[tuple[ev.Event, ...], int]:
    """Return the events behind byte `offset`, as `read`, and the offset to read on from next time.

    A last line without its end is left for next time. A missing file has no events. Steps behind
    the first GiB are left out, so that the end of the longest run is read as that of any.
    """
    found, rest = [], 0
    with suppress(OSError), open_plain(folder / EVENTS) as file:
        file.seek(offset)
        while rest < _MOST and (line := _line(file)):
            kept = steps and offset < _MOST
            offset += len(line)
            if line.endswith(_FREQUENT):
                if not kept:
                    continue
            else:
                rest += len(line)
            with suppress(ValidationError):
                event = ev.EVENT.validate_json(line)
                if kept or not isinstance(event, ev.Step | ev.Progress):
                    found.append(event)
    return tuple(found), offset


def last(folder: Path) -> tuple[ev.Event, ...]:
    """Return the last whole line's event, if it is one; nothing else is read."""
    try:
        with open_plain(folder / EVENTS) as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _LONGEST_END))
            lines = file.read().rsplit(b"\n", 2)
        return (ev.EVENT.validate_json(lines[-2]),)
    except (OSError, IndexError, ValidationError):
        return ()


def started(folder: Path) -> ev.Started | None:
    """Return the first Started event, which every later session repeats; None before it is told.

    Only what comes before it is read, and at most a quarter of a MiB.
    """
    with suppress(OSError), open_plain(folder / EVENTS) as file:
        while file.tell() < _LONGEST_START and (line := _line(file)):
            with suppress(ValidationError):
                event = ev.EVENT.validate_json(line)
                if isinstance(event, ev.Started):
                    return event
    return None


def _line(file: BinaryIO) -> bytes:
    """Return the next whole line, or the beginning of one that is too long; nothing at the end."""
    line = file.readline(_LONGEST_LINE)
    return line if line.endswith(b"\n") or len(line) == _LONGEST_LINE else b""
