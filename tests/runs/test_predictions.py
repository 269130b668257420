"""What a run said of its validation images: kept, read, counted, the worst mistakes first."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.runs import predictions
from core.runs.predictions import Predictions, confusion, worst


@st.composite
def told(draw: st.DrawFn) -> Predictions:
    count = draw(st.integers(1, 5))
    rows = draw(
        st.lists(
            st.tuples(
                st.text(max_size=5),
                st.integers(0, count - 1),
                st.integers(0, count - 1),
                st.floats(0, 1),
            ),
            max_size=30,
        )
    )
    columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
    return Predictions(
        classes=tuple(f"class {n}" for n in range(count)),
        images=columns[0],
        true=columns[1],
        predicted=columns[2],
        confidence=columns[3],
    )


THREE = Predictions(
    classes=("a", "b"),
    images=("1", "2", "3", "4"),
    true=(0, 0, 1, 1),
    predicted=(0, 1, 0, 0),
    confidence=(0.99, 0.6, 0.9, 0.6),
)


@pytest.mark.thorough
@given(told())
def test_every_image_is_counted_once_in_its_true_row(told: Predictions) -> None:
    counts = confusion(told)
    assert counts.sum() == len(told.images)
    for label in range(len(told.classes)):
        assert counts[label].sum() == told.true.count(label)
        assert counts[:, label].sum() == told.predicted.count(label)


@given(told(), st.integers(0, 40))
def test_the_worst_are_wrong_and_no_left_out_mistake_is_surer(told: Predictions, most: int) -> None:
    shown = list(worst(told, most))
    wrong = [at for at in range(len(told.images)) if told.true[at] != told.predicted[at]]
    assert len(shown) == min(most, len(wrong))
    assert set(shown) <= set(wrong)
    sureness = [told.confidence[at] for at in shown]
    assert sureness == sorted(sureness, reverse=True)
    left = [told.confidence[at] for at in wrong if at not in shown]
    assert not shown or not left or max(left) <= min(sureness)


def test_the_order_of_equally_sure_mistakes_is_that_of_the_images() -> None:
    assert list(worst(THREE, 9)) == [2, 1, 3]


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "predictions.json"
    predictions.write(file, THREE)
    assert predictions.read(file) == THREE
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    "content", ["", "[]", "{", '{"classes": ["a"]}', THREE.model_dump_json().replace("0.99", "NaN")]
)
def test_a_file_that_is_damaged_or_missing_is_none(tmp_path: Path, content: str) -> None:
    file = tmp_path / "predictions.json"
    assert predictions.read(file) is None
    file.write_text(content)
    assert predictions.read(file) is None


@pytest.mark.parametrize(
    "changed", [{"true": (0, 0, 1)}, {"predicted": (0, 1, 0, 2)}, {"true": (0, 0, 1, -1)}]
)
def test_lists_that_do_not_fit_each_other_are_refused(changed: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Predictions(**{**THREE.model_dump(), **changed})


def test_a_file_of_more_classes_than_a_confusion_may_have_is_not_understood(tmp_path: Path):
    names = tuple(map(str, range(predictions.MAX_CLASSES + 1)))
    whole = Predictions(classes=names[1:], images=(), true=(), predicted=(), confidence=())
    predictions.write(tmp_path / "p.json", whole)
    assert predictions.read(tmp_path / "p.json") == whole
    predictions.write(tmp_path / "p.json", whole.model_copy(update={"classes": names}))
    assert predictions.read(tmp_path / "p.json") is None
