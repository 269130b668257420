"""Uploaded zips: the kind ones are unpacked once, the hostile ones leave nothing behind."""

from __future__ import annotations

import io
import os
import stat
import tempfile
import time
import unicodedata
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from core.data import uploads
from core.data.image_folder import find_images
from core.data.uploads import UnpackProgress, Upload
from core.data.zip_layout import safe
from core.data.zip_members import UploadLimits
from core.errors import DataError
from tests.data.zips import classes, many_entries, png, zipped

LIMITS = UploadLimits(upload=2_000_000, unpacked=5_000_000, members=200)


def unpacked(file: io.BytesIO, data: Path, limits: UploadLimits = LIMITS) -> Upload:
    *_, made = uploads.unpack(file, "pets.zip", data, limits)
    assert isinstance(made, Upload)
    return made


def files(upload: Upload) -> list[str]:
    found = (path for path in upload.folder.rglob("*") if path.is_file())
    return sorted(str(p.relative_to(upload.folder)) for p in found if p.name != uploads.NOTE)


def refused(file: io.BytesIO, data: Path, limits: UploadLimits = LIMITS) -> str:
    """The message, once it is sure that nothing was left behind."""
    with pytest.raises(DataError) as caught:
        unpacked(file, data, limits)
    assert caught.value.field == "pets.zip"
    assert not data.exists() or list(data.iterdir()) == []
    return str(caught.value)


def test_class_folders_are_unpacked_and_can_be_trained_on(tmp_path: Path) -> None:
    made = unpacked(zipped(classes("cat", "dog")), tmp_path)
    assert files(made) == ["cat/0.png", "cat/1.png", "dog/0.png", "dog/1.png"]
    assert (made.name, made.images, made.skipped, made.left_out) == ("pets.zip", 4, 0, ())
    assert find_images(made.folder).classes == ("cat", "dog")
    assert (made.folder / "dog" / "1.png").read_bytes() == png(41)


@pytest.mark.parametrize("wrapper", ["", "pets/", "archive/pets/", "train/"])
def test_folders_that_merely_wrap_the_classes_are_looked_through(
    tmp_path: Path, wrapper: str
) -> None:
    inside = [(wrapper + name, content) for name, content in classes("cat", "dog")]
    inside += [("readme.md", b"x"), ("__MACOSX/cat/._0.png", b"x"), (f"{wrapper}.DS_Store", b"x")]
    made = unpacked(zipped(inside), tmp_path)
    assert files(made) == ["cat/0.png", "cat/1.png", "dog/0.png", "dog/1.png"]
    assert made.left_out == (("readme.md", "outside the class folders"),)


@pytest.mark.parametrize(
    ("train", "held_out"), [("train", "val"), ("Train", "Test"), ("x/training", "x/validation")]
)
def test_train_and_validation_folders_stay_apart(tmp_path: Path, train: str, held_out: str) -> None:
    inside = [(f"{train}/{n}", c) for n, c in classes("cat", "dog", images=3)]
    inside += [(f"{held_out}/{n}", c) for n, c in classes("cat", "dog", images=1)]
    found = find_images(unpacked(zipped(inside), tmp_path).folder)
    assert found.brings_validation
    assert (len(found.train), len(found.validation)) == (6, 2)


def test_where_there_is_a_val_folder_the_test_images_are_not_used(tmp_path: Path) -> None:
    inside = [(f"{s}/{n}", c) for s in ("train", "val", "test") for n, c in classes("a", "b")]
    made = unpacked(zipped(inside), tmp_path)
    assert made.images == 8
    assert {path for path, _ in made.left_out} == {f"test/{n}" for n, _ in classes("a", "b")}


def test_images_of_folders_inside_a_class_belong_to_it(tmp_path: Path) -> None:
    inside = [*classes("cat", "dog"), ("cat/old/0.png", png(7)), ("cat/old/new/0.png", png(8))]
    made = unpacked(zipped(inside), tmp_path)
    assert {"cat/old_0.png", "cat/old_new_0.png"} <= set(files(made))


