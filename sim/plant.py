"""One coupled world per line: all units, bottles and people, advanced lazily to the time of the clock.

Nothing runs by itself: whoever reads a sensor or moves an actuator first brings that unit up to `now()`. Units touch
each other only through bottles that people and the robot carry, so each may lag behind the others until then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

from sim.config import SimulationConfig
from sim.ledger import Account, Ledger, balance
from sim.material import Material
from sim.people import People
from sim.sec_skid import SecSkid
from sim.sensing import Instrument, generator
from sim.store import Store
from sim.tff_skid import TffSkid


class Plant:
    """All twins of a line. `sensor` and the twins' own methods are what emulators are wired to."""

    def __init__(self, config: SimulationConfig, now: Callable[[], float]) -> None:
        self.config = config
        self.now = now
        self.ledger = Ledger()
        self.store = Store(config, self.ledger)
        self.tff = TffSkid(config.tff, self.ledger)
        self.sec = SecSkid(config.sec, self.ledger, self.store.buffer_recipe)
        self.people = People(config, self.ledger, self.store, now, self.tff, self.sec)

    def sensor(self, name: str, truth: Callable[[], float]) -> Instrument:
        """The instrument `name` looking at `truth`, with its data-sheet errors and its own noise."""
        return Instrument(self.config.sensor(name), truth, self.now, self.random(name))

    def random(self, name: str) -> Random:
        """Random numbers of their own for whatever is called `name`."""
        return generator(self.config.seed, name)

    def advance(self) -> None:
        """Bring every unit to this moment."""
        now = self.now()
        self.tff.advance(now, exactly=True)
        self.sec.advance(now)

    def contents(self) -> Iterator[Material]:
        """Everything that stands anywhere, waste excepted."""
        yield from self.store.contents()
        yield from self.tff.contents()
        yield from self.sec.contents()

    def balance(self) -> dict[str, Account]:
        """Volume, particles, protein, cargo and every other group: what came in against what is found."""
        self.advance()
        return balance(self.ledger, self.contents())
