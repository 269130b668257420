"""The library keeps a person's schedules: names are no paths, and nothing is lost by a mistake."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import library, presets
from core.errors import InputError, ScheduleError
from core.files import trash
from core.library import NameTakenError
from core.schedule import edits
from core.schedule.document import as_seen
from core.schedule.parse import MAX_DOCUMENT_BYTES, dumps
from core.schedule.spec import Schedule
from tests.sample import stairs
from tests.schedule.strategies import names

GRADUAL = stairs()


GOLDEN = Path(__file__).parent / "golden" / "library"
"""A library of Thaw at commit aeada0a."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "home" / "library"


def named(name: str) -> Schedule:
    return edits.set_field(GRADUAL, "name", name)


def titles(root: Path) -> list[str]:
    return sorted(entry.name for entry in library.read_all(root)[0])


def test_a_library_that_is_not_there_is_empty(root: Path) -> None:
    assert library.read_all(root) == ((), ())
    assert not root.exists()


def test_what_is_saved_is_read_back_the_same(root: Path) -> None:
    file, replaced = library.save(root, GRADUAL)
    assert replaced is None
    assert library.load(root, file).schedule == GRADUAL
    assert (root / file).read_text(encoding="utf-8") == dumps(GRADUAL)


def test_a_library_of_an_earlier_thaw_opens_and_its_trash_gives_back(root: Path) -> None:
    shutil.copytree(GOLDEN, root)
    entries, broken = library.read_all(root)
    assert not broken
    assert {e.file: e.schedule for e in entries} == {
        "karna-2-epochs-db48c06d.json": named("Kärna, 2 epochs"),
        "con-a3dbc4b6.json": named("CON"),
    }
    (deleted,) = (root / ".trash").iterdir()
    back = library.restore(root, library.TrashedSchedule("Thrown away", deleted.name))
    assert library.load(root, back).schedule == edits.set_field(
        presets.load("head-only"), "name", "Thrown away"
    )


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "..",
        ".",
        "/etc/passwd",
        r"..\..\x",
        "C:\\x",
        "CON",
        "nul.json",
        ".hidden",
        "-rf *",
        "名前",
        "🧊" * 80,
        "x" * 80,
        "a\u2060b",
        " . ",
        "%2e%2e%2f",
    ],
)
def test_a_name_is_never_a_path(root: Path, name: str) -> None:
    file, _ = library.save(root, named(name))
    assert titles(root) == [name]
    assert (root / file).is_file()
    assert file.isascii()
    assert file == Path(file).name
    assert not file.startswith((".", "-"))
    assert len(file) <= 60
    assert {path.parent for path in root.parent.rglob("*.json")} == {root}


@given(st.lists(names, min_size=1, max_size=6, unique=True))
def test_schedules_of_any_names_stand_side_by_side(
    tmp_path_factory: pytest.TempPathFactory, several: list[str]
) -> None:
    root = tmp_path_factory.mktemp("library")
    for name in several:
        library.save(root, named(name), replace=True)
    kept = titles(root)
    assert set(kept) <= set(several)
    assert len(kept) == len({as_seen(name) for name in several})


def test_the_same_name_asks_before_it_replaces_and_what_was_there_can_be_brought_back(
    root: Path,
) -> None:
    library.save(root, GRADUAL)
    longer = edits.set_field(GRADUAL, "epochs", 9)
    with pytest.raises(NameTakenError, match=r"Gradual unfreezing.*already has: replace that one"):
        library.save(root, longer)
    file, replaced = library.save(root, longer, replace=True)
    assert library.load(root, file).schedule == longer
    assert titles(root) == [GRADUAL.name]
    assert replaced is not None
    restored = library.restore(root, replaced)
    assert library.load(root, restored).schedule == GRADUAL
    assert titles(root) == [GRADUAL.name]


def test_saving_the_same_again_changes_nothing(root: Path) -> None:
    file, _ = library.save(root, GRADUAL)
    assert library.save(root, GRADUAL) == (file, None)


@pytest.mark.parametrize("same", ["Cafe\u0301", "Caf\u00e9 ", "Caf\u200b\u00e9"])
def test_one_name_in_two_spellings_that_look_the_same_is_one_name(root: Path, same: str) -> None:
    library.save(root, named("Caf\u00e9"))
    with pytest.raises(NameTakenError):
        library.save(root, edits.set_field(named(same), "epochs", 9))


def test_a_rename_moves_the_file_and_keeps_all_else(root: Path) -> None:
    file, _ = library.save(root, GRADUAL)
    new = library.rename(root, file, "  Slow and steady ")
    assert library.load(root, new).schedule == named("Slow and steady")
    assert titles(root) == ["Slow and steady"]
    assert not (root / file).exists()
    assert library.rename(root, new, "Slow and steady") == new


def test_a_rename_to_a_name_that_is_taken_or_impossible_is_refused(root: Path) -> None:
    file, _ = library.save(root, GRADUAL)
    library.save(root, named("Other"))
    with pytest.raises(NameTakenError, match="'Other', the name of another schedule"):
        library.rename(root, file, "Other")
    for name in ("", "   ", "x" * 81, "a\nb"):
        with pytest.raises(ScheduleError, match="name"):
            library.rename(root, file, name)
    assert titles(root) == ["Gradual unfreezing", "Other"]


def test_duplicates_are_numbered_and_a_long_name_is_cut(root: Path) -> None:
    file, _ = library.save(root, GRADUAL)
    library.duplicate(root, file)
    library.duplicate(root, file)
    name = GRADUAL.name
    assert titles(root) == [name, f"{name} copy", f"{name} copy 2"]
    long, _ = library.save(root, named("x" * 80))
    copy = library.load(root, library.duplicate(root, long))
    assert copy.name == "x" * 75 + " copy"


