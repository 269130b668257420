"""What a run leaves out of a folder: what it leaves out of a zip of the same files."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from core.data import uploads
from core.data.readable import ReadableImages, find_readable
from core.data.summary import summarize_data
from core.data.uploads import Upload
from core.data.zip_members import UploadLimits
from tests.data.zips import classes, png, zipped


def grey(mode: str, kind: str) -> bytes:
    made = io.BytesIO()
    Image.new(mode, (8, 8), 70_000).save(made, kind)
    return made.getvalue()


ODD = [
    ("cat/cut.png", png(9)[:-30]),
    ("cat/text.jpg", b"no image"),
    ("cat/notes.txt", b"notes"),
    ("cat/without_suffix", png(3)),
    ("cat/more/below.png", png(4)),
    ("cat/more/.hidden.png", b"no image"),
    ("dog/float.tif", grey("F", "TIFF")),
    ("dog/plain.ppm", b"P3 1 1 255 0 0 0"),
    ("dog/empty.png", b""),
    ("bird/text.png", b"no image"),
    ("bird/empty.png", b""),
    ("readme.md", b"about"),
]


def folder_of(files: list[tuple[str, bytes]], folder: Path) -> Path:
    for name, content in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def found_in(folder: Path) -> ReadableImages:
    *_, last = find_readable(folder)
    assert isinstance(last, ReadableImages)
    return last


@pytest.mark.parametrize("splits", [[""], ["train/", "val/"]])
def test_a_folder_and_a_zip_of_it_have_the_same_images_and_leave_out_the_same(
    tmp_path: Path, splits: list[str]
) -> None:
    files = [
        (split + n, c) for split in splits for n, c in (*classes("cat", "dog", images=6), *ODD)
    ]
    *_, made = uploads.unpack(zipped(files), "pets.zip", tmp_path / "zip", uploads.limits())
    assert isinstance(made, Upload)
    own = found_in(folder_of(files, tmp_path / "own"))
    unpacked = found_in(made.folder)
    assert sorted(own.left_out) == sorted(unpacked.left_out) == sorted(made.left_out)
    assert own.skipped == unpacked.skipped == len(made.left_out) == 9 * len(splits)
    assert own.images.classes == unpacked.images.classes == ("cat", "dog")
    for split in ("train", "validation"):
        one, other = (getattr(each.images, split) for each in (own, unpacked))
        assert one.labels.tolist() == other.labels.tolist()
    assert len(own.images.train) + len(own.images.validation) == made.images


def test_a_look_counts_the_images_that_a_run_has_and_names_the_rest(tmp_path: Path) -> None:
    seen = summarize_data(str(folder_of([*classes("cat", "dog", images=6), *ODD], tmp_path)))
    assert seen.train + seen.validation == 14
    assert seen.skipped == 9
    assert dict(seen.left_out)["cat/text.jpg"] == "not an image"


def test_of_files_that_are_too_many_or_too_large_for_a_zip_none_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [*classes("cat", "dog", images=6), *ODD]
    folder_of(files, tmp_path)
    size = sum(len(content) for _, content in files)
    for most, skipped in (
        ({"members": 21}, 0),
        ({"members": 22}, 9),
        ({"unpacked": size // 2}, 0),
        ({"unpacked": size}, 9),
    ):
        limits = replace(UploadLimits(upload=10**9, unpacked=10**9), **most)
        monkeypatch.setattr(uploads, "limits", lambda limits=limits: limits)
        assert found_in(tmp_path).skipped == skipped
