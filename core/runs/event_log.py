"""The event log of a run: `events.jsonl`, a line for each event, only ever appended."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from core.errors import RunError
from core.files.atomic import disk_errors_as_run_error, sync
from core.files.small_files import open_plain
from core.runs import events as ev

EVENTS = "events.jsonl"
ROOM = "room"
_ROOM_BYTES = 16_384
_MAX_END_BYTES = 65_536
"""Bytes at the end of the file in which `last` looks for the last event."""
_MAX_START_BYTES = 262_144
"""Bytes at the start of the file in which `started` looks for its event."""
_MAX_LINE_BYTES = 16 * 1024**2
"""Bytes that are read of a line."""
_MAX_BYTES = 1024**3
"""Bytes that are read of steps, some 600,000 in a run with 54 groups, and as many of other events.
No run of Thaw has so many of the latter, but a file from elsewhere may."""
_FREQUENT = (b'"event":"step"}\n', b'"event":"progress"}\n')
"""The ends of lines of which there may be millions, as `append` writes them."""
_MILESTONES = (ev.EpochDone, ev.Finished)


def append(folder: Path, event: ev.Event) -> None:
    """Append an event, after closing a line that a killed process has left unfinished.

    An event that ends an epoch or the run is synced, so that after a power cut no checkpoint is
    newer than the events. Raises RunError if the disk refuses; then nothing of the event is left.
    """
    line = ev.EVENT.dump_json(event) + b"\n"
    with disk_errors_as_run_error(folder / EVENTS), (folder / EVENTS).open("a+b") as file:
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
                os.ftruncate(file.fileno(), end)  # else half of it would be left
                raise


def append_last(folder: Path, event: ev.Event) -> None:
    """Append an event, if need be in the disk space that `reserve_space` has kept for it."""
    try:
        append(folder, event)
    except RunError:
        release_space(folder)
        append(folder, event)


def reserve_space(folder: Path) -> None:
    """Reserve a little disk space for the event that says that the disk is full."""
    with suppress(OSError):
        (folder / ROOM).write_bytes(bytes(_ROOM_BYTES))


def release_space(folder: Path) -> None:
    """Release the disk space that `reserve_space` has kept."""
    with suppress(OSError):
        (folder / ROOM).unlink()


def read(folder: Path, *, steps: bool = True) -> tuple[ev.Event, ...]:
    """Return all events so far, in order; invalid lines are passed over.

    Without `steps`, Step and Progress events are left out, which takes a hundredth of the time.
    """
    return read_new(folder, 0, steps=steps)[0]


def read_new(folder: Path, offset: int, *, steps: bool = True) -> tuple[tuple[ev.Event, ...], int]:
    """Return the events from byte `offset` on, and the offset from which to read next time.

    Invalid lines are passed over, and an unfinished last line is left for next time; a missing file
    has no events. Step and Progress events are left out without `steps`, and after the first GiB.
    """
    events, rest = [], 0
    with suppress(OSError), open_plain(folder / EVENTS) as file:
        file.seek(offset)
        while rest < _MAX_BYTES and (line := _line(file)):
            with_steps = steps and offset < _MAX_BYTES
            offset += len(line)
            if line.endswith(_FREQUENT):
                if not with_steps:
                    continue
            else:
                rest += len(line)
            with suppress(ValidationError):
                event = ev.EVENT.validate_json(line)
                if with_steps or not isinstance(event, ev.Step | ev.Progress):
                    events.append(event)
    return tuple(events), offset


def last(folder: Path) -> tuple[ev.Event, ...]:
    """Return the event of the last whole line; nothing if that is invalid or over 64 KiB long."""
    try:
        with open_plain(folder / EVENTS) as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _MAX_END_BYTES))
            lines = file.read().rsplit(b"\n", 2)
        return (ev.EVENT.validate_json(lines[-2]),)
    except (OSError, IndexError, ValidationError):
        return ()


def started(folder: Path) -> ev.Started | None:
    """Return the first Started event, or None if there is none in the first 256 KiB.

    Later sessions repeat what it says.
    """
    with suppress(OSError), open_plain(folder / EVENTS) as file:
        while file.tell() < _MAX_START_BYTES and (line := _line(file)):
            with suppress(ValidationError):
                event = ev.EVENT.validate_json(line)
                if isinstance(event, ev.Started):
                    return event
    return None


def _line(file: BinaryIO) -> bytes:
    """Return the next whole line, or the first 16 MiB of a longer one; empty at the end."""
    line = file.readline(_MAX_LINE_BYTES)
    return line if line.endswith(b"\n") or len(line) == _MAX_LINE_BYTES else b""
