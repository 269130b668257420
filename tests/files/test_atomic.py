from __future__ import annotations

import errno
import os
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.errors import RunError
from core.files import atomic, usage
from core.runs import event_log
from core.runs import events as ev


@pytest.mark.parametrize("write", [atomic.write_atomically, atomic.write_durably])
def test_a_write_that_fails_leaves_nothing_beside(tmp_path, write):
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="taken"):
        write(tmp_path / "taken", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


@pytest.mark.parametrize("write", [atomic.write_atomically, atomic.write_durably])
def test_new_content_takes_the_place_of_the_old(tmp_path, write):
    (tmp_path / "file").write_bytes(b"the old content")
    write(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_what_the_disk_refuses_is_told_with_the_file_and_the_way_out(tmp_path):
    path = tmp_path / "none" / "file"
    way_out = "free some space or grant write permission there, then resume"
    told = rf"none/file cannot be written \(No such .*\): {way_out}"
    with pytest.raises(RunError, match=told), atomic.disk_errors_as_run_error(path):
        atomic.write_durably(path, b"x")


def test_what_killed_writes_have_left_is_cleared_and_nothing_else(tmp_path):
    for name in (".pid.77", ".epoch-00002-0123456789abcdef.pt.5", ".tmp3fAme5"):
        (tmp_path / name).write_bytes(b"half")
    (tmp_path / ".folder.1").mkdir()
    for name in ("pid", ".hidden", "notes.1", ".77"):
        (tmp_path / name).touch()
    atomic.clear_unfinished(tmp_path)
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == [".77", ".folder.1", ".hidden", "notes.1", "pid"]


def test_a_file_that_a_context_writes_is_there_once_the_context_is_left(tmp_path):
    path = tmp_path / "file"
    with atomic.writing_durably(path) as beside:
        beside.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"
    with pytest.raises(ZeroDivisionError), atomic.writing_durably(path) as beside:
        beside.write_text(f"half {1 // 0}")
    assert path.read_text() == "whole"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_what_is_left_for_a_folder_that_is_not_there_yet_is_what_its_disk_has_left(tmp_path):
    left = shutil.disk_usage(tmp_path).free
    for place in (tmp_path, tmp_path / "home" / "runs", Path(f"{tmp_path}/{'x' * 200}/runs")):
        assert usage.free_disk(place) == pytest.approx(left, rel=0.2)
    (tmp_path / "file").touch()
    assert usage.free_disk(tmp_path / "file" / "runs") == pytest.approx(left, rel=0.2)
    assert usage.free_disk(tmp_path / ("x" * 300)) == 0  # a name that no disk takes


@pytest.mark.skipif(sys.platform != "linux", reason="no such file system is sure to be there")
def test_a_folder_is_made_where_the_file_system_syncs_no_folders():
    inside = Path("/proc/self")
    descriptor = os.open(inside.parent, os.O_RDONLY)
    with pytest.raises(OSError, match="Invalid argument"):
        os.fsync(descriptor)
    os.close(descriptor)
    atomic.make_folder(inside)


@pytest.mark.skipif(os.name != "posix", reason="folders are synced where they can be opened")
@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOTSUP, errno.EIO])
def test_only_that_a_folder_cannot_be_synced_is_passed_over(tmp_path, monkeypatch, code):
    def refuse(_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", refuse)
    if code == errno.EIO:
        with pytest.raises(OSError, match=os.strerror(code)):
            atomic.make_folder(tmp_path / "made")
    else:
        atomic.make_folder(tmp_path / "made")
    with pytest.raises(OSError, match=os.strerror(code)):  # a file's own content is not
        atomic.write_durably(tmp_path / "file", b"x")


@contextmanager
def on_a_mac(monkeypatch, refuses=False):
    """A context in which fsync and F_FULLFSYNC are what they are on macOS; gives their calls."""
    called = []

    def fully(descriptor, command):
        called.append(command)
        if refuses:
            raise OSError(errno.ENOTSUP, "Operation not supported")
        return 0

    with monkeypatch.context() as mac:
        mac.setattr(sys, "platform", "darwin")
        mac.setattr(atomic.fcntl, "F_FULLFSYNC", "full", raising=False)
        mac.setattr(atomic.fcntl, "fcntl", fully)
        mac.setattr(os, "fsync", lambda descriptor: called.append("fsync"))
        yield called


@pytest.mark.skipif(os.name != "posix", reason="a Mac has fcntl")
def test_on_a_mac_the_drives_own_cache_is_emptied_too(tmp_path, monkeypatch):
    with on_a_mac(monkeypatch) as called:
        atomic.write_durably(tmp_path / "file", b"x")
        event_log.append(tmp_path, ev.Finished(1.0))
    assert called == ["full"] * 3  # the file, its folder, the events
    with on_a_mac(monkeypatch, refuses=True) as called:
        event_log.append(tmp_path, ev.Finished(1.0))
    assert called == ["full", "fsync"]
