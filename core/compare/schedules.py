"""What one schedule does differently than another, in lines that a person reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from core.compare import words
from core.compare.align import group_rows
from core.compare.comparable import Comparable
from core.compare.difference import Difference
from core.compare.groups import group_differences
from core.compare.records import record_alike, record_diff
from core.records.model import Record
from core.schedule.document import Document, field_texts
from core.schedule.optimizers import OPTIMIZERS
from core.schedule.parse import to_raw
from core.schedule.shapes import DECAYS
from core.schedule.spec import Schedule
from core.schedule.words import epochs as many_epochs
from core.schedule.words import rate

__all__ = ["Difference", "alike", "diff", "fields"]

Fields = Mapping[str, Any]
"""JSON values by their dotted path: `lr.warmup.epochs`; the groups are left out."""


def diff(a: Comparable, b: Comparable) -> tuple[Difference, ...]:
    """What `b` does differently than `a`: its groups from the head on, its curve, and its name.

    Empty for equal schedules and for no others: each field that differs is in the `fields` of a
    line. Works for any two valid schedules; `align` says which groups are compared. Where one
    is a record, `record_diff` says what is told.
    """
    if isinstance(a, Record) or isinstance(b, Record):
        return record_diff(a, b)
    if a == b:
        return ()
    found = list(group_differences(a, b, group_rows((a, b))))
    old, new = fields(a), fields(b)
    told: set[str] = set()
    for tell in (_after_unfreeze, _model, _optimizer, _shape, _floor):
        for line in tell(old, new):
            told.update(line.fields)
            found.append(line)
    for path in [*_TELL, *sorted((old.keys() | new.keys()) - _TELL.keys())]:
        before, after = old.get(path), new.get(path)
        if path not in told and before != after:
            found.append(Difference(_TELL.get(path, _plain(path))(before, after), "", (path,)))
    return tuple(found)


def alike(a: Comparable, b: Comparable) -> tuple[str, ...]:
    """What both have in common, in a few words each: `resnet18`, `8 epochs`, `Adam`, … `head`.

    Groups are named last, those in which nothing differs.
    """
    if isinstance(a, Record) or isinstance(b, Record):
        return record_alike(a, b)
    old, new = fields(a), fields(b)
    told = [
        tell(new) for paths, tell in _ALIKE.items() if all(old.get(p) == new.get(p) for p in paths)
    ]
    rows = group_rows((a, b))
    differ = {name for line in group_differences(a, b, rows) for name in line.groups}
    groups = [after.name for before, after in reversed(rows) if before and after]
    return (*(text for text in told if text), *(name for name in groups if name not in differ))


def fields(schedule: Schedule) -> Fields:
    """Return every field but the groups and what says that it is a schedule, defaults written out.

    The floor is one field, since one by the peak and an absolute one exclude each other.
    """
    raw = to_raw(schedule)
    raw["model"].setdefault("weights", None)
    kept = {key: part for key, part in raw.items() if key not in ("format", "version", "groups")}
    return dict(_flat(kept))


def _flat(part: Fields, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in part.items():
        if isinstance(value, dict) and key != "floor":
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _after_unfreeze(old: Fields, new: Fields) -> Iterator[Difference]:
    path = "lr.after_unfreeze"
    if old[path] == new[path]:
        return
    text = (
        "each group starts its curve when it thaws, warmup included"
        if new[path] == "restart"
        else "every group follows one curve, even when it thaws late"
    )
    yield Difference(text, f"after unfreeze: {old[path]} → {new[path]}", (path,))


def _model(old: Fields, new: Fields) -> Iterator[Difference]:
    name, weights = "model.name", "model.weights"
    loads = f"weights {old[weights] or 'random'} → {new[weights] or 'random'}"
    if old[name] != new[name]:
        detail = loads if old[weights] != new[weights] else ""
        yield Difference(f"model {_short(old)} → {_short(new)}", detail, (name, weights, "modules"))
    elif old[weights] != new[weights]:
        yield Difference(loads, "", (weights,))


def _short(found: Fields) -> str:
    return str(found["model.name"]).rsplit("/", 1)[-1] or str(found["model.name"])


def _optimizer(old: Fields, new: Fields) -> Iterator[Difference]:
    path = "optimizer.name"
    if old[path] == new[path]:
        return
    only, brought = _only_in_one(old, new, "optimizer.")
    text = f"optimizer {_title(old)} → {_title(new)}"
    yield Difference(text, brought, (path, *only))


def _shape(old: Fields, new: Fields) -> Iterator[Difference]:
    path = "lr.decay.shape"
    if old[path] == new[path]:
        return
    only, brought = _only_in_one(old, new, "lr.decay.")
    yield Difference(f"shape {_shape_called(old)} → {_shape_called(new)}", brought, (path, *only))


def _only_in_one(old: Fields, new: Fields, prefix: str) -> tuple[tuple[str, ...], str]:
    """Return the paths that only one of both has, and what `new` brings, in words."""
    own = (p for p in dict.fromkeys((*old, *new)) if p.startswith(prefix))
    only = tuple(p for p in own if (p in old) != (p in new))
    brought = [f"{p.rpartition('.')[2]} {_value(new[p])}" for p in only if p in new]
    return only, ", ".join(brought)


def _title(found: Fields) -> str:
    return OPTIMIZERS[found["optimizer.name"]].title()


def _shape_called(found: Fields) -> str:
    return DECAYS[found["lr.decay.shape"]].title()


def _floor(old: Fields, new: Fields) -> Iterator[Difference]:
    path = "lr.decay.floor"
    if path not in old or path not in new or old[path] == new[path]:
        return
    if old[path].keys() == new[path].keys():
        (kind,) = new[path]
        written = rate if kind == "lr" else words.times
        text = words.change(old[path][kind], new[path][kind], written)
    else:
        text = f"{_value(old[path])} → {_value(new[path])}"
    yield Difference(f"floor {text}", "", (path,))


def _value(value: Any) -> str:
    """Return a value on its own: a floor of either kind, a number or several, or a word."""
    if isinstance(value, dict):
        return f"{rate(value['lr'])} for all" if "lr" in value else words.times(value["factor"])
    if isinstance(value, list | tuple):
        return ", ".join(words.number(each) for each in value)
    return words.number(value) if isinstance(value, int | float) else str(value)


def _changed(
    label: str, written: words.Written = words.number, unit: str = ""
) -> Callable[..., str]:
    def tell(before: Any, after: Any) -> str:
        if isinstance(before, int | float) and isinstance(after, int | float):
            return f"{label} {words.change(before, after, written)}{unit}"
        was, now = _value(before), _value(after)
        if was == now:  # to the digits that are told
            was, now = str(before), str(after)
        return f"{label} {was} → {now}"

    return tell


def _plain(path: str) -> Callable[..., str]:
    return _changed(path)


def _own_fields(
    prefix: str, kinds: Mapping[str, type[Document]]
) -> Iterator[tuple[str, Callable[..., str]]]:
    """Yield the path of each field that only some shapes or optimizers have, and its words."""
    for kind in kinds.values():
        for name, about in field_texts(kind).items():
            written = words.times if about.factor else words.number
            yield f"{prefix}{name}", _changed(name.replace("_", " "), written, about.unit)


_TELL: Mapping[str, Callable[..., str]] = {
    "epochs": _changed("run", unit=" epochs"),
    "optimizer.base_lr": _changed("base LR", rate),
    "lr.group_decay": _changed("decay per group", words.times),
    "lr.warmup.epochs": _changed("warmup", unit=" epochs"),
    "lr.warmup.start_factor": _changed("warmup from", words.times, " of the peak"),
    "lr.warmup.shape": _changed("warmup rises"),
    **dict(_own_fields("lr.decay.", DECAYS)),
    "lr.interval": _changed("rate changes every"),
    **dict(_own_fields("optimizer.", OPTIMIZERS)),
    "optimizer.weight_decay": _changed("weight decay", rate),
    "name": _changed("name"),
}
"""How a change of each field is told, in the order in which they are."""


def _warmup(found: Fields) -> str:
    length = found["lr.warmup.epochs"]
    return f"warmup {many_epochs(length)}" if length else "no warmup"


_ALIKE: Mapping[tuple[str, ...], Callable[[Fields], str]] = {
    ("model.name", "model.weights"): _short,
    ("epochs",): lambda f: many_epochs(f["epochs"]),
    ("optimizer.name",): _title,
    ("optimizer.base_lr",): lambda f: f"base LR {rate(f['optimizer.base_lr'])}",
    ("lr.group_decay",): lambda f: f"{words.times(f['lr.group_decay'])} per group",
    ("lr.warmup.epochs",): _warmup,
    ("lr.decay.shape",): _shape_called,
    ("lr.decay.floor",): lambda f: (
        f"floor {_value(f['lr.decay.floor'])}" if "lr.decay.floor" in f else ""
    ),
}
"""What is told where it is alike, by the fields that must be."""
