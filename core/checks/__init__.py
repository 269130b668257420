"""What is wrong with a schedule, or unwise, and how to mend it: the meaning behind the fields.

An error refuses to run; a warning and a hint do not. A fix is the mended schedule itself.
"""

from core.checks.check import CHECKS, MAX_OF_A_KIND, errors, problems, refuse_errors
from core.checks.facts import Facts
from core.checks.problem import Fix, Problem, Severity

__all__ = [
    "CHECKS",
    "MAX_OF_A_KIND",
    "Facts",
    "Fix",
    "Problem",
    "Severity",
    "errors",
    "problems",
    "refuse_errors",
]
