"""One script out of several: Streamlit takes a component's JavaScript as one text."""

from __future__ import annotations

import re
from pathlib import Path

_IMPORT = re.compile(r'^import \{[^}]*\} from "(\.[\w/.-]+\.js)";\n', re.MULTILINE)


def bundle(entry: Path) -> str:
    """The text of a JavaScript module and of all that it imports by a path, as one module.

    As a browser would run them: each file once, after the files that it imports. The import lines
    are left out, so names must not repeat between files. Understands `import { a, b } from
    "./file.js";`, or of a path like `"../file.js"`, at the start of a line, and no other form.
    Raises FileNotFoundError for an import of a file that is not there.
    """
    texts: dict[Path, str] = {}
    _gather(entry.resolve(), texts)
    return "\n".join(texts.values())


def _gather(file: Path, texts: dict[Path, str]) -> None:
    """Add a file's text to `texts`, after those of the files that it imports."""
    text = file.read_text(encoding="utf-8")
    for path in _IMPORT.findall(text):
        imported = (file.parent / path).resolve()
        if imported not in texts:
            _gather(imported, texts)
    texts[file] = _IMPORT.sub("", text)
