"""Undo and redo: an immutable list of versions of the schedule, and the index of the shown one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from core.schedule.spec import Schedule

MAX_VERSIONS = 200


class Version(NamedTuple):
    """A version of the schedule, and the preset that it began as, if any."""

    schedule: Schedule
    origin: str | None = None


@dataclass(frozen=True, slots=True)
class History:
    """Versions from oldest to newest, and which of them is shown."""

    versions: tuple[Version, ...]
    at: int = 0

    @classmethod
    def start(cls, schedule: Schedule, origin: str | None = None) -> History:
        """Return a history of one version."""
        return cls((Version(schedule, origin),))

    @property
    def present(self) -> Schedule:
        """The present schedule."""
        return self.versions[self.at].schedule

    @property
    def origin(self) -> str | None:
        """The preset that the present schedule began as."""
        return self.versions[self.at].origin

    @property
    def can_undo(self) -> bool:
        """Whether there is an earlier schedule."""
        return self.at > 0

    @property
    def can_redo(self) -> bool:
        """Whether there is a later schedule."""
        return self.at + 1 < len(self.versions)

    def edited(self, schedule: Schedule, origin: str | None = None) -> History:
        """Return a history with a new schedule after the present one, and nothing to redo.

        An equal schedule changes nothing. The oldest is dropped past 200.
        """
        if schedule == self.present:
            return self
        kept = (*self.versions[: self.at + 1], Version(schedule, origin))[-MAX_VERSIONS:]
        return History(kept, len(kept) - 1)

    def undone(self) -> History:
        """Return the history one step back, or itself at the oldest version."""
        return replace(self, at=self.at - 1) if self.can_undo else self

    def redone(self) -> History:
        """Return the history one step on, or itself at the newest version."""
        return replace(self, at=self.at + 1) if self.can_redo else self
