"""Checks of what a schedule means: what is wrong or unwise in it, and how to mend it.

A schedule with an error does not run; one with warnings and hints does. A fix is the mended
schedule itself.
"""

from core.checks.check import CHECKS, MAX_OF_A_KIND, errors, problems, refuse_errors
from core.checks.facts import ScheduleFacts
from core.checks.problem import Fix, Problem, Severity

__all__ = [
    "CHECKS",
    "MAX_OF_A_KIND",
    "Fix",
    "Problem",
    "ScheduleFacts",
    "Severity",
    "errors",
    "problems",
    "refuse_errors",
]
