"""The predictions of a run's last evaluation: a class and a confidence for each image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from core.files.atomic import write_durably
from core.files.small_files import read_start

MAX_IMAGES = 200_000
"""The most images for which a file is written, since a page reads it whole."""
MAX_CLASSES = 2_000
"""The most classes for which a file is written, since confusion needs a count for each pair."""
_MAX_BYTES = 30_000_000
"""Bytes that are read of such a file; a longer one is invalid."""
_DIGITS = 6
_Index = Annotated[int, Field(ge=0)]


class Predictions(BaseModel):
    """The predictions for validation images, one entry per image in each list but `classes`.

    `images` are paths below the data's folder, or positions in the bundled validation images.
    `true` and `predicted` index `classes`; `confidence` is the predicted class's softmax, from 0
    to 1.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    classes: Annotated[tuple[str, ...], Field(max_length=MAX_CLASSES)]
    images: tuple[str, ...]
    true: tuple[_Index, ...]
    predicted: tuple[_Index, ...]
    confidence: tuple[Annotated[float, Field(ge=0, le=1.00001)], ...]

    @model_validator(mode="after")
    def _fits(self) -> Predictions:
        lengths = {len(self.images), len(self.true), len(self.predicted), len(self.confidence)}
        if len(lengths) > 1:
            raise ValueError("its lists have different lengths")
        if any(at >= len(self.classes) for at in (*self.true, *self.predicted)):
            raise ValueError("a label has no class")
        return self


def write(path: Path, predictions: Predictions) -> None:
    """Write the file in one step, safe from power cuts; raise OSError if the disk refuses."""
    rounded = tuple(round(value, _DIGITS) for value in predictions.confidence)
    text = predictions.model_copy(update={"confidence": rounded}).model_dump_json()
    write_durably(path, text.encode())


def read(path: Path) -> Predictions | None:
    """Return the predictions that `write` has written; None if they are missing or invalid."""
    try:
        return Predictions.model_validate_json(read_start(path, _MAX_BYTES))
    except (OSError, ValidationError):
        return None


def confusion(predictions: Predictions) -> NDArray[np.int64]:
    """Return how many images of each true class (row) were predicted as each class (column)."""
    count = len(predictions.classes)
    true, predicted = (
        np.asarray(each, np.int64) for each in (predictions.true, predictions.predicted)
    )
    flat = true * count + predicted
    return np.bincount(flat, minlength=count * count).reshape(count, count)


def worst(predictions: Predictions, most: int) -> Sequence[int]:
    """Return the positions of the `most` wrong images of highest confidence, in that order."""
    true, predicted = np.asarray(predictions.true), np.asarray(predictions.predicted)
    (wrong,) = np.nonzero(true != predicted)
    surest = np.argsort(-np.asarray(predictions.confidence)[wrong], kind="stable")
    positions: list[int] = wrong[surest][:most].tolist()
    return positions
