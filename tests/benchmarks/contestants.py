"""Who takes part: the contestants by name, what each needs, and its environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec

from core.runs.settings import RunSettings

_TUNED = {
    "MALLOC_MMAP_THRESHOLD_": str(2**32),
    "MALLOC_TRIM_THRESHOLD_": str(2**33),
    "MALLOC_TOP_PAD_": str(2**28),
}
"""What a Thaw run asks of glibc too: keep what is freed. It changes no number."""

_WITH_THAW = "with_thaw"
_FLOOR = "floor"
_RESNETS = ("exercise-64", "exercise-224", "head-only")


@dataclass(frozen=True, slots=True)
class Contestant:
    """One way of running a schedule.

    `module` of this package does it, Thaw with these `settings` of a run, a floor with the same
    names. `package` has to be installed; `environment` is added to the process's own. `scenarios`
    are what it is written for, if not all.
    """

    name: str
    module: str
    package: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    scenarios: tuple[str, ...] = ()
    by_default: bool = True

    @property
    def is_thaw(self) -> bool:
        return self.module == _WITH_THAW

    @property
    def has_parts(self) -> bool:
        """Its functions are known, and so the parts of its seconds."""
        return self.is_thaw or self.module == _FLOOR

    def missing(self) -> str:
        """Why it cannot take part here; empty if it can."""
        if self.package and find_spec(self.package) is None:
            return "not installed: pip install -r tests/benchmarks/requirements.txt"
        unknown = [name for name in self.settings if name not in RunSettings.model_fields]
        return f"this Thaw has no setting {unknown[0]!r}" if unknown else ""

    def not_for(self, scenario: str) -> str:
        """Why it cannot run a scenario; empty if it can."""
        if not self.scenarios or scenario in self.scenarios:
            return ""
        return f"it is written for {' and '.join(self.scenarios)}"


BOUND = "bound"
PLAIN = "plain"
THAW = "thaw"
FLOORS = {"floor": THAW, "floor-fast": "thaw-fast"}
"""The floors, and which contestant each is the floor of."""

CONTESTANTS = {
    contestant.name: contestant
    for contestant in (
        Contestant(PLAIN, "plain"),
        Contestant("plain-tuned", "plain", environment=_TUNED),
        Contestant(
            "finetuning-scheduler", "with_finetuning_scheduler", package="finetuning_scheduler"
        ),
        Contestant("fastai", "with_fastai", package="fastai"),
        Contestant(THAW, _WITH_THAW),
        Contestant("thaw-fast", _WITH_THAW, settings={"precision": "fast"}),
        Contestant("thaw-plain", _WITH_THAW, settings={"optimizer_step": "plain"}),
        Contestant("thaw-off", _WITH_THAW, settings={"cache": "off"}, by_default=False),
        Contestant("floor", _FLOOR, scenarios=_RESNETS, by_default=False),
        Contestant(
            "floor-fast",
            _FLOOR,
            settings={"precision": "fast"},
            scenarios=_RESNETS,
            by_default=False,
        ),
        Contestant(BOUND, BOUND),
    )
}