def test_what_is_deleted_is_brought_back_as_it_was(root: Path) -> None:
    file, _ = library.save(root, GRADUAL)
    trashed = library.delete(root, file)
    assert titles(root) == []
    assert trashed.name == GRADUAL.name
    restored = library.restore(root, trashed)
    assert library.load(root, restored).schedule == GRADUAL
    with pytest.raises(InputError, match="in its trash: it is gone"):
        library.restore(root, trashed)


def test_bringing_back_moves_what_has_taken_the_name_into_the_trash(root: Path) -> None:
    file, _ = library.save(root, GRADUAL)
    trashed = library.delete(root, file)
    library.save(root, edits.set_field(GRADUAL, "epochs", 9))
    library.restore(root, trashed)
    assert [entry.schedule for entry in library.read_all(root)[0]] == [GRADUAL]
    assert len(list((root / ".trash").iterdir())) == 1


def test_the_trash_forgets_after_thirty_days(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, _ = library.save(root, GRADUAL)
    old = library.delete(root, file)
    later = time.time_ns() + int((trash.TRASH_SECONDS + 60) * 1e9)
    monkeypatch.setattr(time, "time_ns", lambda: later)
    other, _ = library.save(root, named("Other"))
    library.delete(root, other)
    assert [path.name for path in (root / ".trash").iterdir()] == [
        path.name for path in (root / ".trash").glob("*other*")
    ]
    with pytest.raises(InputError, match="in its trash"):
        library.restore(root, old)


@pytest.mark.parametrize("file", ["../x.json", "/etc/passwd", "no.json", "", ".lock", ".trash"])
def test_a_file_that_is_not_in_the_library_is_refused(
    root: Path, tmp_path: Path, file: str
) -> None:
    library.save(root, GRADUAL)
    outside = root.parent / "x.json"
    outside.write_text(dumps(GRADUAL), encoding="utf-8")
    for act in (library.delete, library.duplicate, library.load):
        with pytest.raises(InputError, match="library has no"):
            act(root, file)
    with pytest.raises(InputError, match="library has no"):
        library.rename(root, file, "New")
    with pytest.raises(InputError, match="in its trash"):
        library.restore(root, library.TrashedSchedule("x", f"../../{outside.name}"))
    assert outside.exists()
    assert titles(root) == [GRADUAL.name]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the document is empty"),
        (b"{", "is not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b" " * (MAX_DOCUMENT_BYTES + 1), "bytes"),
    ],
)
def test_a_broken_file_is_named_and_the_others_are_there(
    root: Path, content: bytes, reason: str
) -> None:
    library.save(root, GRADUAL)
    (root / "mine.json").write_bytes(content)
    (root / "notes.txt").write_text("not a schedule", encoding="utf-8")
    entries, (broken,) = library.read_all(root)
    assert [entry.name for entry in entries] == [GRADUAL.name]
    assert broken.file == "mine.json"
    assert reason in broken.reason
    with pytest.raises(InputError, match="holds no schedule"):
        library.load(root, "mine.json")


def test_a_folder_with_a_files_name_is_named_as_broken(root: Path) -> None:
    (root / "x.json").mkdir(parents=True)
    entries, (broken,) = library.read_all(root)
    assert (entries, broken.file) == ((), "x.json")


def test_a_file_put_there_by_hand_counts_and_is_never_overwritten(root: Path) -> None:
    file, _ = library.save(root, GRADUAL)
    (root / file).write_text(dumps(named("By hand")), encoding="utf-8")
    library.save(root, GRADUAL)
    assert titles(root) == ["By hand", GRADUAL.name]


def test_a_write_that_is_cut_short_leaves_what_was_there(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.save(root, GRADUAL)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match=r"cannot be written \(No space left on device\)"):
        library.save(root, named("Other"))
    with pytest.raises(InputError, match="cannot be written"):
        library.save(root, edits.set_field(GRADUAL, "epochs", 9), replace=True)
    assert [entry.schedule for entry in library.read_all(root)[0]] == [GRADUAL]
    assert [path.name for path in root.iterdir() if path.name.startswith(".grad")] == []


@pytest.mark.skipif(os.name != "posix", reason="elsewhere a folder cannot be synced")
def test_what_is_saved_replaced_or_deleted_outlasts_a_power_cut(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_ino))
    file, _ = library.save(root, GRADUAL)
    assert synced == [each.stat().st_ino for each in (root.parent, root / file, root)]
    synced.clear()
    library.save(root, edits.set_field(GRADUAL, "epochs", 9), replace=True)
    folder = (root / trash.TRASH).stat().st_ino
    assert folder in synced
    assert synced[-1] == root.stat().st_ino
    synced.clear()
    library.delete(root, file)
    assert synced == [root.stat().st_ino, folder, root.stat().st_ino]


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "library").write_text("a file", encoding="utf-8")
    with pytest.raises(InputError, match=r"THAW_HOME is .* cannot be written"):
        library.save(tmp_path / "library", GRADUAL)


def test_the_newest_comes_first(root: Path) -> None:
    files = [library.save(root, named(name))[0] for name in ("a", "b", "c")]
    for age, file in enumerate(files):
        os.utime(root / file, (1e9 - age, 1e9 - age))
    assert [entry.name for entry in library.read_all(root)[0]] == ["a", "b", "c"]


def test_it_lies_in_the_home_folder_and_the_demo_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THAW_HOME", str(tmp_path))
    assert library.library_folder() == tmp_path / "library"
    monkeypatch.setenv("THAW_DEMO", "1")
    assert library.library_folder() is None
