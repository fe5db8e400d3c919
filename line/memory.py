"""What a phase has behind it: steps passed and prompts answered, folded from the journal.

A phase whose controller died, or that goes on after a fault, runs its function again from the top. Whatever it did
once must not be done twice: a step that has passed is skipped, a prompt that was answered gives the same answer again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from records.journal import Journal
from vesiflow.ids import digest

STEP, ANEW, ASKED, ANSWERED, REFUSED = (
    "phase.step", "phase.anew", "prompt.asked", "prompt.answered", "prompt.refused",
)  # fmt: skip
STARTED = "phase.started"
KINDS = (STARTED, STEP, ANEW, ANSWERED, REFUSED)
BEGUN = "begun"


@dataclass
class Memory:
    """Of phase `key` of one batch. `steps` maps a step to the number kept with it.

    The step `BEGUN` has passed with the first start of the phase, at its date (s since 1970).
    """

    journal: Journal
    batch: str
    key: str
    steps: dict[str, float] = field(default_factory=dict)
    _answers: dict[str, dict[str, str]] = field(default_factory=dict)
    _turns: Counter[str] = field(default_factory=Counter)
    _tries: Counter[str] = field(default_factory=Counter)
    _rounds: int = 0

    def begin(self) -> None:
        """The phase function starts from the top: what the journal says of it, prompts counted from the first."""
        self.steps, self._answers, self._rounds = {}, {}, 0
        self._turns.clear()
        self._tries.clear()
        for entry in self.journal.events(self.batch, KINDS):
            if entry.data.get("key") == self.key:
                if entry.kind == STARTED:
                    self.steps.setdefault(BEGUN, entry.utc.timestamp())
                self._fold(entry.kind, entry.data)

    def _fold(self, kind: str, data: Mapping[str, Any]) -> None:
        if kind == STEP:
            self.steps[data["name"]] = float(data["value"])
        elif kind == ANSWERED and data.get("prompt"):
            self._answers[data["prompt"]] = dict(data["values"])
        elif kind == REFUSED:
            self._tries[data["prompt"].partition("~")[0]] += 1
            self._answers.pop(data["prompt"], None)
        elif kind == ANEW:
            self._rounds += 1
            self.steps.clear()
            self._answers.clear()

    def step(self, name: str, value: float = 1.0) -> None:
        """Step `name` has passed: durable."""
        self._write(STEP, name=name, value=value)

    def anew(self) -> None:
        """Nothing done so far counts any more: the phase will do all of it again."""
        self._write(ANEW)

    def prompt(self, action: str, details: Mapping[str, object]) -> str:
        """The name of the next prompt of this kind: the same for the same prompt in every run of the phase.

        Measured numbers do not belong to a name, for they differ from run to run.
        """
        said = {name: str(value) for name, value in details.items() if not isinstance(value, float)}
        base = f"{self.key} {action} {digest(said)[:8]}"
        self._turns[base] += 1
        name = f"{base} {self._turns[base]}"
        again = (self._rounds, self._tries[name])
        return f"{name}~{again[0]}.{again[1]}" if any(again) else name

    def answer(self, prompt: str) -> dict[str, str] | None:
        """What was answered to it before, None when nothing was."""
        return self._answers.get(prompt)

    def refuse(self, prompt: str) -> None:
        """Its answer is not accepted: it will be asked again."""
        self._write(REFUSED, prompt=prompt)

    def _write(self, kind: str, **data: Any) -> None:
        self.journal.event(kind, self.batch, key=self.key, **data)
        self._fold(kind, data)
