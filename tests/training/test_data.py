from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from core.data import uploads
from core.data.bundled import BUNDLED_TRAIN_IMAGES
from core.errors import DataError
from core.runs.events import Notice, Progress
from core.runs.settings import RunSettings
from core.schedule.batches import batches
from core.training import data as data_module
from core.training.data import Data, allocate_images, choose_evenly, epoch_order, load_data
from tests.training.small import small_settings


def loaded(**changed) -> Data:
    values = {"samples": 20, "validation_samples": 20, "image_size": 32} | changed
    *_, data = load_data(RunSettings(**values))
    assert isinstance(data, Data)
    return data


def picture(path: Path, shade: int = 0, mode: str = "RGB") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, (20, 30), shade).save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes of ten images each; an image's shade tells its number."""
    for name in ("cat", "dog"):
        for number in range(10):
            picture(tmp_path / name / f"{number}.png", number)
    return tmp_path


def test_the_bundled_images_are_balanced_grey_and_named():
    data = loaded()
    assert data.train.images.shape == (20, 3, 32, 32)
    assert data.train.images.dtype == torch.uint8
    assert Counter(data.train.labels.tolist()) == dict.fromkeys(range(10), 2)
    assert data.classes[0] == "T-shirt/top"
    assert data.train.images[:, 0].equal(data.train.images[:, 2])
    assert data.majority_accuracy() == 0.1


def test_more_samples_than_there_are_gives_all_of_them():
    data = loaded(samples=5_000, validation_samples=5_000)
    assert (len(data.train), len(data.validation)) == (2_000, 1_000)


def test_another_seed_takes_other_images_and_the_same_one_the_same():
    assert loaded(seed=1).train.images.equal(loaded(seed=1).train.images)
    assert not loaded(seed=1).train.images.equal(loaded(seed=2).train.images)


def test_fewer_samples_than_classes_are_refused_by_their_flag():
    with pytest.raises(DataError, match=r"^--samples is 9, but the data has 10 classes: use 10 or"):
        loaded(samples=9)
    with pytest.raises(DataError, match=r"^--validation-samples is 3, but"):
        loaded(validation_samples=3)


def test_every_fifth_image_of_a_class_by_name_is_kept_for_validation(folder):
    data = loaded(data=str(folder))
    assert data.classes == ("cat", "dog")
    assert data.validation.images[:, 0, 0, 0].tolist() == [4, 9, 4, 9]
    assert data.train.images[:8, 0, 0, 0].tolist() == [0, 1, 2, 3, 5, 6, 7, 8]
    assert data.train.labels.tolist() == [0] * 8 + [1] * 8


@pytest.mark.parametrize("name", ["val", "valid", "validation", "test"])
def test_given_train_and_validation_folders_are_used_as_they_are(tmp_path, name):
    for split, count in (("train", 3), (name, 2)):
        for label in ("a", "b"):
            for number in range(count):
                picture(tmp_path / split / label / f"{number}.jpg")
    data = loaded(data=str(tmp_path))
    assert (len(data.train), len(data.validation)) == (6, 4)


def test_classes_that_are_named_train_and_plane_are_classes(tmp_path):
    for label in ("train", "plane"):
        for number in range(2):
            picture(tmp_path / label / f"{number}.png")
    assert loaded(data=str(tmp_path)).classes == ("plane", "train")


def test_other_files_and_hidden_ones_are_passed_over(folder):
    (folder / "README.md").write_text("x")
    (folder / ".cache").mkdir()
    (folder / "cat" / "notes.txt").write_text("x")
    (folder / "cat" / ".hidden.png").write_text("no image")
    assert len(loaded(data=str(folder)).train) == 16


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "CMYK"])
def test_images_of_any_mode_become_rgb(folder, mode):
    suffix = "jpg" if mode == "CMYK" else "png"
    picture(folder / "cat" / f"10.{suffix}", mode=mode)
    assert loaded(data=str(folder)).train.images.shape[1] == 3


