"""The label of a run: its own name, a note and a star, which a person may change."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import StringConstraints, ValidationError

from core.errors import InputError
from core.files import atomic
from core.files.small_files import read_start
from core.schedule.document import Document, Name
from core.schedule.validation import DocumentClasses, input_errors

LABEL = "label.json"
MAX_NOTE = 500
"""Characters of a note."""

Note = Annotated[
    str,
    StringConstraints(
        max_length=MAX_NOTE,
        pattern=r"^[^\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff]*$",
    ),
]
"""Lines of text, without the characters that a `core.schedule.document.Name` excludes."""


class Label(Document):
    """A person's name for a run, None for its schedule's name, their note about it, and a star."""

    name: Name | None = None
    note: Note = ""
    starred: bool = False


def read(folder: Path) -> Label:
    """Return the label of a run folder; an empty one if it has none that is valid."""
    try:
        return Label.model_validate_json(read_start(folder / LABEL))
    except (OSError, ValidationError):
        return Label()


def change(folder: Path, **fields: Any) -> Label:
    """Write the label of a run folder with other values of these fields, as `write` takes them.

    Raises InputError for a value that is refused, and if the folder cannot be written.
    """
    own = read(folder)
    now = {"name": own.name or "", "note": own.note, "starred": own.starred}
    return write(folder, **{**now, **fields})


def write(folder: Path, name: str, note: str, *, starred: bool = False) -> Label:
    """Write the label of a run folder, and return it; blanks around both texts are removed.

    Raises InputError for a text that is too long or has control characters, and if the folder is
    gone or cannot be written.
    """
    try:
        text = note.replace("\t", " ").strip()
        label = Label(name=name.strip() or None, note=text, starred=starred)
    except ValidationError as error:
        raise input_errors(error, _CLASSES)[0] from None
    try:
        atomic.write_durably(folder / LABEL, label.model_dump_json(indent=2).encode() + b"\n")
    except OSError as error:
        wrong = f"is {folder.name!r}, where nothing can be written ({error.strerror or error})"
        raise InputError("run", wrong, "free some space, or grant write permission") from error
    return label


_CLASSES = DocumentClasses(Label, parts={}, unions={})
