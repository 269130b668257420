"""The rate function as the few lines of Python that a schedule needs of it.

The arithmetic is that of `core.schedule.curves`, in its order, on plain floats.
"""

from __future__ import annotations

from core.schedule.shapes import NO_FLOOR, WARMUPS, FloorLR
from core.schedule.spec import Schedule


def needs_math(schedule: Schedule) -> bool:
    """Return whether `rates` writes code that uses the module math."""
    return "math." in _rate(schedule)


def rates(schedule: Schedule) -> str:
    """Return two functions: `rate(group, t)`, and `time(step, steps_per_epoch)` in epochs.

    They use the constants and dicts of `core.export.python.table`.
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
        warming = "max(t, 0)" if lr.after_unfreeze == "restart" else "t"
        rise = WARMUPS[lr.warmup.shape].python.format(t=warming)
        lines += [
            "    if t < WARMUP:",
            f'        return group["peak"] * (START + (1 - START) * ({rise}))',
        ]
        length += " - WARMUP"
    if not decay.python:
        return "\n".join([*lines, '    return group["peak"]'])
    lines.append(_place(schedule, length))
    lines += [f"    {line}" for line in decay.python]
    floor = decay.floor or NO_FLOOR
    if isinstance(floor, FloorLR):
        lines.append('    return group["peak"] * share + FLOOR * (1 - share)')
    elif floor.factor:
        lines.append('    return group["peak"] * share + group["peak"] * FLOOR * (1 - share)')
    else:
        lines.append('    return group["peak"] * share')
    return "\n".join(lines)


def _place(schedule: Schedule, length: str) -> str:
    """Return the lines that give x: the share, from 0 to 1, of the decay that is over."""
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
