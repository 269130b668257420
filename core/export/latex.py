"""A schedule as a LaTeX table with booktabs, for a paper."""

from __future__ import annotations

from collections.abc import Iterable

from core.errors import one_line
from core.export import rows
from core.export.export_result import FILE, Exported, ExportSource

_ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "-": "{-}",
    "'": "{'}",
    "`": "{`}",
    "[": "{[}",
    "]": "{]}",
    ":": "{:}",
    "=": "{=}",
}
"""Signs that LaTeX or a 7-bit font would set as something else, and signs that form ligatures.

The colon and the equals sign are here for vim, which reads settings from the first and last lines.
"""
_USAGE = f"""\
\\usepackage{{booktabs}}
\\usepackage[T1]{{fontenc}}  % for names beyond Latin: lualatex or xelatex, and a font that has them

\\input{{{FILE}}}
"""


def export(source: ExportSource) -> Exported:
    """Return a `table` with a row per group, the head last, and the facts in the caption.

    The run that is cited is in a paragraph below it.
    """
    schedule = source.schedule
    facts = _list(rows.in_words(schedule))
    run = rf"""
  \par\smallskip
  \parbox{{\linewidth}}{{\footnotesize A run of it. {escaped(_list(source.run))}.}}"""
    body = "\n".join(f"    {_line(row)}" for row in rows.rows(source))
    text = rf"""% Made with Thaw
\begin{{table}}
  \centering
  \caption{{{escaped(schedule.name)}. {escaped(facts)}. Epochs count from 0.}}
  \begin{{tabular}}{{llrrl}}
    \toprule
    {" & ".join(rows.COLUMNS)} \\
    \midrule
{body}
    \bottomrule
  \end{{tabular}}{run if source.run else ""}
\end{{table}}
"""
    return Exported(text, rows.limitations(), preserved=rows.PRESERVED, usage=_USAGE)


def _list(facts: Iterable[tuple[str, str]]) -> str:
    return "; ".join(f"{what}: {value}" for what, value in facts)


def escaped(text: str) -> str:
    """Return the text escaped, so that LaTeX sets it as it is."""
    return "".join(_ESCAPES.get(sign, sign) for sign in one_line(text))


def _line(row: rows.Row) -> str:
    parts = ", ".join(rf"\texttt{{{escaped(path)}}}" for path in row.modules)
    size = "" if row.parameters is None else f"{row.parameters:,}"
    cells = (escaped(row.name), parts, size, _number(rows.rate(row.peak)), row.trains())
    return f"{' & '.join(cells)} \\\\"


def _number(text: str) -> str:
    r"""Return a number in math mode: `1e-6` is $10^{-6}$, `5e-6` is $5 \times 10^{-6}$."""
    digits, _, power = text.partition("e")
    if not power:
        return f"${digits}$"
    factor = "" if digits == "1" else rf"{digits} \times "
    return f"${factor}10^{{{int(power)}}}$"
