"""Static checks of a recipe on a line: everything that can be known before anything moves, all at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from protocols.checks import bottles, electroporation, lyophilization, order, outcome, ranges, roles, sec, tff
from protocols.checks.plan import ERROR, WARNING, Finding, Plan
from protocols.load import LoadError
from protocols.model import Recipe
from protocols.resolve import for_volume
from vesiflow.documents import Problem
from vesiflow.line_profile import LineProfile

__all__ = ["CHECKS", "ERROR", "WARNING", "Finding", "check", "refuse"]

Check = Callable[[Plan], Iterable[Finding]]

CHECKS: Mapping[str, tuple[Check, ...]] = {
    "values, order, roles": (ranges.ranges, order.order, roles.roles),
    "bottles": (bottles.bottles,),
    "tff": tff.CHECKS,
    "sec": sec.CHECKS,
    "electroporation": electroporation.CHECKS,
    "lyophilization": lyophilization.CHECKS,
    "the batch": outcome.CHECKS,
}
"""Subject -> its checks, in the order they run."""

WITHOUT_ARITHMETIC = ("values, order, roles",)
"""What is checked when a value is so far outside its range that computing with it makes no sense."""


def check(recipe: Recipe, profile: LineProfile, *, volume: float | None = None) -> list[Finding]:
    """What is wrong (errors) or worth a look (warnings), sorted by line; `volume` m^3 scales the batch first."""
    plan = Plan(for_volume(recipe, volume), profile)
    subjects = CHECKS if ranges.computable(plan) else WITHOUT_ARITHMETIC
    found = {finding for subject in subjects for one in CHECKS[subject] for finding in one(plan)}
    return sorted(found, key=lambda finding: (finding.line, finding.severity, finding.path, finding.reason))


def refuse(recipe: Recipe, findings: Iterable[Finding]) -> None:
    """LoadError with every finding that is an error; nothing when there is none."""
    file = recipe.document.file
    errors = [Problem(file, f.line, f.path, f.reason) for f in findings if f.severity == ERROR]
    if errors:
        raise LoadError(errors)
