"""The files of a run besides its checkpoints: weights, predictions, a report of a NaN loss."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from core.errors import RunError
from core.grouping import LayerGroups
from core.runs import predictions
from core.runs.events import Notice
from core.training import checkpoint
from core.training.data import Data
from core.training.loop import Evaluation
from core.training.nan_report import NotFiniteError, write_report


@dataclass(frozen=True, slots=True)
class OutputFiles:
    """The paths of the files; None for one that is not wanted.

    `weights` are the final ones, as safetensors; `predictions` those of the last evaluation, see
    `core.runs.predictions`; for `nan_report` see `core.training.nan_report`.
    """

    weights: Path | None = None
    predictions: Path | None = None
    nan_report: Path | None = None

    def save_weights(self, model: nn.Module) -> None:
        """Write the weights; raise RunError if the disk refuses."""
        if self.weights is not None:
            checkpoint.save_weights(self.weights, model)

    def with_report(
        self, error: NotFiniteError, epoch: int, data: Data, groups: LayerGroups
    ) -> RunError:
        """Write the report of a loss that is not finite; return an error that names the file."""
        if self.nan_report is None:
            return error
        return write_report(self.nan_report, error, epoch, data, groups)

    def save_predictions(self, evaluation: Evaluation, data: Data) -> Iterator[Notice]:
        """Write the predictions; yield a notice where there are too many or the disk refuses."""
        path = self.predictions
        if path is None:
            return
        for count, most, what in (
            (len(data.validation), predictions.MAX_IMAGES, "images"),
            (len(data.classes), predictions.MAX_CLASSES, "classes"),
        ):
            if count > most:
                yield Notice(f"mistakes are not saved for more than {most:,} {what}")
                return
        content = predictions.Predictions(
            classes=data.classes,
            images=tuple(data.names or map(str, range(len(data.validation)))),
            true=tuple(data.validation.labels.tolist()),
            predicted=tuple(evaluation.predicted.tolist()),
            confidence=tuple(evaluation.confidence.tolist()),
        )
        try:
            predictions.write(path, content)
        except OSError as error:
            reason = error.strerror or str(error)
            yield Notice(f"{path.name} could not be written ({reason}): no mistakes are shown")
