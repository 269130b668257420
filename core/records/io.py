"""Records as JSON text: written from a recorded loop, read as a record."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import numpy as np
from pydantic import ValidationError

from core.errors import InputError, ScheduleError
from core.records.model import MAX_OTHERS, Record, RecordGroup
from core.records.piecewise_linear import Piece, fit_pieces
from core.records.recorded_loop import LoopGroup, RecordedLoop
from core.schedule import parse
from core.schedule.curves import RATES_EQUAL, Array
from core.schedule.document import MAX_NAME
from core.schedule.parse import MAX_DOCUMENT_BYTES
from core.schedule.spec import Schedule
from core.schedule.validation import DocumentClasses, input_errors

VERSION = 1
_WITHIN = (RATES_EQUAL, 1e-6, 1e-4)
"""Relative errors of stored rates: the first with which the document is small enough is taken."""
_MIN_PIECE_BYTES = 10
"""Bytes of the shortest piece: `[1, 0, 0], `."""
_CLASSES = DocumentClasses(Record, {"groups": RecordGroup}, {})

Raw = dict[str, Any]


def record_json(recorded: RecordedLoop, name: str = "Recorded") -> str:
    """Return the recording of `core.from_optimizer` as JSON text of at most 256 KiB.

    Rates are stored to a relative 1e-12 where they are regular or few (some ten thousand different
    ones), else to 1e-6 or 1e-4; the field `within` says which.

    Raises InputError for names that no schedule may have, rates below 0 or over 1e103, over 10,000
    epochs, 1,000,000 steps in an epoch or 512 groups, and text that is too long at 1e-4.
    """
    for within in _WITHIN:
        raw = _to_raw(recorded, name, within)
        if raw is None:
            continue
        text = parse.pretty(raw)
        if len(text.encode(errors="replace")) <= MAX_DOCUMENT_BYTES:
            from_raw(raw)
            return text
    wrong = f"takes over {MAX_DOCUMENT_BYTES:,} bytes, with rates to {_WITHIN[-1]:g}"
    raise InputError("the record", wrong, "record fewer groups, or fewer epochs")


def parse_either(text: str | bytes) -> Schedule | Record:
    """Return the schedule or the record that a JSON document describes.

    Raises ScheduleError, with up to 100 reasons in `.problems`, for text that is neither.
    """
    raw = parse.load_json(text)
    is_record = isinstance(raw, dict) and raw.get("format") == "thaw.record"
    return from_raw(raw) if is_record else parse.from_raw(raw)


def from_raw(raw: object) -> Record:
    """Return the record that parsed JSON describes; ScheduleError has up to 100 reasons."""
    parse.refuse_other_format(raw, "record", VERSION)
    try:
        return Record.model_validate_json(json.dumps(raw, ensure_ascii=False))
    except ValidationError as error:
        raise ScheduleError(input_errors(error, _CLASSES)) from None


def _to_raw(recorded: RecordedLoop, name: str, within: float) -> Raw | None:
    """Return the document as plain JSON values; None if its curves alone are too long."""
    shared = _curves([np.array(group.rates) for group in recorded.groups], within)
    if shared is None:
        return None
    curves, places = shared
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


def _group(group: LoopGroup, curve: int, scale: float) -> Raw:
    return {
        "name": group.name,
        "modules": list(group.modules),
        "parameters": group.parameters,
        "trainable": [list(window) for window in group.windows],
        "curve": curve,
        "scale": scale,
        "weight_decay": _spread(each.weight_decay for each in group.options),
        "momentum": _spread(each.momentum for each in group.options),
        "others": _others(group),
    }


def _curves(
    rates: list[Array], within: float
) -> tuple[list[list[Piece]], list[tuple[int, float]]] | None:
    """Return the different curves, and each group's curve, by its index, with its scale.

    Groups whose rates are proportional share the curve of the last of them.
    """
    curves: list[list[Piece]] = []
    owners: list[Array] = []
    places: list[tuple[int, float]] = []
    left = MAX_DOCUMENT_BYTES // _MIN_PIECE_BYTES
    digits = round(-np.log10(within)) + 2
    for group_rates in reversed(rates):
        shared = (
            (at, scale)
            for at, other in enumerate(owners)
            if (scale := _proportion(group_rates, other, digits, within / 4)) is not None
        )
        place = next(shared, None)
        if place is None:
            pieces = fit_pieces(group_rates, within / 2, left)
            if pieces is None:
                return None
            left -= len(pieces)
            place = (len(curves), 1.0)
            owners.append(group_rates)
            curves.append([(n, _round(a, digits), _round(b, digits)) for n, a, b in pieces])
        places.append(place)
    return curves, places[::-1]


def _proportion(rates: Array, other: Array, digits: int, within: float) -> float | None:
    """Return the factor that gives the rates from the other ones; None if there is none."""
    highest = float(other.max())
    scale = _round(float(rates.max()) / highest, digits) if highest > 0 else float(rates.any())
    return scale if (np.abs(rates - scale * other) <= within * rates).all() else None


def _spread(values: Iterable[float]) -> list[float]:
    different = sorted(set(values))
    return different if len(different) < 2 else [different[0], different[-1]]


def _others(group: LoopGroup) -> list[str]:
    """Return the options that differ from the defaults, with their value if it is always one."""
    texts = dict.fromkeys(other for each in group.options for other in each.others)
    options = dict.fromkeys(text.partition("=")[0] for text in texts)
    lines = []
    for option in options:
        first = next(text for text in texts if text.partition("=")[0] == option)
        always = all(first in each.others for each in group.options)
        lines.append(first if always else f"{option} that changes")
    return [line[:MAX_NAME] for line in lines[:MAX_OTHERS]]


def _round(value: float, digits: int) -> float:
    return float(f"{value:.{digits}g}")
