"""Undo and redo: a list of schedules, what each began as, and a place in it: immutable."""

from __future__ import annotations

from dataclasses import dataclass, replace

from core.design.spec import Schedule

LONGEST = 200


@dataclass(frozen=True, slots=True)
class History:
    """Schedules from oldest to newest, which of them is shown, and each one's origin.

    That is the preset that it was before it was edited, or None.
    """

    schedules: tuple[Schedule, ...]
    at: int = 0
    origins: tuple[str | None, ...] = (None,)

    @property
    def present(self) -> Schedule:
        """The schedule that is shown."""
        return self.schedules[self.at]

    @property
    def origin(self) -> str | None:
        """What the schedule that is shown began as."""
        return self.origins[self.at]

    @property
    def can_undo(self) -> bool:
        """Whether there is an earlier schedule."""
        return self.at > 0

    @property
    def can_redo(self) -> bool:
        """Whether there is a later schedule."""
        return self.at + 1 < len(self.schedules)

    def edited(self, schedule: Schedule, origin: str | None = None) -> History:
        """With a new schedule behind the present one; what was undone before is forgotten.

        An equal schedule changes nothing. The oldest is dropped past 200.
        """
        if schedule == self.present:
            return self
        kept = (*self.schedules[: self.at + 1], schedule)[-LONGEST:]
        origins = (*self.origins[: self.at + 1], origin)[-LONGEST:]
        return History(kept, len(kept) - 1, origins)

    def undone(self) -> History:
        """One step back, or itself at the oldest."""
        return replace(self, at=self.at - 1) if self.can_undo else self

    def redone(self) -> History:
        """One step on, or itself at the newest."""
        return replace(self, at=self.at + 1) if self.can_redo else self
