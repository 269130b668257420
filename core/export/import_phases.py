"""The import of a schedule file of finetuning-scheduler into a schedule.

The file has phases: what thaws at which epoch, and at which rate. Model, optimizer, curve, groups
and the rates of the first phase come from a schedule that the file is imported onto. A group is cut
if a phase thaws only a part of it.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from warnings import catch_warnings

import regex
import yaml

from core.errors import InputError, ScheduleError, nearest, quoted
from core.models.group_names import unique_name
from core.models.layer_table import LayerTable, parameter_counts
from core.models.module_tree import Tree
from core.schedule import curves, parse
from core.schedule.document import MAX_EPOCHS, MAX_SCALE, MIN_SCALE
from core.schedule.paths import covers
from core.schedule.spec import Group, Schedule

_KEYS = ("params", "max_transition_epoch", "lr")
_DEFAULT_LR = 1e-5
"""What finetuning-scheduler gives a phase without `lr`: its `base_max_lr`."""
_RESTARTED = {
    "new_optimizer": ("optimizer_init", "optimizer", "choose the optimizer in the schedule"),
    "new_lr_scheduler": ("lr_scheduler_init", "curve", "shape the curve in the schedule"),
}
"""Keys of a phase that restart something: the key of its class, its name, and the way out."""
_MAX_LEVELS = 32
"""More than files of finetuning-scheduler have, and less than the loader can recurse."""
_MAX_PATTERN = 300
_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml, where yaml was built with it, reads the longest file in 0.7 s; Python takes 4.6 s."""
_SECONDS = 3.0
"""Limit for matching all patterns of a file; a pattern per layer of DenseNet-201 takes 1 s."""
_MAX_COPIES = 1024
"""Copies that `regex` may compile of a part of a pattern: of 279 characters they take 20 MB."""
_REPEAT = re.compile(r"\{(\d+)|\+")
"""What makes copies: `regex` compiles `(a+){3}` to four of `(a+)`, and each of those to two."""
_DIFFERS_IN_REGEX = re.compile(r"(?<!\\)(?:\\\\)*(?:\{(?!\d+(?:,\d*)?\}|,\d+\})|\[:)")
"""Plain text to `re` that has a meaning to `regex`: a brace without a count, and `[:`."""


@dataclass(frozen=True, slots=True)
class _Phase:
    """The patterns of what thaws at an epoch, and its rate (None: that of the schedule)."""

    start: int
    patterns: tuple[str, ...]
    lr: float | None


def read_phases(text: str | bytes, schedule: Schedule, table: LayerTable) -> Schedule:
    """Return the schedule with the thaws and the rates of the file; nothing in it freezes again.

    `table` is that of the schedule's model. Patterns match as in finetuning-scheduler, with or
    without the name of the LightningModule's attribute that is the network, as in `model.layer4`.

    Raises InputError for a file that finetuning-scheduler would refuse, and for what a schedule
    cannot express: a phase that waits for a metric, and a new optimizer, scheduler or rates of a
    phase. All of the latter are in the error's `problems`.
    """
    raw = _load(text)
    phases, epochs = _phases(raw, schedule.epochs)
    return _with_phases(schedule, table, phases, _owners(phases, table), epochs)


def _load(text: str | bytes) -> Mapping[object, Any]:
    if len(text) > parse.MAX_DOCUMENT_BYTES:
        way_out = f"a schedule has at most {parse.MAX_DOCUMENT_BYTES:,}"
        raise InputError("the file", f"has {len(text):,} bytes", way_out)
    with _input_errors("is not YAML"):
        _check_events(yaml.parse(text, _SafeLoader))
    with _input_errors("cannot be read"):
        raw = _Loader(text).get_single_data()
    if not isinstance(raw, dict) or not raw:
        raise InputError("the file", "has no phases", "number them from 0, as 0: and 1:")
    return raw


