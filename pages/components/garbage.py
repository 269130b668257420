"""Garbage is not looked for among what the imports have made."""

from __future__ import annotations

import gc
from functools import cache


@cache
def spare_imports() -> None:
    """Leave all that is alive now out of every later search for garbage in this process.

    Streamlit searches after each run of the script, a tenth of a second in which the page is not
    answered: nearly all of it goes through modules, classes and functions that stay. Call it when
    the first page has been drawn and so everything is imported.
    """
    gc.collect()
    gc.freeze()
