"""What all tests share: how hard hypothesis looks, and threads that wait without spinning."""

from __future__ import annotations

import os

from hypothesis import settings

# before torch is loaded: threads that spin slow each other down where tests run side by side
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

settings.register_profile("thaw", deadline=None, max_examples=30)
settings.register_profile(
    "deep", deadline=None, max_examples=500
)  # pytest --hypothesis-profile deep
settings.load_profile("thaw")
