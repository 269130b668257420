"""Paths of modules and parameters, such as `layer4.0.bn1`: which of them lies in which."""

from __future__ import annotations

from collections.abc import Iterable


def prefixes(path: str) -> list[str]:
    """Return a path and all that it lies in: `layer4`, `layer4.0` and `layer4.0.bn1`."""
    parts = path.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts) + 1)]


def covers(path: str, inner: str) -> bool:
    """Return whether `inner` is that path, or a module or parameter inside it."""
    return inner == path or inner.startswith(f"{path}.")


def apart(paths: Iterable[str], others: Iterable[str]) -> list[str]:
    """Return the paths that neither hold one of the others nor lie in one."""
    theirs = set(others)
    above = {prefix for path in theirs for prefix in prefixes(path)}
    return [path for path in paths if path not in above and theirs.isdisjoint(prefixes(path))]