def test_a_picture_that_a_phone_took_upright_is_learned_upright(folder):
    for path in (folder / "cat").iterdir():
        path.unlink()
    lying = np.zeros((30, 40, 3), np.uint8)
    lying[:, :20] = 255  # the left is white: the top, once it is turned
    exif = Image.Exif()
    exif[0x0112] = 6
    for number in range(5):
        Image.fromarray(lying).save(folder / "cat" / f"{number}.jpg", exif=exif)
    train = loaded(data=str(folder)).train
    (image, *_) = train.images[train.labels == 0].float()
    assert image[:, :14].min() > 200
    assert image[:, 18:].max() < 50


def test_progress_is_told_while_a_folder_is_read(folder):
    told = [item for item in load_data(RunSettings(data=str(folder))) if isinstance(item, Progress)]
    assert (told[0].done, told[0].total) == (0, 20)
    assert (told[-1].done, told[-1].total) == (20, 20)


def refused(folder: Path | str) -> str:
    with pytest.raises(DataError) as caught:
        loaded(data=str(folder))
    assert caught.value.field == "--data"
    return str(caught.value)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    assert "which does not exist or is not accessible" in refused(tmp_path / "nowhere")
    assert "does not exist" in refused("x" * 4_000)


def test_a_file_is_refused_as_data(tmp_path):
    (tmp_path / "a.zip").touch()
    assert refused(tmp_path / "a.zip").endswith("name a folder with one folder per class")


def test_fewer_than_two_classes_are_refused(tmp_path):
    assert "which holds no class folder" in refused(tmp_path)
    picture(tmp_path / "only" / "1.png")
    assert "which holds one class folder, 'only'" in refused(tmp_path)


def test_an_empty_class_folder_is_refused_by_name(folder):
    (folder / "bird").mkdir()
    assert "whose folder 'bird' holds no image" in refused(folder)


def test_a_class_with_one_image_is_refused_by_name(folder):
    picture(folder / "bird" / "1.png")
    assert "whose class 'bird' has one image" in refused(folder)


def test_a_validation_class_without_training_images_is_refused(tmp_path):
    for path in ("train/a", "train/b", "val/a", "val/c"):
        picture(tmp_path / path / "1.png")
    assert "which has a class 'c'" in refused(tmp_path)


