"""What a run's last evaluation said of each validation image: which class, and how surely."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from core.files.atomic import replace_durably
from core.files.small_files import read_start

MOST_IMAGES = 200_000
"""Images that a file is written for: what is read to show a page must stay small."""
MOST_CLASSES = 2_000
"""Classes that a file is written for: their confusion is a square of as many counts."""
_MOST_BYTES = 30_000_000
"""Bytes that are read of such a file; one that is longer is then cut short, and not understood."""
_DIGITS = 6
_Index = Annotated[int, Field(ge=0)]


class Predictions(BaseModel):
    """One entry per validation image in each of `images`, `true`, `predicted`, `confidence`.

    `images` are paths below the data's folder, or places in the bundled validation images. `true`
    and `predicted` index `classes`; `confidence` is the predicted class's softmax, from 0 to 1.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    classes: Annotated[tuple[str, ...], Field(max_length=MOST_CLASSES)]
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


def write(path: Path, told: Predictions) -> None:
    """Write the file in one step that outlasts a power cut; OSError if the disk refuses."""
    rounded = tuple(round(value, _DIGITS) for value in told.confidence)
    text = told.model_copy(update={"confidence": rounded}).model_dump_json()
    replace_durably(path, text.encode())


def read(path: Path) -> Predictions | None:
    """Return what `write` has written; None if it is not there or was not understood."""
    try:
        return Predictions.model_validate_json(read_start(path, _MOST_BYTES))
    except (OSError, ValidationError):
        return None


def confusion(told: Predictions) -> NDArray[np.int64]:
    """Return how many images of each true class (row) were taken for each class (column)."""
    count = len(told.classes)
    flat = np.asarray(told.true, dtype=np.int64) * count + np.asarray(told.predicted, np.int64)
    return np.bincount(flat, minlength=count * count).reshape(count, count)


def worst(told: Predictions, most: int) -> Sequence[int]:
    """Places of the images that were wrong with the highest confidence, the surest first."""
    true, predicted = np.asarray(told.true), np.asarray(told.predicted)
    (wrong,) = np.nonzero(true != predicted)
    surest = np.argsort(-np.asarray(told.confidence)[wrong], kind="stable")
    places: list[int] = wrong[surest][:most].tolist()
    return places
