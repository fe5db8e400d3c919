"""A whole batch on a simulated line hosted here, with nobody attending: what `simulate` and campaigns run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from devices.line_file import LineFile
from line.client import Watcher
from line.connect import reached
from line.prepare import Prepared
from line.procedure import Outcome, Procedure
from line.troubled import troubled
from protocols.control import ControlRecipe
from records.store import Store
from sim.faults.model import Fault
from sim.faults.unknown import refuse_phases
from vesiflow.errors import ConfigError


@dataclass(frozen=True)
class Simulation:
    """What is simulated, where, under which id, and what goes wrong meanwhile."""

    recipe: ControlRecipe
    line: LineFile
    seed: int
    faults: tuple[Fault, ...] = ()
    tell: Callable[[Sequence[str]], None] = lambda lines: None
    warn: Callable[[Sequence[str]], None] = lambda lines: None

    @property
    def batch(self) -> str:
        """The same for the same recipe and seed."""
        return f"sim-{self.recipe.recipe}-{self.seed}"[:64]

    async def run(self, store: Store, who: str, watch: Watcher | None = None) -> Outcome:
        """All phases in order; a batch that the line holds is stopped."""
        if self.faults:
            return await self._troubled(store, who, watch)
        async with reached(self.line, store, seed=self.seed) as client:
            return await Procedure(client, self.recipe, self.batch, who, watch, attended=False).run()

    async def _troubled(self, store: Store, who: str, watch: Watcher | None) -> Outcome:
        """The same while things go wrong; what became of the faults goes to `tell`, those that did nothing to
        `warn`."""
        async with troubled(self.line, store, self.faults, self.seed) as found:
            try:
                client = found.host.client
                return await Procedure(client, self.recipe, self.batch, who, watch, attended=False).run()
            finally:
                found.scene.director.look()
                self.tell(found.scene.director.told())
                self.warn(found.scene.director.missed())


def simulation(found: Prepared, seed: int, faults: tuple[Fault, ...] = ()) -> Simulation:
    """The simulation of what was prepared; ConfigError when an instrument of the line is real, or
    when a fault waits for a phase that the recipe has not."""
    real = [name for name, spec in found.line.instruments.items() if not spec.at.startswith("sim://")]
    if found.line.simulation is None or real:
        raise ConfigError(
            "this line is not simulated",
            device=found.line.name,
            value=", ".join(real) or None,
            remedy="use `vesiflow run` for real instruments",
        )
    refuse_phases(faults, {phase.kind for phase in found.recipe.phases()})
    return Simulation(found.recipe, found.line, seed, faults)
