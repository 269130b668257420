"""Confusion and mistakes of a run, as the page shows them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.runs import predictions
from core.runs.predictions import Predictions
from pages.components.run.confusion import cells, fared_table, matrix_table, worst_first
from tests.pages.drawn import html

COUNTS = np.array([[3, 1, 0], [0, 0, 0], [2, 2, 4]])
NAMES = ("cat", "<b>", "dog")


def test_a_cell_has_its_count_and_its_share_of_the_true_class() -> None:
    table = cells(NAMES, COUNTS)
    row = table[(table["true class"] == "dog") & (table["predicted class"] == "cat")].iloc[0]
    assert (row["count"], row["share"]) == (2, 0.25)
    assert table["count"].sum() == COUNTS.sum()
    assert table[table["true class"] == "<b>"]["share"].tolist() == [0, 0, 0]


def test_the_worst_class_comes_first_and_one_without_images_not_at_all() -> None:
    assert worst_first(COUNTS) == [2, 0]
    table = fared_table(NAMES, COUNTS)
    assert table.index("dog") < table.index("75%")
    assert "<td>8</td><td>50%</td><td>cat (2)</td>" in table
    assert "<td>4</td><td>75%</td><td>&lt;b&gt; (1)</td>" in table


def test_the_table_holds_every_count_with_its_share_and_names_are_text() -> None:
    table = matrix_table(NAMES, COUNTS)
    assert table.count("<td>") == 9
    assert "<td>4<small>50%</small></td>" in table
    assert "<b>" not in table
    assert '<th scope="row">&lt;b&gt;</th>' in table


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("THAW_TEST_RUN", str(tmp_path))

    def script() -> None:
        import os
        from pathlib import Path

        from core.runs.settings import RunSettings
        from pages.components.run.mistakes import mistakes

        run = Path(os.environ["THAW_TEST_RUN"])
        mistakes(run, RunSettings(data=str(run / "data")))

    return AppTest.from_function(script, default_timeout=120)


def write(folder: Path, wrong: int, classes: tuple[str, ...] = NAMES) -> None:
    told = Predictions(
        classes=classes,
        images=tuple(f"cat/{at}.png" for at in range(30)),
        true=(0,) * 30,
        predicted=(1,) * wrong + (0,) * (30 - wrong),
        confidence=tuple(0.5 + at / 100 for at in range(30)),
    )
    predictions.write(folder / "predictions.json", told)


def test_a_run_without_predictions_or_with_damaged_ones_shows_nothing(
    page: AppTest, tmp_path: Path
) -> None:
    assert html(page.run()) == ""
    (tmp_path / "predictions.json").write_text("{")
    assert html(page.run()) == ""


def test_where_the_pictures_are_gone_it_is_said_and_labels_stay(
    page: AppTest, tmp_path: Path
) -> None:
    write(tmp_path, 20)
    page.run()
    assert "The pictures are gone" in page.info[0].value
    assert html(page).count('role="img"') == 12
    assert html(page).index("69% sure") < html(page).index("68% sure")
    assert 'aria-label="cat, taken for &lt;b&gt;"' in html(page)


def test_more_mistakes_are_shown_when_asked_for(page: AppTest, tmp_path: Path) -> None:
    write(tmp_path, 20)
    (button,) = [b for b in page.run().button if b.key == "more-mistakes"]
    assert button.label == "Show 8 more"
    assert html(button.click().run()).count('role="img"') == 20
    assert not [b for b in page.button if b.key == "more-mistakes"]


def test_a_run_without_mistakes_says_so(page: AppTest, tmp_path: Path) -> None:
    write(tmp_path, 0)
    assert page.run().caption[0].value == "Every validation image was classified right."
    assert "30 of 30 right" in html(page)


def test_of_very_many_classes_the_table_alone_is_shown(page: AppTest, tmp_path: Path) -> None:
    write(tmp_path, 5, tuple(f"class {n}" for n in range(100)))
    page.run()
    assert any("More than 80 classes" in caption.value for caption in page.caption)
    assert "How each class fared" in html(page)
