"""The schedules that every trainer is given, by a name that a file may have."""

from __future__ import annotations

from core.schedule.parse import from_raw, to_raw
from core.schedule.spec import Schedule
from tests.export.thrice import SCHEDULES

ODD_NAMES = (
    "'''\"\"\" + quit()",
    "{group} {0} %s",
    "\\n\\",
    "</script> # - a: [b",
    "名前 🙂 — é",
    "${HOME} `ls` ; $(rm)",
)
"""Names that would end, fill or steer the place they stand in, if they could."""


def _frozen_again() -> Schedule:
    """Windows that end, BatchNorm that is held or moves, and names that want to break out."""
    raw = to_raw(SCHEDULES["gradual with restart"])
    raw |= {"name": ODD_NAMES[0], "epochs": 5}
    raw["lr"] |= {
        "warmup": {"epochs": 1.5, "start_factor": 0.0},
        "decay": {"shape": "wsd", "cooldown": 0.4, "floor": {"lr": 1e-5}},
        "after_unfreeze": "follow",
    }
    windows = ([], [[2, 4]], [[2, None]], [[2, None]], [[0, 2], [3, 4]], [[0, None]])
    for group, trainable, name in zip(raw["groups"], windows, ODD_NAMES, strict=True):
        group |= {"name": name, "trainable": trainable}
    raw["groups"][0]["when_frozen"] = "train"
    raw["groups"][3] |= {"batchnorm": "eval", "lr_scale": 0.3}
    return from_raw(raw)


CASES: dict[str, Schedule] = {
    **{name.replace(" ", "-"): schedule for name, schedule in SCHEDULES.items()},
    "frozen-again": _frozen_again(),
}