def test_the_same_zip_again_is_not_unpacked_twice(tmp_path: Path) -> None:
    first = unpacked(zipped(classes("cat", "dog")), tmp_path)
    again = list(uploads.unpack(zipped(classes("cat", "dog")), "copy.zip", tmp_path, LIMITS))
    assert again == [first]
    assert len(list(tmp_path.iterdir())) == 1
    assert unpacked(zipped(classes("cat", "cow")), tmp_path).folder != first.folder


def test_a_zip_whose_files_are_gone_since_is_unpacked_again(tmp_path: Path) -> None:
    first = unpacked(zipped(classes("cat", "dog")), tmp_path)
    (first.folder / "dog" / "1.png").unlink()
    assert unpacked(zipped(classes("cat", "dog")), tmp_path) == first
    assert len(files(first)) == 4
    assert list(tmp_path.iterdir()) == [first.folder]


def test_progress_is_told_and_an_upload_that_is_left_early_leaves_nothing(tmp_path: Path) -> None:
    going = uploads.unpack(zipped(classes("a", "b", images=40)), "x.zip", tmp_path, LIMITS)
    assert isinstance(going, Iterator)
    assert [next(going), next(going)] == [UnpackProgress(0, 80), UnpackProgress(25, 80)]
    assert len(list(tmp_path.iterdir())) == 1
    going.close()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_half_unpacked_by_a_dead_process_is_never_used_and_goes_in_time(
    tmp_path: Path,
) -> None:
    old, new = tmp_path / ".unpacking-old", tmp_path / ".unpacking-new"
    for half in (old, new):
        (half / "cat").mkdir(parents=True)
    long_ago = time.time() - 3 * 24 * 3600
    os.utime(old, (long_ago, long_ago))
    made = unpacked(zipped(classes("cat", "dog")), tmp_path)
    assert set(tmp_path.iterdir()) == {new, made.folder}


