"""The Data card and the choice of the data: what is said of them, and what a demo leaves out."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.data.bundled import BUNDLED_DATA
from core.data.summary import ClassCount, DataSummary, summarize_data
from core.runs.settings import RunSettings
from pages.components.run import data_picker
from pages.components.run.data_card import class_table, split_text
from pages.components.shared import data_preview
from pages.components.shared.state import session_in
from tests.data.zips import classes as pictures
from tests.data.zips import zipped
from tests.pages.drawn import html


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes of six images each."""
    for name, content in pictures("cat", "dog", images=6):
        (tmp_path / "pets" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "pets" / name).write_bytes(content)
    return tmp_path / "pets"


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("THAW_HOME", str(tmp_path / "home"))

    def script() -> None:
        from pages.components.run.data_card import data_card
        from pages.components.run.settings_card import run_settings
        from pages.components.shared import session

        run_settings(None, live=False)
        data_card(session.settings())

    return AppTest.from_function(script, default_timeout=120).run()


def data_of(page: AppTest) -> str:
    return session_in(page.session_state).settings.data


def test_what_a_run_leaves_out_of_a_folder_is_listed_where_the_folder_is_named(
    page: AppTest, folder: Path
) -> None:
    (folder / "cat" / "9.png").write_text("no image")
    page.selectbox(key="data-kind").set_value(data_picker.FOLDER).run()
    page.text_input(key="data-folder").set_value(str(folder)).run()
    told = " ".join(caption.value for caption in page.caption).replace("\\", "")
    assert "pets: 12 images. Left out: 1 file." in told
    assert page.text[0].value == "cat/9.png: not an image"
    assert not page.error


def test_a_folder_becomes_the_data_when_it_is_typed_and_not_before(
    page: AppTest, folder: Path
) -> None:
    page.selectbox(key="data-kind").set_value(data_picker.FOLDER).run()
    assert data_of(page) == BUNDLED_DATA
    assert session_in(page.session_state).run.wanted_data == data_picker.FOLDER
    page.text_input(key="data-folder").set_value(str(folder)).run()
    assert data_of(page) == str(folder)
    assert "pets: 12 images, 2 classes" in html(page)
    assert "<b>10</b> images train, <b>2</b> validate" in html(page)
    assert session_in(page.session_state).run.wanted_data is None
    page.selectbox(key="data-kind").set_value(data_picker.BUNDLED).run()
    assert data_of(page) == BUNDLED_DATA


def test_a_choice_that_is_taken_back_changes_nothing(page: AppTest, folder: Path) -> None:
    page.selectbox(key="data-kind").set_value(data_picker.ZIP).run()
    page.selectbox(key="data-kind").set_value(data_picker.BUNDLED).run()
    assert data_of(page) == BUNDLED_DATA
    assert session_in(page.session_state).run.wanted_data is None


def test_why_data_is_refused_is_said_in_its_card(page: AppTest, tmp_path: Path) -> None:
    page.selectbox(key="data-kind").set_value(data_picker.FOLDER).run()
    page.text_input(key="data-folder").set_value(str(tmp_path / "nowhere")).run()
    assert "does not exist" in page.error[0].value


def test_a_zip_that_cannot_be_used_is_refused_in_its_card(page: AppTest) -> None:
    page.selectbox(key="data-kind").set_value(data_picker.ZIP).run()
    outside = zipped([("../1.jpg", b"x")]).getvalue()
    page.file_uploader(key="data-zip-0").upload("<b>.zip", outside).run()
    told = page.error[0].value.replace("\\", "")
    assert "<b>.zip names '../1.jpg'" in told
    assert data_of(page) == BUNDLED_DATA


def test_a_demo_offers_no_folder(page: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    assert data_picker.FOLDER in page.selectbox(key="data-kind").options
    monkeypatch.setenv("THAW_DEMO", "1")
    assert page.run().selectbox(key="data-kind").options == [data_picker.BUNDLED, data_picker.ZIP]


def test_names_of_classes_are_text() -> None:
    table = class_table((ClassCount("<script>", 1, 1), ClassCount('"&amp;', 2, 0)))
    assert "<script>" not in table
    assert 'title="&lt;script&gt;"' in table
    assert "&quot;&amp;amp;" in table


def test_what_the_settings_take_of_the_data_is_said_where_it_is_less() -> None:
    found = summarize_data(BUNDLED_DATA)
    assert "The settings take <b>300</b> and <b>1,000</b>" in split_text(
        found, RunSettings(samples=300)
    )
    every = RunSettings(samples=2_000, validation_samples=1_000)
    assert "The settings take" not in split_text(found, every)


def test_where_the_data_has_no_split_the_rule_is_said(folder: Path) -> None:
    assert "every fifth image of a class" in split_text(summarize_data(str(folder)), RunSettings())


def test_a_look_is_taken_anew_when_the_files_have_changed(folder: Path) -> None:
    before = data_preview.seen(str(folder))
    assert isinstance(before, DataSummary)
    (folder / "cat" / "more.png").write_bytes((folder / "cat" / "0.png").read_bytes())
    after = data_preview.seen(str(folder))
    assert isinstance(after, DataSummary)
    assert after.train + after.validation == before.train + before.validation + 1


@pytest.mark.parametrize("name", ["../../secret.png", "/etc/passwd", "cat/none.png", "cat", "\0"])
def test_a_picture_outside_the_data_is_not_there(folder: Path, name: str) -> None:
    (folder.parent.parent / "secret.png").write_bytes((folder / "cat" / "0.png").read_bytes())
    assert data_preview.thumbnail(str(folder), "validation", name) is None
    assert data_preview.thumbnail(str(folder), "validation", "cat/0.png") is not None


@pytest.mark.parametrize("name", ["1000", "-1", "x", "", "1e3"])
def test_a_bundled_picture_has_a_place(name: str) -> None:
    assert data_preview.thumbnail(BUNDLED_DATA, "validation", name) is None
    assert (data_preview.thumbnail(BUNDLED_DATA, "validation", "999") or "").startswith(
        "data:image/"
    )


def test_a_small_picture_stands_as_the_camera_was_held(folder: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (80, 40)).save(folder / "cat" / "0.jpg", exif=exif)
    address = data_preview.thumbnail(str(folder), "validation", "cat/0.jpg") or ""
    with Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))) as small:
        assert small.size == (40, 80)


def test_sixteen_bits_of_grey_are_shown(folder: Path) -> None:
    Image.fromarray(np.full((300, 200), 40_000, np.uint16)).save(folder / "cat" / "0.png")
    address = data_preview.thumbnail(str(folder), "validation", "cat/0.png") or ""
    with Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))) as small:
        assert small.height == 128
        assert np.abs(np.asarray(small).astype(int) - (40_000 >> 8)).max() <= 2
