"""Names that try to run code where an export is executed or opened, and a look at whether one did.

A name alone may do no harm while two do: one that changes how a file is read (an encoding, an
editor's mode line) and one that ends the text it stands in once it is read so.
"""

from __future__ import annotations

import itertools
import json
import runpy
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

TRACE = "TRACE"
"""What a name that has run leaves in the working directory."""

_CODECS = (
    "unicode_escape",
    "raw_unicode_escape",
    "utf-7",
    "utf_16",
    "rot13",
    "latin-1",
    "cp037",
    "zlib",
    "idna",
    "undefined",
)
_COOKIES = (
    "coding:{}",
    "coding={}",
    "-*- coding: {} -*-",
    "x vim: set fileencoding={} :",
    "vim:fenc={}",
    "encoding : {}",
)
READ_OTHERWISE = (
    *(cookie.format(codec) for cookie in _COOKIES for codec in _CODECS[:4]),
    *(_COOKIES[0].format(codec) for codec in _CODECS[4:]),
    '-*- eval: (make-directory "TRACE") -*-',
    "Local Variables:",
    'eval: (make-directory "TRACE")',
    "ex: set makeprg=mkdir\\ TRACE :",
    "vim>703: set exrc :",
    "!TeX program = sh -c 'mkdir TRACE'",
    "&latex --shell-escape",
    "!/bin/sh -c 'mkdir TRACE'",
    "/// script",
)
ENDS_ITS_TEXT = (
    "\"'+str(__import__('os').mkdir('TRACE'))+'",
    "'\"+str(__import__('os').mkdir('TRACE'))+\"",
    "+ACIAKw-str(__import__(+ACc-os+ACc-).mkdir(+ACc-TRACE+ACc-))+ACsAIg-",
    r"\x22+str(__import__('os').mkdir('TRACE'))+\x22",
    r"\u0022+str(__import__('os').mkdir('TRACE'))+\u0022",
    r"\N{QUOTATION MARK}+str(__import__('os').mkdir('TRACE'))+'",
    "\\\"+str(__import__('os').mkdir('TRACE'))#",
    '"""\\',
    "\u2028__import__('os').mkdir('TRACE')\u2029",
    "{__import__('os').mkdir('TRACE')}",
    "%(x)s ${x} $x {0}",
    "'; mkdir TRACE; '",
    "`mkdir TRACE` $(mkdir TRACE)",
    "\\' || mkdir TRACE #",
    "- a: !!python/object/apply:os.mkdir [TRACE]",
    "' #\\",
    "</script><script>open('TRACE')</script>",
    "<img src=x onerror=\"document.title='TRACE'\">",
    "]]> --> <!DOCTYPE x SYSTEM 'file:///etc/passwd'>",
    r"\immediate\write18{mkdir TRACE}",
    r"\end{table}\input{/etc/passwd}",
    "=cmd|' /C mkdir TRACE'!A0",
    '=HYPERLINK("http://a.b")',
    "@SUM(1+1)",
    "__proto__",
    "a\u200bb\u00ad\u2066"[:-1],
    "日本語 🧊 ñ ＝1",
    "x" * 80,
)
NAMES = READ_OTHERWISE + ENDS_ITS_TEXT
REFUSED = (
    *(f"a{sign}b" for sign in "\n\r\0\t\v\f\x1b\x1c\x85"),
    "a\r\nimport os",
    *(f"{sign}b" for sign in "\u202e\u202a\u2066\u2069"),
    "x" * 200,
    "\ufeff",
)
"""Names that no schedule can have: line breaks, control characters, what turns the reading
direction, 200 characters, and only what cannot be seen."""


class _StandIn(ModuleType):
    """A trainer's module that has every class, so that a file that imports it runs to its end."""

    __path__: tuple[str, ...] = ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


class _StandIns:
    """Finds and loads stand-ins for the trainers that exports import."""

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        of = name.partition(".")[0]
        trainers = ("lightning", "finetuning_scheduler", "transformers", "fastai")
        return ModuleSpec(name, self, is_package=True) if of in trainers else None  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


def run_files(folder: Path) -> dict[str, list[str]]:
    """Execute every Python file of the folder as a file; the names of its groups, by its name."""
    sys.meta_path.insert(0, _StandIns())  # type: ignore[arg-type]
    found = {}
    for file in sorted(folder.glob("*.py")):
        groups = runpy.run_path(str(file), run_name="exported")["GROUPS"]
        found[file.name] = [group["name"] for group in groups]
    return found


def rotations(count: int) -> list[tuple[str, ...]]:
    """Names for `count` groups, so often that each of ENDS_ITS_TEXT is there once or more."""
    endless = itertools.cycle(ENDS_ITS_TEXT)
    rounds = -(-len(ENDS_ITS_TEXT) // count)
    return [tuple(itertools.islice(endless, count)) for _ in range(rounds)]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run_files(Path(sys.argv[1]))))