def test_what_is_no_image_is_left_out_and_named(tmp_path: Path) -> None:
    whole = png(3, (64, 64))
    huge = io.BytesIO()
    Image.new("1", (20_000, 10_000)).save(huge, "TIFF", compression="group4")
    program = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(%pipe%id) (w) file\n"
    inside = [
        *classes("cat", "dog"),
        ("cat/notes.txt", b"hello"),
        ("cat/cut.png", whole[: len(whole) // 2]),
        ("cat/empty.png", b""),
        ("dog/huge.tif", huge.getvalue()),
        ("dog/program.png", program),
        ("dog/page.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>"),
    ]
    limits = UploadLimits(upload=2_000_000, unpacked=50_000_000, members=200)
    made = unpacked(zipped(inside), tmp_path, limits)
    assert made.images == 4
    told = dict(made.left_out)
    assert told["cat/notes.txt"] == told["cat/empty.png"] == "not an image"
    assert told["dog/program.png"] == told["dog/page.svg"] == "not an image"
    assert told["dog/huge.tif"] == "far too many pixels"
    assert set(told) == {name for name, _ in inside[4:]}


def test_an_image_is_known_by_its_content_and_gets_a_suffix_for_it(tmp_path: Path) -> None:
    inside = [*classes("a", "b"), ("a/photo", png(kind="JPEG")), ("b/x.dat", png(kind="WEBP"))]
    assert {"a/photo.jpg", "b/x.dat.webp"} <= set(files(unpacked(zipped(inside), tmp_path)))


def test_files_whose_names_a_file_system_may_confuse_are_numbered(tmp_path: Path) -> None:
    two = "caf\u00e9.png", unicodedata.normalize("NFD", "caf\u00e9.png")
    names = ["a/x.png", "a/X.PNG", "a/x.png", *(f"b/{name}" for name in two)]
    with pytest.warns(UserWarning, match="Duplicate name"):
        file = zipped((name, png(at)) for at, name in enumerate(names))
    made = unpacked(file, tmp_path)
    assert made.images == 5
    assert len({unicodedata.normalize("NFKC", name).casefold() for name in files(made)}) == 5


@pytest.mark.parametrize("second", ["CAT", "cat.", "cat "])
def test_classes_that_a_file_system_may_confuse_are_refused(tmp_path: Path, second: str) -> None:
    message = refused(zipped(classes("cat", "dog", second)), tmp_path)
    assert message.endswith(f"'cat' and {second!r}: rename one of them")


HOSTILE_NAMES = [
    "/etc/cron.d/x.png",
    "../x.png",
    "cat/../../x.png",
    "..\\..\\x.png",
    "\\\\server\\share\\x.png",
    "C:\\windows\\x.png",
    "c:x.png",
    "cat/..",
]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_path_that_leads_out_of_the_zip_is_refused_whatever_else_is_in_it(
    tmp_path: Path, name: str
) -> None:
    message = refused(zipped([*classes("cat", "dog"), (name, png())]), tmp_path / "data")
    assert "a path that leads outside it" in message
    assert not any(tmp_path.rglob("x.png"))


def test_a_name_with_a_nul_is_refused(tmp_path: Path) -> None:
    content = zipped([*classes("cat", "dog"), ("cat/x.png~.sh", png())]).getvalue()
    message = refused(io.BytesIO(content.replace(b"x.png~.sh", b"x.png\0.sh")), tmp_path)
    assert "a path that leads outside it" in message


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_are_refused(tmp_path: Path, kind: int) -> None:
    def as_kind(info: zipfile.ZipInfo) -> None:
        if info.filename == "cat/x.png":
            info.external_attr = (kind | 0o777) << 16

    file = zipped([*classes("cat", "dog"), ("cat/x.png", b"/etc/passwd")], as_kind)
    assert "holds 'cat/x.png', a link or a device" in refused(file, tmp_path)


def test_a_locked_zip_is_refused(tmp_path: Path) -> None:
    def lock(info: zipfile.ZipInfo) -> None:
        info.flag_bits |= 1

    message = refused(zipped(classes("cat", "dog"), lock), tmp_path)
    assert message == "pets.zip is protected by a password: save it without one"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_whose_growth_cannot_be_bounded_are_refused(tmp_path: Path, method: int) -> None:
    message = refused(zipped(classes("cat", "dog"), method=method), tmp_path)
    assert f"method {method}" in message


@pytest.mark.parametrize("name", ["cat/more.zip", "dog/MORE.TAR.GZ", "more.7z"])
def test_an_archive_in_the_zip_is_refused(tmp_path: Path, name: str) -> None:
    inside = [*classes("cat", "dog"), (name, zipped(classes("x", "y")).getvalue())]
    assert "another archive" in refused(zipped(inside), tmp_path)


def test_an_archive_that_is_called_an_image_is_no_image(tmp_path: Path) -> None:
    hidden = zipped(classes("x", "y")).getvalue()
    made = unpacked(zipped([*classes("cat", "dog"), ("cat/x.png", hidden)]), tmp_path)
    assert made.left_out == (("cat/x.png", "not an image"),)


def test_a_hundred_thousand_entries_are_refused_before_they_are_read(tmp_path: Path) -> None:
    limits = UploadLimits(upload=20_000_000, unpacked=1)
    message = refused(many_entries(100_000), tmp_path, limits)
    assert message == "pets.zip holds 100,000 entries, more than 20,000: take fewer images"


def test_entries_are_counted_across_the_chunks_in_which_the_file_is_read(tmp_path: Path) -> None:
    for shift in range(4):
        content = b"PK\x05\x06" + b"x" * ((1 << 20) - 4 - shift) + b"PK\x01\x02" * 201
        assert "holds 201 entries" in refused(io.BytesIO(content), tmp_path)


def test_an_upload_that_is_too_large_is_refused(tmp_path: Path) -> None:
    assert "is larger than 2 MB" in refused(io.BytesIO(b"x" * 2_000_001), tmp_path)


BOMB = b"\0" * 4_000_000


def test_a_member_that_grows_too_much_is_refused(tmp_path: Path) -> None:
    message = refused(zipped([*classes("cat", "dog"), ("cat/x.png", BOMB)]), tmp_path)
    assert "'cat/x.png', which unpacks to over 200 times its size" in message


def test_what_all_members_unpack_to_is_bounded(tmp_path: Path) -> None:
    noise = [(f"cat/noise-{n}.png", os.urandom(300_000)) for n in range(3)]
    limits = UploadLimits(upload=2_000_000, unpacked=700_000)
    message = refused(zipped([*classes("cat", "dog"), *noise]), tmp_path, limits)
    assert message.startswith("pets.zip unpacks to more than 1 MB")


def test_the_pixels_of_all_members_are_bounded_also_where_each_is_small(tmp_path: Path) -> None:
    inside = classes("cat", "dog", images=5)
    (width, height) = Image.open(io.BytesIO(inside[0][1])).size
    pixels = len(inside) * width * height
    most = replace(LIMITS, decoded=pixels)
    assert unpacked(zipped(inside), tmp_path / "room", most).images == 10
    message = refused(zipped(inside), tmp_path / "data", replace(most, decoded=pixels - 1))
    assert message == (
        "pets.zip holds images of more than 0 megapixels in all: take fewer images, or smaller ones"
    )


def test_the_time_that_all_members_take_is_bounded(tmp_path: Path) -> None:
    message = refused(zipped(classes("a", "b")), tmp_path / "data", replace(LIMITS, seconds=0.0))
    assert "takes over 0 s to read" in message


def test_what_is_slow_to_decode_is_left_out_without_being_read(
    tmp_path: Path,
) -> None:
    slow = b"P2 5000 5000 255\n" + b"#\n" * 50_000
    inside = [*classes("a", "b"), ("a/slow.pgm", slow), ("a/binary.pgm", b"P5 1 1 255\n\1")]
    made = unpacked(zipped(inside), tmp_path / "data")
    ((path, why),) = made.left_out
    assert (path, "slow to decode" in why) == ("a/slow.pgm", True)


def test_an_image_that_is_left_out_after_it_was_decoded_counts_too(tmp_path: Path) -> None:
    torn = png(3, (500, 500))[:-200]
    inside = [*classes("cat", "dog"), *((f"cat/torn-{n}.png", torn) for n in range(4))]
    assert unpacked(zipped(inside), tmp_path / "room").skipped == 4
    most = replace(LIMITS, decoded=900_000)
    assert "1 megapixels in all" in refused(zipped(inside), tmp_path / "data", most)


@pytest.mark.parametrize("told", [0, 10, 3_999_999, 2**32 - 2])
def test_a_size_that_lies_changes_nothing(tmp_path: Path, told: int) -> None:
    def lie(info: zipfile.ZipInfo) -> None:
        if info.filename == "cat/x.png":
            info.file_size = told

    file = zipped([*classes("cat", "dog"), ("cat/x.png", BOMB)], lie)
    if told < 1_000_000:
        made = unpacked(file, tmp_path)
        assert made.left_out == (("cat/x.png", "damaged in the zip"),)
    else:
        assert "over 200 times its size" in refused(file, tmp_path)


@pytest.mark.parametrize("told", [4_000_000, 2**31])
def test_a_compressed_size_that_lies_is_refused(tmp_path: Path, told: int) -> None:
    def lie(info: zipfile.ZipInfo) -> None:
        if info.filename == "cat/x.png":
            info.compress_size = told

    file = zipped([("cat/x.png", BOMB), *classes("cat", "dog")], lie)
    assert "entries that share their bytes" in refused(file, tmp_path)


def test_entries_that_share_their_bytes_are_refused(tmp_path: Path) -> None:
    def overlap(info: zipfile.ZipInfo) -> None:
        if info.filename.startswith("dog"):
            info.header_offset = 0

    file = zipped(classes("cat", "dog"), overlap)
    assert "entries that share their bytes" in refused(file, tmp_path)


def test_a_zip_of_one_class_or_of_none_is_refused(tmp_path: Path) -> None:
    assert "holds images of one class, 'cat'" in refused(zipped(classes("cat")), tmp_path)
    nothing = zipped([("cat/x.png", b"x"), ("dog/x.png", b"x")])
    assert "no image in a class folder, for example cat/x.png (not an image)" in refused(
        nothing, tmp_path
    )
    assert "no image in a class folder: zip" in refused(zipped([]), tmp_path)
    flat = refused(zipped([("1.png", png())]), tmp_path)
    assert ", for example 1.png (outside the class folders)" in flat


def test_a_path_of_very_many_parts_is_refused(tmp_path: Path) -> None:
    deep = ("a/" * 40 + "1.png", png())
    assert "names a path of 41 parts" in refused(zipped([*classes("a", "b"), deep]), tmp_path)


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(
        DataError, match=r"^pets\.zip cannot be unpacked into .*free some space there"
    ):
        unpacked(zipped(classes("cat", "dog")), tmp_path / "file")


def test_a_demo_allows_less(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("THAW_DEMO", raising=False)
    usual = uploads.limits()
    monkeypatch.setenv("THAW_DEMO", "1")
    demo = uploads.limits()
    assert demo.upload == 20_000_000
    assert (demo.upload, demo.unpacked, demo.members) < (usual.upload, usual.unpacked, 20_001)


GOOD = zipped(classes("cat", "dog")).getvalue()


@given(cut=st.integers(0, len(GOOD) - 1))
def test_a_zip_that_is_cut_short_is_refused(cut: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        refused(io.BytesIO(GOOD[:cut]), Path(folder) / "data")


@given(changes=st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), max_size=6))
def test_damage_is_told_or_harmless_and_nothing_is_written_elsewhere(
    changes: list[tuple[int, int]],
) -> None:
    content = bytearray(GOOD)
    for place, value in changes:
        content[place] = value
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        try:
            made = unpacked(io.BytesIO(bytes(content)), data)
        except DataError:
            assert not data.exists() or list(data.iterdir()) == []
        else:
            assert list(data.iterdir()) == [made.folder]
        assert set(Path(folder).iterdir()) <= {data}


PATHS = st.lists(st.text(max_size=8), min_size=1, max_size=4).map("/".join)


@given(names=st.lists(PATHS, max_size=6, unique=True))
@example(names=["a/\u202egnp.exe", "a／b/1.png", "con/nul.png", "a/COM1", "b/" + "ü" * 300])
def test_whatever_files_are_called_they_end_as_images_two_levels_down(names: list[str]) -> None:
    inside = [*classes("cat", "dog"), *((name, png(at)) for at, name in enumerate(names) if name)]
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        try:
            made = unpacked(zipped(inside), data)
        except DataError:
            assert not data.exists() or list(data.iterdir()) == []
            return
        assert len(files(made)) == made.images == len(find_images_loosely(made.folder))
        assert made.images + made.skipped <= len(inside)


def find_images_loosely(folder: Path) -> list[Path]:
    """What training could find in the class folders, whatever their number of images."""
    below = [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
    return [file for path in below for file in path.iterdir() if file.suffix.lower() == ".png"]


@given(st.text())
def test_a_safe_name_is_one_part_of_a_path_on_any_system(name: str) -> None:
    made = safe(name)
    assert PurePath(made).parts == (made,)
    assert made.isprintable()
    assert not set(made) & set('<>:"/\\|?*')
    assert not made.startswith((".", " "))
    assert not made.endswith((".", " "))
    assert len(made.encode()) <= 245
    assert unicodedata.is_normalized("NFC", made)
    assert safe(made) == made


@pytest.mark.parametrize("name", ["cat", "a dog.png", "caf\u00e9", "犬", "🐕", "T-shirt_top (1)"])
def test_a_harmless_name_is_kept(name: str) -> None:
    assert safe(name) == name
