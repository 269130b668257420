"""The checklist's items, and the checks that Thaw makes of them in a schedule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from core.checks.batchnorm import moving_batchnorm
from core.checks.facts import ScheduleFacts
from core.checks.rates import WIDE
from core.checks.warmup import HIGH, curve_lengths, no_warmup
from core.models.layer_table import LayerTable, parameter_counts
from core.schedule import curves, plan
from core.schedule.spec import Schedule
from pages.components.learn.language import Language
from pages.components.learn.numbers import in_exactly_one_group

ITEMS: Mapping[str, str] = {
    "head": "setup",
    "inputs": "setup",
    "cover": "groups",
    "still": "freezing",
    "gradients": "freezing",
    "baseline": "freezing",
    "optimizer": "rates",
    "spread": "rates",
    "busy": "unfreezing",
    "resume": "unfreezing",
    "warm": "warmup",
    "falls": "warmup",
}
"""The items in the order of the list, with the step that explains each."""

_ROUNDING = 1 + 1e-9
_MAX_WARM = 0.5
"""The share of a curve in which a warmup still ends well before the curve does."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of a check of the schedule: whether it is good, and a sentence."""

    good: bool
    text: str


def check_item(
    item: str, schedule: Schedule, table: LayerTable | None, language: Language
) -> CheckResult | None:
    """Return the result of an item's check; None if only a person can know."""
    check = _CHECKS.get(item)
    return check(schedule, table, language) if check else None


def _cover(schedule: Schedule, table: LayerTable | None, language: Language) -> CheckResult:
    if table is None:
        return CheckResult(False, language.word("checks.cover-unknown"))
    good, count = in_exactly_one_group(schedule, table), len(parameter_counts(table))
    values = {"good": language.integer(good), "count": language.integer(count)}
    return CheckResult(good == count, language.word("checks.cover", **values))


def _still(schedule: Schedule, table: LayerTable | None, language: Language) -> CheckResult:
    if table is None:
        return CheckResult(False, language.word("checks.cover-unknown"))
    facts = ScheduleFacts(schedule, table)
    moving = next(moving_batchnorm(facts), None)
    if moving is None:
        return CheckResult(True, language.word("checks.still"))
    count = language.integer(sum(facts.batchnorms[name] for name in moving.groups))
    return CheckResult(
        False, language.word("checks.moving", count=count, groups=_listed(moving.groups))
    )


def _falls(schedule: Schedule, _: LayerTable | None, language: Language) -> CheckResult:
    ends = curves.rates(schedule, float(schedule.epochs)).tolist()
    peaks = [curves.peak(schedule, group) for group in schedule.groups]
    folds = {
        group.name: end / peak
        for group, end, peak in zip(schedule.groups, ends, peaks, strict=True)
        if end > peak * _ROUNDING
    }
    if not folds:
        count = language.integer(len(schedule.groups))
        return CheckResult(True, language.word("checks.falls", count=count))
    fold = language.number(max(folds.values()))
    return CheckResult(False, language.word("checks.rises", groups=_listed(list(folds)), fold=fold))


def _busy(schedule: Schedule, _: LayerTable | None, language: Language) -> CheckResult:
    idle = sum(phase.end - phase.start for phase in plan.phases(schedule) if not phase.training)
    count = language.integer(schedule.epochs)
    if not idle:
        return CheckResult(True, language.word("checks.busy", count=count))
    return CheckResult(
        False, language.word("checks.idle", idle=language.integer(idle), count=count)
    )


def _warm(schedule: Schedule, table: LayerTable | None, language: Language) -> CheckResult:
    warmup, word = schedule.lr.warmup.epochs, language.word
    if not warmup:
        cold = next(no_warmup(ScheduleFacts(schedule, table)), None)
        if cold is None:
            return CheckResult(True, word("checks.no-warmup", rate=language.rate(HIGH)))
        return CheckResult(False, word("checks.cold", groups=_listed(cold.groups)))
    lengths = curve_lengths(schedule)
    last = min(lengths, key=lengths.__getitem__, default="")
    length = lengths.get(last, schedule.epochs)
    values = {"warmup": language.number(warmup), "epochs": language.integer(length)}
    whole = length == schedule.epochs
    taken = word("checks.warm", **values) if whole else word("checks.warmed", group=last, **values)
    if warmup <= length * _MAX_WARM:
        return CheckResult(True, taken)
    return CheckResult(False, f"{taken} {word('checks.too-warm')}")


def _spread(schedule: Schedule, _: LayerTable | None, language: Language) -> CheckResult | None:
    peaks = [
        curves.peak(schedule, group)
        for group in schedule.groups
        if plan.training_spans(group, schedule.epochs)
    ]
    if not peaks or not min(peaks):
        return None
    times = max(peaks) / min(peaks)
    return CheckResult(
        times <= WIDE * _ROUNDING, language.word("checks.spread", spread=_times(times, language))
    )


def _times(value: float, language: Language) -> str:
    return language.number(value) if value < 1000 else language.integer(round(value))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:6]) + (" …" if len(names) > 6 else "")


_CHECKS: Mapping[str, Callable[[Schedule, LayerTable | None, Language], CheckResult | None]] = {
    "cover": _cover,
    "still": _still,
    "spread": _spread,
    "busy": _busy,
    "warm": _warm,
    "falls": _falls,
}
