"""The figures of the cost strip, computed once for each schedule."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import streamlit as st

from core.cache_plan.planner import CacheBudget
from core.cache_plan.savings import DataSize, Savings, savings
from core.errors import InputError
from core.files import usage
from core.models.costs import Costs, costs, without_rates
from core.models.layer_table import LayerTable
from core.runs import memory
from core.runs.estimate import data_size
from core.runs.processes import launch
from core.runs.settings import FREE_SHARE, RunSettings, cache_budget
from core.schedule.spec import Schedule
from pages.components.shared.data_preview import seen


@dataclass(frozen=True, slots=True)
class Figures:
    """The costs of each phase, and what the frozen-part cache saves of them.

    `savings` has no phases where the forward pass is not known.
    """

    costs: Costs
    savings: Savings


def figures(schedule: Schedule, table: LayerTable, settings: RunSettings) -> Figures:
    """Return the figures of a run. They do not depend on names and rates."""
    return _figures(without_rates(schedule), table, data(settings), budget(settings))


def data(settings: RunSettings) -> DataSize:
    """Return the size of an epoch's data, as far as it is known before the data is read."""
    train, validation = settings.samples, settings.validation_samples
    found = seen(settings.data)
    if not isinstance(found, str):
        train, validation = min(train, found.train), min(validation, found.validation)
    return data_size(settings, train, validation)


@lru_cache(maxsize=64)
def _figures(bare: Schedule, table: LayerTable, data: DataSize, most: CacheBudget) -> Figures:
    return Figures(costs(table, bare, data.image_size), savings(table, bare, data, most))


def budget(settings: RunSettings) -> CacheBudget:
    """Return the bytes that the cache of a run may take on this machine's processor."""
    if settings.cache == "off":
        return CacheBudget(0)
    free = _free(_runs())
    return cache_budget(settings, free.memory, free.disk)


@st.cache_data(ttl=60, show_spinner=False)
def _free(runs: Path) -> CacheBudget:
    """Return what a run on this machine's processor would take by itself, its folder in `runs`."""
    left = memory.available(), usage.free_disk(runs)
    return CacheBudget(*(_rounded(count * FREE_SHARE) for count in left))


def _runs() -> Path:
    """Return the folder of runs, or `/` if there is none, which the Run page reports."""
    try:
        return launch.runs_folder()
    except InputError:
        return Path("/")


def _rounded(count: float) -> int:
    """Round to two digits: free space varies, and each new budget would be planned for anew."""
    return int(float(f"{count:.1e}"))
