"""The Problems card: what is wrong or unwise, with the fixes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import streamlit as st

from core.design.problems import Problem
from pages.components import frame, state


def problem_list(problems: Sequence[Problem]) -> None:
    """Draw the card; a fix is applied at once and can be undone."""
    with frame.card("problems", "Problems", _summary(problems)):
        if not problems:
            st.caption("Nothing to say against this schedule.")
        for number, problem in enumerate(problems, start=1):
            with st.container(key=f"problem-{number}", gap="xsmall"):
                st.html(
                    f'<div class="thaw-problem"><span class="thaw-disc thaw-{problem.severity}">'
                    f"{number}</span><code>{problem.code}</code> "
                    f"<span>{problem.severity}</span></div>"
                )
                st.markdown(frame.escape_markdown(problem.message))
                if problem.fix is not None:
                    st.button(
                        frame.escape_markdown(problem.fix.label),
                        key=f"fix-{problem.code}-{problem.path}",
                        on_click=lambda fix=problem.fix: state.edit(lambda _: fix.schedule),
                    )


def _summary(problems: Sequence[Problem]) -> str:
    counts = Counter(problem.severity for problem in problems)
    words = [f"{n} {kind}{'s' if n > 1 else ''}" for kind, n in counts.items()]
    return ", ".join(words) or "none"
