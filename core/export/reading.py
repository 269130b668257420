"""A file of phases read in a process of its own: its patterns can take longer than anyone waits.

A pattern as short as `(\\w*)*!` keeps Python's `re` busy for hours, and all other threads waiting.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from core.errors import InputError
from core.export import bounded, phases
from core.models.layer_table import LayerTable
from core.schedule import parse
from core.schedule.spec import Schedule

_SECONDS = 10
"""A file that is meant well takes one."""


def apart(content: bytes, schedule: Schedule, table: LayerTable) -> Schedule:
    """As `core.export.phases.read`, in a process that has bounded time and memory; one at a time.

    Raises InputError where those do not suffice, too.
    """
    sent = {
        "content": content[: parse.MAX_BYTES + 1].decode("latin-1"),
        "schedule": parse.to_raw(schedule),
        "table": table.model_dump(mode="json"),
    }
    try:
        answer = bounded.run(__name__, content=json.dumps(sent).encode(), seconds=_SECONDS)
    except bounded.UnfinishedError as why:
        raise InputError("the file", f"could not be read {why}", "simplify its patterns") from None
    told: dict[str, Any] = json.loads(answer)
    if "refused" in told:
        first, *_ = refused = [InputError(*each) for each in told["refused"]]
        raise InputError(first.field, first.wrong, first.way_out, refused)
    return parse.from_raw(told["schedule"])


def main() -> None:
    """Read what `apart` sends on standard input, and answer as JSON."""
    bounded.bound(_SECONDS)
    sent = json.load(sys.stdin.buffer)
    table = LayerTable.model_validate_json(json.dumps(sent["table"]))
    content = sent["content"].encode("latin-1")
    answer: dict[str, Any]
    try:
        made = phases.read(content, parse.from_raw(sent["schedule"]), table)
        answer = {"schedule": parse.to_raw(made)}
    except InputError as error:
        answer = {"refused": [[e.field, e.wrong, e.way_out] for e in error.problems]}
    sys.stdout.buffer.write(json.dumps(answer).encode())


if __name__ == "__main__":
    main()
