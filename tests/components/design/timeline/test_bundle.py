from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from pages.components.design.timeline.bundle import bundle
from tests.components.design.timeline.bench import ENTRY, FOLDER, run_node

FILES = sorted(FOLDER.rglob("*.js"))


def test_the_bundle_is_a_module_that_node_accepts_and_imports_nothing(tmp_path: Path) -> None:
    """So a name that two files have fails here."""
    joined = tmp_path / "bundle.mjs"
    joined.write_text(bundle(ENTRY), encoding="utf-8")
    run_node("--check", str(joined))
    assert "import" not in re.sub(r"//[^\n]*|/\*.*?\*/", "", joined.read_text(), flags=re.S)


def test_every_file_is_in_the_bundle_once() -> None:
    joined = bundle(ENTRY)
    headers = [file.read_text(encoding="utf-8").splitlines()[0] for file in FILES]
    assert [header for header in headers if joined.count(header) != 1] == []


def test_the_files_also_link_as_modules_of_their_own(tmp_path: Path) -> None:
    """So an import of a name that another file does not export fails here."""
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    entry = (tmp_path / ENTRY.name).as_uri()
    said = run_node("--input-type=module", "-", script=f'console.log(await import("{entry}"))')
    assert "default" in said


def test_a_file_comes_after_what_it_imports_and_only_once(tmp_path: Path) -> None:
    files = {
        "entry.js": 'import { b } from "./of/b.js";\nimport {\n  a,\n} from "./a.js";\nb(a);\n',
        "of/b.js": '// B.\n\nimport { a } from "../a.js";\n\nexport const b = a;\n',
        "a.js": "export const a = 1;\n",
    }
    (tmp_path / "of").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert bundle(tmp_path / "entry.js").split() == [
        *["export", "const", "a", "=", "1;"],
        *["//", "B.", "export", "const", "b", "=", "a;"],
        "b(a);",
    ]


def test_an_import_of_a_missing_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "entry.js").write_text('import { gone } from "./gone.js";\n')
    with pytest.raises(FileNotFoundError, match=r"gone\.js"):
        bundle(tmp_path / "entry.js")


def test_other_peoples_names_are_never_read_as_markup() -> None:
    source = bundle(ENTRY)
    assert "textContent" in source
    for door in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert door not in source
