"""One coupled world per line: all units, bottles and people, advanced lazily to the time of the clock.

Nothing runs by itself: whoever reads a sensor or moves an actuator first brings that unit up to `now()`. Units touch
each other only through bottles that people and the robot carry, so each may lag behind the others until then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

from sim.config import SimulationConfig
from sim.electroporation_station import ElectroporationStation
from sim.freeze_dryer import FreezeDryer
from sim.hands import Hands
from sim.ledger import Account, Ledger, balance
from sim.material import Material
from sim.people import People
from sim.people_product import DryerHands, PulseHands
from sim.people_wet import ColumnHands, FilterHands
from sim.robot_deck import RobotDeck
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
        self.sensors: dict[str, Instrument] = {}
        self.store = Store(config, self.ledger)
        self.tff = TffSkid(config.tff, self.ledger)
        self.sec = SecSkid(config.sec, self.ledger, self.store.buffer_recipe)
        self.station = ElectroporationStation(config.electroporation, self.ledger, self.random("electroporation"))
        self.dryer = FreezeDryer(config.lyophilization, self.ledger, self.random("vials"))
        vial = config.lyophilization.vial_volume
        self.deck = RobotDeck(self.ledger, self.store, self.station, self.random("robot"), vial)
        hands = Hands(config.people, self.ledger, self.store, now, self.random("laboratory"))
        self.people = People(
            hands,
            FilterHands(hands, self.tff),
            ColumnHands(hands, self.sec),
            PulseHands(hands, self.station, self.deck),
            DryerHands(hands, self.dryer, self.deck),
        )

    def sensor(self, name: str, truth: Callable[[], float]) -> Instrument:
        """The instrument `name` looking at `truth`, with its data-sheet errors and its own noise."""
        self.sensors[name] = Instrument(self.config.sensor(name), truth, self.now, self.random(name))
        return self.sensors[name]

    def random(self, name: str) -> Random:
        """Random numbers of their own for whatever is called `name`."""
        return generator(self.config.seed, name)

    def advance(self) -> None:
        """Bring every unit to this moment."""
        now = self.now()
        self.tff.advance(now, exactly=True)
        self.sec.advance(now)
        self.dryer.advance(now, exactly=True)

    def contents(self) -> Iterator[Material]:
        """Everything that stands anywhere, waste excepted."""
        yield from self.store.contents()
        yield from self.tff.contents()
        yield from self.sec.contents()
        yield from self.station.contents()
        yield from self.deck.contents()
        yield from self.dryer.contents()

    def balance(self) -> dict[str, Account]:
        """Volume, particles, protein, cargo and every other group: what came in against what is found."""
        self.advance()
        return balance(self.ledger, self.contents())
