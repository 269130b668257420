"""The law of the rate as the few lines of Python that a schedule needs of it.

The arithmetic is that of `core.design.curves`, in its order, on plain floats.
"""

from __future__ import annotations

from core.design.learning_rate import NO_FLOOR, FloorLR
from core.design.spec import Schedule
from core.export.exported import unknown

_SHARES = {
    "cosine": ["share = (1 + math.cos(math.pi * x)) / 2"],
    "linear": ["share = 1 - x"],
    "wsd": [
        "stable = 1 - COOLDOWN",
        "share = 1 - math.sqrt(min(max((x - stable) / (1 - stable), 0.0), 1.0))",
    ],
    "polynomial": ["share = (1 - x) ** POWER"],
    "steps": [
        "share = 1.0",
        "for milestone in MILESTONES:",
        "    if x > milestone - 1e-12:",
        "        share *= GAMMA",
    ],
}
"""What is left of (peak - floor) at x, by the shape of the decay; a constant one has all."""

_RISES = {
    "linear": "t / WARMUP",
    "cosine": "(1 - math.cos(math.pi * (t / WARMUP))) / 2",
}


def needs_math(schedule: Schedule) -> bool:
    """Whether `rates` writes code that uses the module math."""
    lr = schedule.lr
    rises = bool(lr.warmup.epochs) and lr.warmup.shape == "cosine"
    return rises or lr.decay.shape in ("cosine", "wsd")


def rates(schedule: Schedule) -> str:
    """Two functions: `rate(group, t)`, and `time(step, steps_per_epoch)` in epochs.

    They use the constants and dicts of `python_table.table`.
    """
    return f"{_time(schedule)}\n\n\n{_rate(schedule)}"


def _time(schedule: Schedule) -> str:
    by_epoch = schedule.lr.interval == "epoch"
    said = "the epoch" if by_epoch else "the time in epochs"
    return (
        "def time(step, steps_per_epoch):\n"
        f'    """Where optimizer step `step`, counted from 0, stands on the curve: {said}."""\n'
        f"    return step {'//' if by_epoch else '/'} steps_per_epoch"
    )


def _rate(schedule: Schedule) -> str:
    lr, decay = schedule.lr, schedule.lr.decay
    lines = [
        "def rate(group, t):",
        '    """A group\'s learning rate t epochs after the start, also while it is frozen."""',
    ]
    length = "EPOCHS"
    if lr.after_unfreeze == "restart":
        lines += [
            '    begins = group["trains"][0][0] if group["trains"] else 0',
            "    t -= begins  # a group's curve begins when it first thaws",
        ]
        length = "EPOCHS - begins"
    if lr.warmup.epochs:
        if lr.warmup.shape not in _RISES:
            raise unknown("lr.warmup.shape", lr.warmup.shape, "exported Python")
        warming = "max(t, 0)" if lr.after_unfreeze == "restart" else "t"
        rise = _RISES[lr.warmup.shape].replace("t /", f"{warming} /")
        lines += [
            "    if t < WARMUP:",
            f'        return group["peak"] * (START + (1 - START) * ({rise}))',
        ]
        length += " - WARMUP"
    if decay.shape == "constant":
        return "\n".join([*lines, '    return group["peak"]'])
    if decay.shape not in _SHARES:
        raise unknown("lr.decay.shape", decay.shape, "exported Python")
    lines.append(_place(schedule, length))
    lines += [f"    {line}" for line in _SHARES[decay.shape]]
    floor = getattr(decay, "floor", NO_FLOOR)
    if isinstance(floor, FloorLR):
        lines.append('    return group["peak"] * share + FLOOR * (1 - share)')
    elif floor.factor:
        lines.append('    return group["peak"] * share + group["peak"] * FLOOR * (1 - share)')
    else:
        lines.append('    return group["peak"] * share')
    return "\n".join(lines)


def _place(schedule: Schedule, length: str) -> str:
    """The lines that give x: the share, from 0 to 1, of the decay that is over."""
    warmup, restarts = schedule.lr.warmup.epochs, schedule.lr.after_unfreeze == "restart"
    over = "(t - WARMUP)" if warmup else "max(t, 0)" if restarts else "t"
    thaws = [group.trainable[0][0] for group in schedule.groups if group.trainable and restarts]
    if schedule.epochs - max(thaws, default=0) - warmup > 0:
        whole = f"({length})" if " " in length else length
        return f"    x = min({over} / {whole}, 1.0)"
    return (
        f"    left = {length}  # epochs of decay\n"
        f"    x = min({over} / left, 1.0) if left > 0 else 0.0"
    )
