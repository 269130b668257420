"""Reading and writing of records: a recorded loop as JSON text, and JSON text as a record."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import numpy as np
from pydantic import ValidationError

from core.errors import InputError, ScheduleError
from core.records.model import MAX_OTHERS, Record, RecordedPart
from core.records.piecewise_linear import Piece, cut
from core.records.recorded import Recorded, RecordedGroup
from core.schedule import parse
from core.schedule.curves import RATES_EQUAL, Array
from core.schedule.document import MAX_NAME
from core.schedule.parse import MAX_BYTES
from core.schedule.spec import Schedule
from core.schedule.validation import DocumentClasses, input_errors

VERSION = 1
_WITHIN = (RATES_EQUAL, 1e-6, 1e-4)
"""How near rates are kept: the first with which the document is small enough."""
_SHORTEST_PIECE = 10
"""Bytes that a piece takes at least: `[1, 0, 0], `."""
_ANATOMY = DocumentClasses(Record, {"groups": RecordedPart}, {})

Raw = dict[str, Any]


def record_json(recorded: Recorded, name: str = "Recorded") -> str:
    """Return what `core.from_optimizer` has recorded as a file's text, of at most 256 KiB.

    Rates are kept to a relative 1e-12 where they are regular or few (some ten thousand different
    ones), else to 1e-6 or 1e-4, and the text says which.

    Raises InputError for what a record cannot hold: names that a schedule could not have, rates
    below 0 or over 1e103, over 10,000 epochs, 1,000,000 steps of one, or 512 groups.
    """
    for within in _WITHIN:
        raw = _to_raw(recorded, name, within)
        if raw is None:
            continue
        text = parse.pretty(raw)
        if len(text.encode(errors="replace")) <= MAX_BYTES:
            from_raw(raw)
            return text
    wrong = f"takes over {MAX_BYTES:,} bytes, with rates to {_WITHIN[-1]:g}"
    raise InputError("the record", wrong, "record fewer groups, or fewer epochs")


def parse_record(text: str | bytes) -> Record:
    """Return the record that a JSON document describes.

    Raises ScheduleError, with up to 100 reasons in `.problems`, for what
    `core.schedule.parse.parse` refuses too, for curves that do not have as many steps as the
    record, and groups without one.
    """
    return from_raw(parse.load_json(text))


def parse_either(text: str | bytes) -> Schedule | Record:
    """The schedule or the record that a JSON document describes; raises as their readers do."""
    raw = parse.load_json(text)
    is_record = isinstance(raw, dict) and raw.get("format") == "thaw.record"
    return from_raw(raw) if is_record else parse.from_raw(raw)


def from_raw(raw: object) -> Record:
    """Return the record that parsed JSON describes; raises ScheduleError as `parse_record` does."""
    parse.refuse_other_format(raw, "record", VERSION)
    try:
        return Record.model_validate_json(json.dumps(raw, ensure_ascii=False))
    except ValidationError as error:
        raise ScheduleError(input_errors(error, _ANATOMY)) from None


def _to_raw(recorded: Recorded, name: str, within: float) -> Raw | None:
    """Return the document as plain JSON values; None if its curves alone take too much."""
    found = _curves([np.array(group.rates) for group in recorded.groups], within)
    if found is None:
        return None
    curves, places = found
    groups = zip(recorded.groups, places, strict=True)
    return {
        "format": "thaw.record",
        "version": VERSION,
        "name": name,
        "epochs": recorded.epochs,
        "steps_per_epoch": recorded.steps_per_epoch,
        "optimizer": recorded.optimizer,
        "within": within,
        "groups": [_group(group, curve, scale) for group, (curve, scale) in groups],
        "curves": curves,
    }


def _group(group: RecordedGroup, curve: int, scale: float) -> Raw:
    return {
        "name": group.name,
        "modules": list(group.modules),
        "parameters": group.parameters,
        "trainable": [list(window) for window in group.windows],
        "curve": curve,
        "scale": scale,
        "weight_decay": _spread(each.weight_decay for each in group.settings),
        "momentum": _spread(each.momentum for each in group.settings),
        "others": _others(group),
    }


def _curves(
    rates: list[Array], within: float
) -> tuple[list[list[Piece]], list[tuple[int, float]]] | None:
    """Return the curves that differ, and each group's curve with its scale.

    Groups whose rates are in one proportion share a curve, that of the last of them: the head's.
    """
    curves: list[list[Piece]] = []
    owners: list[Array] = []
    places: list[tuple[int, float]] = []
    left = MAX_BYTES // _SHORTEST_PIECE
    digits = round(-np.log10(within)) + 2
    for own in reversed(rates):
        shared = (
            (at, scale)
            for at, other in enumerate(owners)
            if (scale := _proportion(own, other, digits, within / 4)) is not None
        )
        place = next(shared, None)
        if place is None:
            pieces = cut(own, within / 2, left)
            if pieces is None:
                return None
            left -= len(pieces)
            place = (len(curves), 1.0)
            owners.append(own)
            curves.append([(n, _round(a, digits), _round(b, digits)) for n, a, b in pieces])
        places.append(place)
    return curves, places[::-1]


def _proportion(own: Array, other: Array, digits: int, within: float) -> float | None:
    """Return the one factor that makes the rates of the others, if there is one."""
    highest = float(other.max())
    scale = _round(float(own.max()) / highest, digits) if highest > 0 else float(own.any())
    return scale if (np.abs(own - scale * other) <= within * own).all() else None


def _spread(values: Iterable[float]) -> list[float]:
    found = sorted(set(values))
    return found if len(found) < 2 else [found[0], found[-1]]


def _others(group: RecordedGroup) -> list[str]:
    """Each option that has not the optimizer's own default, with its value if it has but one."""
    texts = dict.fromkeys(other for each in group.settings for other in each.others)
    options = dict.fromkeys(text.partition("=")[0] for text in texts)
    told = []
    for option in options:
        found = [text for text in texts if text.partition("=")[0] == option]
        always = all(found[0] in each.others for each in group.settings)
        told.append(found[0] if always else f"{option} that changes")
    return [text[:MAX_NAME] for text in told[:MAX_OTHERS]]


def _round(value: float, digits: int) -> float:
    return float(f"{value:.{digits}g}")
