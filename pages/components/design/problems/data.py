"""The data of the list of problems: JSON with plain text, never markup."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from core.checks import Problem
from core.schedule.words import listed

_FIELDS = {
    "model.name": "The model",
    "model.weights": "The set of weights",
    "groups": "The groups",
    "optimizer.base_lr": "Base LR",
    "optimizer.weight_decay": "Weight decay",
    "lr.warmup.epochs": "Warmup",
    "lr.warmup.start_factor": "The start of the warmup",
    "lr.decay.floor.lr": "The floor",
    "lr.decay.floor.factor": "The floor",
    "lr.interval": "The interval",
}
"""Fields by the words of the page, which a sentence may begin with."""
_PARTS = {
    r"groups\[\d+\]\.modules\[\d+\]": "A part of {group}",
    r"groups\[\d+\]\.modules": "All of {group}",
}


def items(problems: Sequence[Problem]) -> list[dict[str, Any]]:
    """Return the list's items, numbered 1, 2, … in the order given.

    `key` tells a problem from all others of its schedule; `parts` is its sentence as pairs of a
    text and whether that is a group's name.
    """
    return [
        {
            "key": key(problem),
            "number": number,
            "code": problem.code,
            "severity": problem.severity,
            "brief": _brief(problem),
            "parts": parts(sentence(problem), problem.groups),
            "way_out": _capital(problem.way_out),
            "fix": None if problem.fix is None else _lower(problem.fix.label),
        }
        for number, problem in enumerate(problems, start=1)
    ]


def key(problem: Problem) -> str:
    """Return what tells a problem from all others of its schedule."""
    return f"{problem.code} {problem.path}"


def sentence(problem: Problem) -> str:
    """Return what is wrong, in the words of the page where the message names a JSON field."""
    if problem.subject:
        return problem.sentence
    group = problem.groups[-1] if problem.groups else ""
    for pattern, words in _PARTS.items():
        if re.fullmatch(pattern, problem.path):
            return f"{words.format(group=group)} {problem.wrong}"
    return f"{_FIELDS.get(problem.path, problem.path)} {problem.wrong}"


def parts(text: str, names: Sequence[str]) -> list[tuple[str, bool]]:
    """Return the text cut at the names in it, each part with whether it is one of them."""
    if not names:
        return [(text, False)]
    longest_first = sorted(names, key=len, reverse=True)
    pattern = rf"(?<!\w)({'|'.join(map(re.escape, longest_first))})(?!\w)"
    cut = re.split(pattern, text)
    return [(part, at % 2 == 1) for at, part in enumerate(cut) if part]


def summary(problems: Sequence[Problem]) -> str:
    """Return the numbers of problems by severity: `1 error, 2 hints`, or `none`."""
    counts = Counter(problem.severity for problem in problems)
    words = [f"{n} {kind}{'s' if n > 1 else ''}" for kind, n in counts.items()]
    return ", ".join(words) or "none"


def _brief(problem: Problem) -> str:
    """Return the problem in a few words, for one line of a phone."""
    if problem.groups:
        return listed(problem.groups, limit=3)
    return _FIELDS.get(problem.path, problem.path)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _lower(label: str) -> str:
    """Return a label behind a colon: `Thaw at 4` as `thaw at 4`, but `LR …` as it is."""
    return label if label[1:2].isupper() else label[:1].lower() + label[1:]
