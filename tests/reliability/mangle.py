"""Documents and bytes with something wrong in them, as strangers, disks and editors make them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from random import Random
from typing import Any

NASTY: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        -1,
        0,
        1,
        7,
        0.5,
        -0.0,
        5e-324,
        1e-300,
        1e300,
        2**31,
        2**53,
        2**64,
        10**30,
    ),
    *(
        float("nan"),
        float("inf"),
        float("-inf"),
        "",
        " ",
        "\0",
        "\n",
        "\ud800",
        "\u202e",
        "x" * 300,
    ),
    *(
        "null",
        "1",
        "head",
        "stem",
        "../../x",
        "~nobody/x",
        "<img src=x onerror=alert(1)>",
        "é" * 81,
    ),
    *([], {}, [[]], [None, None], [0, 1, 2], {"name": "adam"}, {"factor": 0.1, "lr": 0.1}),
)
"""Values that have broken programs, and values that would be right elsewhere."""
_BYTES = (
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
    b"[" * 2_000,
    b"9" * 5_000,
    b"NaN",
    b"}",
)
_Path = tuple[Any, ...]


def value_of(rng: Random, raw: Any) -> Any:
    """A copy of JSON values in which one to five things are other, gone, doubled or moved."""
    made = copy.deepcopy(raw)
    for _ in range(rng.choice((1, 1, 2, 5))):
        paths = [path for path in _paths(made) if path]
        if not paths:
            break
        *above, key = rng.choice(paths)
        part = made
        for step in above:
            part = part[step]
        _change(rng, part, key)
    return made


def bytes_of(rng: Random, content: bytes) -> bytes:
    """The bytes with up to eight of them changed, cut off, put in, taken away or doubled."""
    made = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 8))):
        at = rng.randrange(len(made) + 1)
        until = min(len(made), at + rng.choice((1, 4, 60)))
        match rng.randrange(6):
            case 0:
                made[at:until] = rng.randbytes(until - at)
            case 1:
                del made[at:]
            case 2:
                made[at:at] = rng.choice(_BYTES)
            case 3:
                del made[at:until]
            case 4:
                made[at:at] = made[at:until]
            case 5:
                made[at:until] = bytes(byte ^ 1 << rng.randrange(8) for byte in made[at:until])
    return bytes(made)


def _change(rng: Random, part: Any, key: Any) -> None:
    chance = rng.random()
    if chance < 0.15:
        del part[key]
    elif chance < 0.25 and isinstance(part, list):
        part.insert(rng.randrange(len(part) + 1), copy.deepcopy(part[key]))
    elif chance < 0.35 and isinstance(part, dict):
        part[rng.choice((str(key) + "x", key.upper(), "\ud800", "__proto__", ""))] = part.pop(key)
    else:
        part[key] = copy.deepcopy(rng.choice(NASTY))


def _paths(raw: Any, path: _Path = ()) -> Iterator[_Path]:
    yield path
    inside = raw.items() if isinstance(raw, dict) else enumerate(raw) if type(raw) is list else ()
    for key, value in inside:
        yield from _paths(value, (*path, key))
