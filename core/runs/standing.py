"""How far a run has come, in the few facts that a list of runs tells."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from core.runs import folder as folders
from core.runs.outcome import Status
from core.runs.processes import run_lock
from core.runs.processes.stopping import epochs_kept


@dataclass(frozen=True, slots=True)
class Standing:
    """How a run stands, its epochs that are done and kept, and its accuracy, once it has ended.

    `host` is that of the other machine that runs it.
    """

    status: Status
    epochs_done: int
    accuracy: float | None
    host: str | None = None

    @property
    def told(self) -> str:
        """The status in words, with where that is if not here."""
        return self.status if self.host is None else f"{self.status} on {self.host}"


def standing(run: Path) -> Standing:
    """Return how the run in that folder stands.

    Its summary tells of the end of a session, so it counts only where the run has ended so: for one
    that was resumed, or whose process is gone, it is an old one.
    """
    status, end = folders.status(run), folders.summary(run)
    if end is not None and end.status == status:
        return Standing(status, end.epochs_done, end.validation_accuracy)
    return Standing(status, epochs_kept(run), None, run_lock.elsewhere(run))
