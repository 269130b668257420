"""What presets are, in lines of text for the command line."""

from __future__ import annotations

from collections.abc import Iterator

from core import presets
from core.presets.schema import Preset
from core.schedule.words import columns


def overview() -> Iterator[str]:
    """Return a line for every preset, by name: its name, its title, and when to use it."""
    found = [presets.find(name) for name in presets.names()]
    return columns([(each.name, each.title, each.when) for each in found])


def about(preset: Preset) -> Iterator[str]:
    """Title, when to use it, sources with their numbers, what it cannot say, what it changes."""
    yield preset.title
    yield preset.when
    for source in preset.sources:
        yield ""
        yield f"{source.citation}: {source.where}"
        if source.url is not None:
            yield source.url
        yield from (f"  - {number}" for number in source.numbers)
    for title, sentences in (
        ("What a schedule cannot express:", preset.cannot),
        ("What Thaw does differently:", preset.changed),
    ):
        if sentences:
            yield ""
            yield title
            yield from (f"  - {sentence}" for sentence in sentences)
