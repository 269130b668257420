from __future__ import annotations

import re
from pathlib import Path

import pytest

from pages.components.timeline.bundle import bundle
from tests.components.timeline.bench import ENTRY, FOLDER, run_node

FILES = sorted(FOLDER.glob("*.js"))
TOP_LEVEL = re.compile(r"^(?:export (?:default )?)?(?:const|let|function|class) (\w+)", re.M)
IMPORTS = re.compile(r'^import \{([^}]*)\} from "\./([\w-]+\.js)";$', re.M)


def code(file: Path) -> str:
    """A file without its comments."""
    return re.sub(r"/\*.*?\*/|//[^\n]*", "", file.read_text(encoding="utf-8"), flags=re.S)


def imported(file: Path) -> set[str]:
    return {
        name.strip()
        for names, _ in IMPORTS.findall(code(file))
        for name in names.split(",")
        if name.strip()
    }


def test_the_bundle_is_a_module_that_node_accepts_and_imports_nothing(tmp_path: Path) -> None:
    joined = tmp_path / "bundle.mjs"
    joined.write_text(bundle(ENTRY), encoding="utf-8")
    run_node("--check", str(joined))
    assert "import" not in re.sub(r"//[^\n]*|/\*.*?\*/", "", joined.read_text(), flags=re.S)


def test_no_name_stands_in_two_files() -> None:
    names = [name for file in FILES for name in TOP_LEVEL.findall(code(file))]
    assert sorted({name for name in names if names.count(name) > 1}) == []


def test_every_file_is_in_the_bundle_once() -> None:
    joined = bundle(ENTRY)
    headers = [file.read_text(encoding="utf-8").splitlines()[0] for file in FILES]
    assert [header for header in headers if not header.startswith("// ")] == []
    assert [header for header in headers if joined.count(header) != 1] == []


def test_the_files_also_link_as_modules_of_their_own(tmp_path: Path) -> None:
    """So an import of a name that another file does not export fails here."""
    for file in FILES:
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "package.json").write_text('{"type": "module"}')
    entry = (tmp_path / ENTRY.name).as_uri()
    said = run_node("--input-type=module", "-", script=f'console.log(await import("{entry}"))')
    assert "default" in said


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_file_imports_what_it_uses_of_others_and_nothing_else(file: Path) -> None:
    own = code(file)
    elsewhere = {
        name for other in FILES if other != file for name in TOP_LEVEL.findall(code(other))
    }
    without = IMPORTS.sub("", own)
    used = set(re.findall(r"(?<![\w.])(\w+)(?=\()|(?<![\w.])([A-Z]\w+)", without))
    called = {name for pair in used for name in pair if name}
    assert called & elsewhere - set(TOP_LEVEL.findall(own)) - imported(file) == set()
    assert [name for name in imported(file) if not re.search(rf"\b{name}\b", without)] == []


def test_a_file_comes_after_what_it_imports_and_only_once(tmp_path: Path) -> None:
    files = {
        "entry.js": 'import { b } from "./b.js";\nimport {\n  a,\n} from "./a.js";\nb(a);\n',
        "b.js": '// B.\n\nimport { a } from "./a.js";\n\nexport const b = a;\n',
        "a.js": "export const a = 1;\n",
    }
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


def test_no_file_is_longer_than_250_lines() -> None:
    assert [f.name for f in FILES if len(f.read_text("utf-8").splitlines()) > 250] == []


def test_other_peoples_names_are_never_read_as_markup() -> None:
    source = bundle(ENTRY)
    assert "textContent" in source
    for door in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert door not in source