def test_images_that_cannot_be_read_are_left_out_and_named(folder):
    (folder / "cat" / "0.png").write_text("no image")
    content = (folder / "dog" / "1.png").read_bytes()
    (folder / "dog" / "1.png").write_bytes(content[: len(content) // 2])
    Image.new("1", (20_000, 10_000)).save(folder / "dog" / "2.png")
    *told, data = load_data(RunSettings(data=str(folder), image_size=16))
    (notice,) = [item.message for item in told if isinstance(item, Notice)]
    assert notice.startswith("left out of the data: 3 files (cat/0.png: not an image; dog/1.png: ")
    assert notice.endswith("; dog/2.png: far too many pixels)")
    assert len(data.train) + len(data.validation) == 17
    assert {"cat/0.png", "dog/1.png", "dog/2.png"}.isdisjoint([*data.names, *data.train_names])


def test_an_image_that_cannot_be_read_ends_a_run_where_there_are_too_many_to_try(
    folder, monkeypatch
):
    few = replace(uploads.limits(), members=19)
    monkeypatch.setattr(uploads, "limits", lambda: few)
    (folder / "cat" / "0.png").write_text("no image")
    message = refused(folder)
    assert "where an image cannot be read" in message
    assert f"{folder / 'cat' / '0.png'} (not an image)" in message


def test_a_folder_with_one_class_of_images_that_can_be_read_is_refused(folder):
    for path in (folder / "cat").iterdir():
        path.write_text("no image")
    assert "which holds one class of images that can be read, 'dog'" in refused(folder)


def test_images_go_to_memory_then_to_a_file_and_else_are_refused(tmp_path):
    chosen = RunSettings(image_size=1_024)
    free = 6 * 2**30
    nowhere = tmp_path / "nowhere"
    held = allocate_images(1_024, chosen, memory=free, disk=0, scratch=nowhere)
    assert held.shape == (1_024, 3, 1_024, 1_024)
    mapped = allocate_images(1_025, chosen, memory=free, disk=2 * free, scratch=tmp_path)
    assert mapped.shape == (1_025, 3, 1_024, 1_024)
    assert list(tmp_path.iterdir()) == []  # it has no name, so that nothing is left of it
    told = (
        r"^--samples and --validation-samples ask for 1,025 images of 1024 px, 3.2 GB: lower one "
        rf"of them or --image-size; 6.4 GB of memory and 0.0 GB in {re.escape(str(tmp_path))} are "
        r"free for a process, which may use half$"
    )
    with pytest.raises(DataError, match=told):
        allocate_images(1_025, chosen, memory=free, disk=0, scratch=tmp_path)


def test_the_processes_of_a_machine_share_its_memory_whatever_a_run_was_begun_with(
    tmp_path, monkeypatch
):
    begun = small_settings(processes=4)
    need = 80 * 3 * 32 * 32
    monkeypatch.setattr(data_module, "free_memory", lambda _: 4 * need)
    *_, held = load_data(begun, scratch=tmp_path / "nowhere", processes=2)
    assert isinstance(held, Data)
    with pytest.raises(FileNotFoundError, match="nowhere"):  # where the file would be
        list(load_data(begun, scratch=tmp_path / "nowhere", processes=3))


@given(
    labels=st.lists(st.integers(0, 4), min_size=1, max_size=60),
    wanted=st.integers(1, 60),
    seed=st.integers(0, 2**31 - 1),
)
def test_chosen_images_are_spread_as_evenly_as_the_classes_allow(labels, wanted, seed):
    chosen = choose_evenly(labels, wanted, seed)
    assert chosen == sorted(set(chosen)) == choose_evenly(labels, wanted, seed)
    assert len(chosen) == min(wanted, len(labels))
    taken = Counter(labels[position] for position in chosen)
    most = max(taken.values())
    for label, count in Counter(labels).items():
        assert taken[label] >= min(count, most - 1)


@given(images=st.integers(1, 300), size=st.integers(1, 50))
def test_batches_cover_all_images_once_and_leave_none_alone(images, size):
    spans = batches(images, size)
    assert [at for start, end in spans for at in range(start, end)] == list(range(images))
    lengths = [end - start for start, end in spans]
    assert max(lengths) <= size + 1
    if size > 1 and images > 1:
        assert min(lengths) > 1


def test_the_order_depends_on_seed_and_epoch_alone():
    assert epoch_order(3, 5, 100).equal(epoch_order(3, 5, 100))
    assert not epoch_order(3, 5, 100).equal(epoch_order(3, 6, 100))
    assert not epoch_order(4, 5, 100).equal(epoch_order(3, 5, 100))
    assert sorted(epoch_order(3, 5, 100).tolist()) == list(range(100))


def test_the_bundled_file_is_small_and_its_notice_lies_beside_it():
    import core.data

    home = Path(core.data.__file__).parent
    assert (home / "fashion_mnist.npz").stat().st_size < 1_400_000
    assert "Zalando SE" in (home / "fashion_mnist.LICENSE.txt").read_text()
    with np.load(home / "fashion_mnist.npz", allow_pickle=False) as stored:
        assert np.bincount(stored["train_labels"]).tolist() == [200] * 10
        assert np.bincount(stored["validation_labels"]).tolist() == [100] * 10
        assert len(stored["train_images"]) == BUNDLED_TRAIN_IMAGES
        assert len(stored["validation_images"]) == 1_000
