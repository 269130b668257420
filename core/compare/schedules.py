"""Differences between two schedules or records of loops, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from core.compare import formats
from core.compare.align import group_rows
from core.compare.comparable import Comparable
from core.compare.difference import Difference, size_of_change
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
    """Return the differences of `b` from `a`: its groups from the head on, its curve, and its name.

    They are empty only for equal schedules: each field that differs is in the `fields` of one.
    `align` says which groups are compared. Where `a` or `b` is a record, see `record_diff`.
    """
    if isinstance(a, Record) or isinstance(b, Record):
        return record_diff(a, b)
    if a == b:
        return ()
    differences = list(group_differences(a, b, group_rows((a, b))))
    old, new = fields(a), fields(b)
    done: set[str] = set()
    for compare in (_after_unfreeze, _model, _optimizer, _shape, _floor):
        for difference in compare(old, new):
            done.update(difference.fields)
            differences.append(difference)
    for path in [*_IN_WORDS, *sorted((old.keys() | new.keys()) - _IN_WORDS.keys())]:
        before, after = old.get(path), new.get(path)
        if path not in done and before != after:
            in_words = _IN_WORDS.get(path, _changed(path))
            size = size_of_change(before, after)
            differences.append(Difference(in_words(before, after), "", (path,), size=size))
    return tuple(differences)


def alike(a: Comparable, b: Comparable) -> tuple[str, ...]:
    """Return what both have in common, in a few words each: `resnet18`, `8 epochs`, … `head`.

    Last come the names of the groups in which nothing differs.
    """
    if isinstance(a, Record) or isinstance(b, Record):
        return record_alike(a, b)
    old, new = fields(a), fields(b)
    common = [
        in_words(new)
        for paths, in_words in _IN_COMMON.items()
        if all(old.get(p) == new.get(p) for p in paths)
    ]
    rows = group_rows((a, b))
    differ = {name for line in group_differences(a, b, rows) for name in line.groups}
    groups = [after.name for before, after in reversed(rows) if before and after]
    return (*(text for text in common if text), *(name for name in groups if name not in differ))


def fields(schedule: Schedule) -> Fields:
    """Return all fields with their defaults, without the groups, `format` and `version`.

    The floor is one field, since a schedule has either a relative or an absolute one.
    """
    raw = to_raw(schedule)
    raw["model"].setdefault("weights", None)
    for key in ("format", "version", "groups"):
        del raw[key]
    return dict(_flat(raw))


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
        yield Difference(
            f"model {_model_name(old)} → {_model_name(new)}", detail, (name, weights, "modules")
        )
    elif old[weights] != new[weights]:
        yield Difference(loads, "", (weights,))


def _model_name(of: Fields) -> str:
    return str(of["model.name"]).rsplit("/", 1)[-1] or str(of["model.name"])


def _optimizer(old: Fields, new: Fields) -> Iterator[Difference]:
    path = "optimizer.name"
    if old[path] == new[path]:
        return
    only, added = _only_in_one(old, new, "optimizer.")
    text = f"optimizer {_optimizer_title(old)} → {_optimizer_title(new)}"
    yield Difference(text, added, (path, *only))


def _shape(old: Fields, new: Fields) -> Iterator[Difference]:
    path = "lr.decay.shape"
    if old[path] == new[path]:
        return
    only, added = _only_in_one(old, new, "lr.decay.")
    yield Difference(f"shape {_shape_title(old)} → {_shape_title(new)}", added, (path, *only))


def _only_in_one(old: Fields, new: Fields, prefix: str) -> tuple[tuple[str, ...], str]:
    """Return the fields that only one of both has, and those that `new` adds, in words."""
    paths = (p for p in dict.fromkeys((*old, *new)) if p.startswith(prefix))
    only = tuple(p for p in paths if (p in old) != (p in new))
    added = [f"{p.rpartition('.')[2]} {_value(new[p])}" for p in only if p in new]
    return only, ", ".join(added)


def _optimizer_title(of: Fields) -> str:
    return OPTIMIZERS[of["optimizer.name"]].title()


def _shape_title(of: Fields) -> str:
    return DECAYS[of["lr.decay.shape"]].title()


def _floor(old: Fields, new: Fields) -> Iterator[Difference]:
    path = "lr.decay.floor"
    if path not in old or path not in new or old[path] == new[path]:
        return
    if old[path].keys() == new[path].keys():
        (kind,) = new[path]
        number_format = rate if kind == "lr" else formats.times
        text = formats.change(old[path][kind], new[path][kind], number_format)
    else:
        text = f"{_value(old[path])} → {_value(new[path])}"
    yield Difference(f"floor {text}", "", (path,))


def _value(value: Any) -> str:
    """Return a value in words: a floor, a number, several numbers, or a text."""
    if isinstance(value, dict):
        return f"{rate(value['lr'])} for all" if "lr" in value else formats.times(value["factor"])
    if isinstance(value, list | tuple):
        return ", ".join(formats.number(each) for each in value)
    return formats.number(value) if isinstance(value, int | float) else str(value)


def _changed(
    label: str, number_format: formats.NumberFormat = formats.number, unit: str = ""
) -> Callable[..., str]:
    def in_words(before: Any, after: Any) -> str:
        if isinstance(before, int | float) and isinstance(after, int | float):
            return f"{label} {formats.change(before, after, number_format)}{unit}"
        was, now = _value(before), _value(after)
        if was == now:  # to so few digits
            was, now = str(before), str(after)
        return f"{label} {was} → {now}"

    return in_words


def _own_fields(
    prefix: str, kinds: Mapping[str, type[Document]]
) -> Iterator[tuple[str, Callable[..., str]]]:
    """Yield the path of each field of some shapes or optimizers only, and how it is written."""
    for kind in kinds.values():
        for name, field in field_texts(kind).items():
            number_format = formats.times if field.factor else formats.number
            yield f"{prefix}{name}", _changed(name.replace("_", " "), number_format, field.unit)


_IN_WORDS: Mapping[str, Callable[..., str]] = {
    "epochs": _changed("run", unit=" epochs"),
    "optimizer.base_lr": _changed("base LR", rate),
    "lr.group_decay": _changed("decay per group", formats.times),
    "lr.warmup.epochs": _changed("warmup", unit=" epochs"),
    "lr.warmup.start_factor": _changed("warmup from", formats.times, " of the peak"),
    "lr.warmup.shape": _changed("warmup rises"),
    **dict(_own_fields("lr.decay.", DECAYS)),
    "lr.interval": _changed("rate changes every"),
    **dict(_own_fields("optimizer.", OPTIMIZERS)),
    "optimizer.weight_decay": _changed("weight decay", rate),
    "name": _changed("name"),
}
"""How a change of each field is written, in the order of the list."""


def _warmup(of: Fields) -> str:
    length = of["lr.warmup.epochs"]
    return f"warmup {many_epochs(length)}" if length else "no warmup"


_IN_COMMON: Mapping[tuple[str, ...], Callable[[Fields], str]] = {
    ("model.name", "model.weights"): _model_name,
    ("epochs",): lambda f: many_epochs(f["epochs"]),
    ("optimizer.name",): _optimizer_title,
    ("optimizer.base_lr",): lambda f: f"base LR {rate(f['optimizer.base_lr'])}",
    ("lr.group_decay",): lambda f: f"{formats.times(f['lr.group_decay'])} per group",
    ("lr.warmup.epochs",): _warmup,
    ("lr.decay.shape",): _shape_title,
    ("lr.decay.floor",): lambda f: (
        f"floor {_value(f['lr.decay.floor'])}" if "lr.decay.floor" in f else ""
    ),
}
"""How equal fields are written: the fields that must all be equal, and their text."""
