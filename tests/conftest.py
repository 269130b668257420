"""What all tests share: how hard hypothesis looks."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("thaw", deadline=None, max_examples=30)
settings.load_profile("thaw")
