"""Random sequences of commands, faults and time on a controller: `python -m benchmarks.states --sequences 20000`.

Every step is judged by the transitions of ANSI/ISA-TR88.00.02; a sequence that fails is printed as the program that
makes it fail again. `--part 1/4` runs a quarter, drawn apart from the others; benchmarks/results/states.json adds up.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from typing import ClassVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from benchmarks.kept import add_up, table
from line.state import TRANSITIONS, Command, State
from tests.unit.line.state_machine import Commands


class Counted(Commands):
    """The same, counted."""

    sequences = steps = 0
    met: ClassVar[Counter[tuple[str, str]]] = Counter()

    def teardown(self) -> None:
        Counted.sequences += 1
        Counted.steps += len(self.rig.journal.events(None, ["batch.state", "unit.state", "command.refused"]))
        for entry in self.rig.events("command.refused"):
            Counted.met[entry["state"], entry["command"]] += 1
        super().teardown()


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.states", description=__doc__)
    parser.add_argument("--sequences", type=int, default=20_000, help="of all parts together")
    parser.add_argument("--steps", type=int, default=50, help="at most, of one sequence")
    parser.add_argument("--part", default="1/1", help="K/N: only the K-th of N parts")
    given = parser.parse_args()
    begun = time.process_time()
    chosen = settings(
        max_examples=given.sequences // int(given.part.partition("/")[2]), stateful_step_count=given.steps,
        deadline=None, database=None, phases=[Phase.generate, Phase.shrink], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    run_state_machine_as_test(Counted, settings=chosen)
    row = {
        "sequences": Counted.sequences, "transitions": Counted.steps, "refused": Counted.met.total(),
        "illegal": 0, "unsafe": 0, "cpu s": round(time.process_time() - begun),
    }  # fmt: skip
    pairs = len(State) * len(Command) - len(TRANSITIONS)
    print(f"{len(Counted.met)} of {pairs} illegal pairs were met in this part, each refused")
    command = f"python -m benchmarks.states --sequences {given.sequences} --steps {given.steps}"
    table(add_up("states", command, given.part, [{"steps": "commands, faults and time", **row}], []))
    return 0


if __name__ == "__main__":
    sys.exit(main())