class _Loader(_SafeLoader):  # type: ignore[misc]  # yaml comes without types
    """A loader that refuses duplicate keys, as finetuning-scheduler does."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        mapping: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        if len(mapping) < len(node.value):
            raise yaml.MarkedYAMLError(problem="a key appears twice", problem_mark=node.start_mark)
        return mapping


@contextmanager
def _input_errors(wrong: str) -> Iterator[None]:
    """Turn an error of the YAML parser or loader into an InputError with its place."""
    try:
        yield
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = _place(mark) if mark else "the file"
        raise InputError(where, f"{wrong} ({error.problem})", "fix it there") from None
    except (yaml.YAMLError, ValueError) as error:
        raise InputError("the file", f"{wrong} ({str(error).splitlines()[0]})", "fix it") from None


def _place(mark: Any) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}"


def _check_events(events: Iterable[Any]) -> None:
    """Raise InputError for nesting that is too deep to be loaded, and for aliases.

    An alias inside what it stands for would have no end.
    """
    depth = 0
    for event in events:
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _MAX_LEVELS:
            wrong, way_out = f"is nested over {_MAX_LEVELS} levels deep", "phases need fewer"
            raise InputError(_place(event.start_mark), wrong, way_out)
        if isinstance(event, yaml.AliasEvent):
            wrong, way_out = f"is the alias *{event.anchor}", "write out what it stands for"
            raise InputError(_place(event.start_mark), wrong, way_out)


def _phases(raw: Mapping[object, Any], epochs: int) -> tuple[list[_Phase], int]:
    """Return the phases in order, and the epochs of the run."""
    if set(raw) != set(range(len(raw))):
        keys = ", ".join(map(quoted, raw))
        raise InputError("the file", f"has the phases {keys}", "number them from 0 without gaps")
    problems = list(_restarts(raw))
    if problems:
        first = problems[0]
        raise InputError(first.field, first.wrong, first.way_out, problems)
    phases: list[_Phase] = []
    start = 0
    for depth in range(len(raw)):
        phase = raw[depth]
        if not isinstance(phase, dict):
            raise InputError(f"{depth}", f"is {quoted(phase)}", "list params and the rest under it")
        for key in phase:
            if key not in _KEYS:
                raise InputError(f"{depth}.{key}", "is unknown", nearest(str(key), _KEYS))
        last = depth == len(raw) - 1
        end = _end(phase, depth, epochs if last else None)
        lr = _rate(phase, depth) if depth else None
        phases.append(_Phase(start, _patterns(phase, depth), lr))
        start = max(end, start + 1)
    return phases, start


def _restarts(raw: Mapping[object, Any]) -> Iterator[InputError]:
    """Yield an error for each optimizer, scheduler or rates that a phase restarts."""
    for depth in range(len(raw)):
        phase = raw[depth] if isinstance(raw[depth], dict) else {}
        for key, (init, single, way_out) in _RESTARTED.items():
            if key not in phase:
                continue
            restart = phase[key] if isinstance(phase[key], dict) else {}
            spec = restart.get(init)
            name = spec.get("class_path") if isinstance(spec, dict) else None
            begins = "begins another" if name is None else f"begins {quoted(name)}"
            wrong = f"{begins}, but a schedule has one {single} for the whole run"
            yield InputError(f"{depth}.{key}", wrong, f"remove it, and {way_out}")
            if "init_pg_lrs" in restart:
                wrong = "gives groups new rates, but a group's peak rate holds for the whole run"
                yield InputError(f"{depth}.{key}.init_pg_lrs", wrong, "set each group's lr_scale")


def _end(phase: Mapping[object, Any], depth: int, otherwise: int | None) -> int:
    """Return the epoch at which a phase ends; `otherwise` if the phase does not say."""
    field = f"{depth}.max_transition_epoch"
    end = phase.get("max_transition_epoch", -1)
    if isinstance(end, bool) or not isinstance(end, int):
        raise InputError(field, f"is {quoted(end)}", "write a whole number of epochs")
    if end > MAX_EPOCHS:
        raise InputError(field, f"is {end}", f"a run has at most {MAX_EPOCHS:,} epochs")
    if end >= 0:
        return end
    if otherwise is None:
        way_out = "give the epoch, since a schedule does not wait for a metric"
        raise InputError(field, "is missing", way_out)
    return otherwise


def _rate(phase: Mapping[object, Any], depth: int) -> float:
    value = phase.get("lr", _DEFAULT_LR)
    try:
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise ValueError
        lr = float(value)
    except (ValueError, OverflowError):
        lr = -1.0
    if not 0 < lr < math.inf:
        raise InputError(f"{depth}.lr", f"is {quoted(value)}", "write a rate above 0")
    return lr


def _patterns(phase: Mapping[object, Any], depth: int) -> tuple[str, ...]:
    patterns = phase.get("params")
    if not isinstance(patterns, list) or not patterns:
        raise InputError(f"{depth}.params", f"is {quoted(patterns)}", "list parameters or patterns")
    for place, pattern in enumerate(patterns):
        field = f"{depth}.params[{place}]"
        if not isinstance(pattern, str) or not pattern or len(pattern) > _MAX_PATTERN:
            way_out = f"write a parameter's path or a pattern of up to {_MAX_PATTERN} characters"
            raise InputError(field, f"is {quoted(pattern)}", way_out)
        try:
            with catch_warnings(
                action="ignore"
            ):  # of syntax that later versions of Python may change
                re.compile(pattern)
        except (re.error, OverflowError, RecursionError) as error:
            wrong = f"is {quoted(pattern)}, which is not a regular expression ({error})"
            raise InputError(field, wrong, "fix it") from None
        if _DIFFERS_IN_REGEX.search(pattern):
            wrong = f"is {quoted(pattern)}, which has [: or a brace without a count"
            raise InputError(field, wrong, "put a backslash before it")
        if math.prod(int(count[1] or 1) + 1 for count in _REPEAT.finditer(pattern)) > _MAX_COPIES:
            wrong = f"is {quoted(pattern)}, which repeats too much"
            raise InputError(field, wrong, "write * for + and for large counts")
    return tuple(patterns)


def _owners(phases: list[_Phase], table: LayerTable) -> dict[str, int]:
    """Return the phase of each parameter that thaws."""
    names = parameter_counts(table)
    patterns = {
        f"{depth}.params[{place}]": pattern
        for depth, phase in enumerate(phases)
        for place, pattern in enumerate(phase.patterns)
    }
    owners: dict[str, int] = {}
    for field, matching in _matches(patterns, names).items():
        if not matching:
            wrong = f"is {quoted(patterns[field])}, which matches no parameter of {table.model}"
            raise InputError(field, wrong, f"its parameters begin with {next(iter(names))!r}")
        depth = int(field.partition(".")[0])
        for name in matching:
            other = owners.setdefault(name, depth)
            if other != depth:
                wrong = f"thaws {name!r}, which phase {other} has already thawed"
                raise InputError(field, wrong, "keep it in one of them")
    return owners


def _matches(patterns: Mapping[str, str], names: Collection[str]) -> dict[str, list[str]]:
    """Return the parameters that each pattern matches, by the field of the pattern.

    Before the names of parameters, the patterns may have the name of the network's attribute, or
    none: the one with which most of them match. Raises InputError, with its field, for the pattern
    at which the time is up.
    """
    first = (re.match(r"\w+(?=\\?\.)", pattern) for pattern in patterns.values())
    prefixes = ["", *sorted({f"{word[0]}." for word in first if word})]
    matches: dict[str, dict[str, list[str]]] = {prefix: {} for prefix in prefixes}
    end = time.monotonic() + _SECONDS
    for field, pattern in patterns.items():
        try:
            compiled = regex.compile(pattern, regex.V0, cache_pattern=False)
            for prefix in prefixes:
                matches[prefix][field] = _matching(compiled, prefix, names, end)
        except TimeoutError:
            wrong = f"is {quoted(pattern)}, at which reading patterns has taken {_SECONDS:g} s"
            raise InputError(field, wrong, "simplify it, or those before it") from None
    return max(matches.values(), key=lambda fields: sum(map(bool, fields.values())))


def _matching(
    pattern: regex.Pattern[str], prefix: str, names: Collection[str], end: float
) -> list[str]:
    """Return the parameters that a pattern matches; raise TimeoutError at `end`.

    `end` is a time of the monotonic clock.
    """
    if time.monotonic() > end:  # a match that ends at once does not look at the clock
        raise TimeoutError
    text = pattern.pattern
    if text.startswith(prefix) and text[len(prefix) :] in names:
        return [text[len(prefix) :]]
    return [
        name
        for name in names
        if pattern.match(f"{prefix}{name}", timeout=max(end - time.monotonic(), 0.0))
    ]


def _with_phases(
    schedule: Schedule,
    table: LayerTable,
    phases: list[_Phase],
    owners: Mapping[str, int],
    epochs: int,
) -> Schedule:
    tree = Tree(table)
    cut: list[tuple[Group, tuple[str, ...], int | None]] = []
    for group in schedule.groups:
        parts: dict[int | None, list[str]] = {}
        for name in parameter_counts(table):
            if any(covers(path, name) for path in group.modules):
                parts.setdefault(owners.get(name), []).append(name)
        for depth, names in (parts or {None: []}).items():
            cut.append((group, group.modules if len(parts) < 2 else tree.tidy(names), depth))
    names_in_use: set[str] = set()
    groups = []
    for place, (group, paths, depth) in enumerate(cut):
        name = unique_name(group.name, names_in_use)
        names_in_use.add(name)
        rate = None if depth is None else phases[depth].lr
        scale = curves.scale(schedule, group)
        if rate is not None:
            scale = _scale(rate, schedule.optimizer.base_lr)
        decayed = schedule.lr.group_decay ** (len(cut) - 1 - place)
        same = abs(scale - decayed) <= curves.RATES_EQUAL * decayed
        changed = {
            "name": name,
            "modules": list(paths),
            "trainable": [] if depth is None else [[phases[depth].start, None]],
            "lr_scale": None if same else scale,
        }
        groups.append({**group.model_dump(mode="json"), **changed})
    try:
        return parse.from_raw({**parse.to_raw(schedule), "epochs": epochs, "groups": groups})
    except ScheduleError as error:
        raise InputError("the file", f"makes {error.field} {error.wrong}", error.way_out) from None


def _scale(rate: float, base_lr: float) -> float:
    """Return the rate as a share of the base rate.

    A share that lies only by rounding outside of what a schedule takes is moved into that range.
    """
    scale = rate / base_lr
    allowed = min(max(scale, MIN_SCALE), MAX_SCALE)
    return allowed if abs(scale - allowed) <= curves.RATES_EQUAL * allowed else scale
