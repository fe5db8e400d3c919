"""What a trial of a fault found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass
class Result:
    """What a trial found. Times in seconds: `struck` process time, `noticed` after it, `safe_after` after that."""

    id: str
    struck: float | None = None
    noticed: float | None = None
    noticed_by: str = ""
    state: str = ""
    safe_after: float | None = None
    lost: float = 0.0
    alarms: tuple[str, ...] = ()
    ledger: Mapping[str, int] = field(default_factory=dict)
    values: Mapping[str, float] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    note: str = ""

    def add(self, problem: str) -> None:
        """Something is not as it must be; "" is nothing."""
        if problem:
            self.problems = (*self.problems, problem)

    def ended(self, state: str, *, by: str, after: float = 0.0) -> Result:
        """The end of a check: `by` noticed it `after` s, nothing has moved."""
        self.state, self.noticed_by, self.noticed = state, by, after
        self.struck = self.safe_after = 0.0
        return self

    @property
    def met(self) -> bool:
        """Whether everything that was expected came true."""
        return not self.problems
