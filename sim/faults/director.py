"""Makes faults happen at their time. Like the plant it runs when somebody looks: at every byte on any wire.

All emulators of the bench are put behind `sim.wire.faulty.Faulty`; every byte to or from one of them first lets the
director see whether a fault is due, goes on or is over. So a fault strikes at the first byte at or after its moment,
the same in every run with the same seed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random

from sim.bench import Bench
from sim.faults.files import LOADED
from sim.faults.injectors import INJECTORS, Effect, Injector, Scene
from sim.faults.model import Fault, Level
from sim.faults.unknown import refuse_unknown
from sim.plant import Plant
from sim.wire.emulator import Emulator
from sim.wire.faulty import Faulty

assert LOADED

Values = Mapping[str, Callable[[], float]]


@dataclass
class Strike:
    """A fault and how far it has come; times in process seconds."""

    fault: Fault
    delay: float
    will: bool
    fired: float | None = None
    over: bool = False
    effect: Effect | None = None
    failed: str = ""
    _from: float | None = None

    @property
    def told(self) -> str:
        """What became of it."""
        if self.fired is None:
            return "never struck" if self.will else "was not to strike this time"
        if self.failed:
            return f"could not strike at {self.fired:.1f} s: {self.failed}"
        return f"struck at {self.fired:.1f} s"

    def missed(self, scene: Scene) -> str:
        """Why it did nothing in a run that is over; nothing when it struck, or when chance had spared the batch."""
        if self.failed or (self.fired is None and self.will):
            return f"could not strike: {self.failed}" if self.failed else f"never struck: {self._why_not(scene)}"
        return ""

    def _why_not(self, scene: Scene) -> str:
        when, now = self.fault.when, scene.now()
        if self._from is not None:
            return f"its moment was {self._from + self.delay:.0f} s and the run was over at {now:.0f} s"
        if when.event:
            return f"{when.event!r} happened {len(scene.plant.ledger.of(when.event))} of {when.count} times"
        if when.value:
            limits = [
                f"{name} {one:g}" for name, one in (("above", when.above), ("below", when.below)) if one is not None
            ]
            where = f" in phase {when.phase}" if when.phase else ""
            return f"{when.value} was never {' or '.join(limits)}{where}"
        return f"phase {when.phase} never ran" if when.phase else "the run was over before anything moved"

    def due(self, scene: Scene, values: Values, phase: str) -> bool:
        """Whether its moment has come."""
        if not self.will or self.fired is not None:
            return False
        if self._from is None:
            self._from = self._begin(scene, values, phase)
        return self._from is not None and scene.now() >= self._from + self.delay

    def _begin(self, scene: Scene, values: Values, phase: str) -> float | None:
        when = self.fault.when
        if when.event:
            seen = scene.plant.ledger.of(when.event)
            return seen[when.count - 1].at if len(seen) >= when.count else None
        if when.phase and not when.means(phase):
            return None
        if when.value:
            value = values[when.value]()
            met = (when.above is not None and value > when.above) or (when.below is not None and value < when.below)
            return scene.now() if met else None
        return scene.now() if when.phase else 0.0


@dataclass
class Director:
    """All faults of one run. `phase` tells which phase runs, for faults that wait for one; `look` is called by wires.

    `host` are the injectors of host faults, which only whoever runs the controller can have.
    """

    scene: Scene
    strikes: Sequence[Strike]
    phase: Callable[[], str] = lambda: ""
    watchers: list[Callable[[], None]] = field(default_factory=list)
    host: dict[str, Injector] = field(default_factory=dict)
    _busy: bool = False

    @property
    def fired_at(self) -> float | None:
        """When the first fault struck."""
        return min((one.fired for one in self.strikes if one.fired is not None), default=None)

    def told(self) -> Sequence[str]:
        """One line a fault: when it struck, or that it has not."""
        return [f"fault {one.fault.id} ({one.fault.what}): {one.told}" for one in self.strikes]

    def missed(self) -> Sequence[str]:
        """One line for every fault that did nothing in a run that is over, and why."""
        found = ((one.fault.id, one.missed(self.scene)) for one in self.strikes)
        return [f"fault {name} {why}" for name, why in found if why]

    def look(self) -> None:
        """Begin what is due, go on with what lasts, end what is over."""
        if self._busy:
            return
        self._busy = True
        try:
            for strike in self.strikes:
                self._one(strike)
        finally:
            self._busy = False
        for watch in self.watchers:
            watch()

    def end(self) -> None:
        """Undo whatever still lasts: the run is over."""
        for strike in self.strikes:
            if strike.effect is not None and not strike.over:
                strike.over = True
                strike.effect.undo()

    def _one(self, strike: Strike) -> None:
        now = self.scene.now()
        if strike.fault.level is Level.HOST and strike.fault.what not in self.host:
            return
        if strike.due(self.scene, values_of(self.scene.plant), self.phase()):
            strike.fired = now
            self.scene.plant.ledger.record(now, "fault", id=strike.fault.id, what=strike.fault.what)
            known = self.host if strike.fault.level is Level.HOST else INJECTORS
            try:
                strike.effect = known[strike.fault.what](self.scene, strike.fault.settings)
            except (ValueError, LookupError, AttributeError) as error:  # nothing to break there at this moment
                strike.failed = f"{type(error).__name__}: {error}"
        if strike.fired is None or strike.over or strike.effect is None:
            return
        lasts = strike.fault.when.lasts
        if lasts is not None and now >= strike.fired + lasts:
            strike.over = True
            strike.effect.undo()
        else:
            strike.effect.tick(now - strike.fired)


VALUES: Mapping[str, Callable[[Plant], float]] = {
    "tff.feed": lambda plant: plant.tff.drive,
    "tff.permeate": lambda plant: plant.tff.pumps[0],
    "tff.buffer": lambda plant: plant.tff.pumps[1],
    "tff.volume": lambda plant: plant.tff.loop.volume,
    "tff.permeated": lambda plant: plant.tff.permeate_mass(plant.now()),
    "sec.flow": lambda plant: plant.sec.flow,
    "sec.pumped": lambda plant: plant.sec.bed.volume,
    "sec.injector": lambda plant: float(plant.sec.injector),
    "sec.tube": lambda plant: float(plant.sec.tube),
    "lyo.shelf": lambda plant: plant.dryer.shelf,
    "lyo.setpoint": lambda plant: plant.dryer.setpoint,
    "lyo.pressure": lambda plant: plant.dryer.chamber.pressure,
}
"""What faults may wait for, in inside units."""


def values_of(plant: Plant) -> Values:
    """The values of one plant, each looked up when it is called."""
    return {name: partial(read, plant) for name, read in VALUES.items()}


class Watched(Faulty):
    """A wire with every fault, at whose every byte the director looks."""

    def __init__(self, now: Callable[[], float], emulator: Emulator, look: Callable[[], None]) -> None:
        super().__init__(now, emulator)
        self._look = look

    def receive(self, data: bytes) -> None:
        self._look()
        super().receive(data)
        self._look()


def attach(bench: Bench, plant: Plant, faults: Sequence[Fault], seed: int = 1) -> Director:
    """Put a director behind every wire of `bench`; before its ports are opened. ConfigError for an unknown fault."""
    refuse_unknown(faults, bench, plant, VALUES)
    rng = Random(f"{seed}:faults")
    wires: dict[str, Watched] = {}
    scene = Scene(plant, bench, wires, plant.now, rng)
    strikes = [
        Strike(one, one.when.after + rng.uniform(0.0, one.when.within), rng.random() < one.when.chance)
        for one in faults
    ]
    director = Director(scene, strikes)
    for address, emulator in bench.endpoints.items():
        wires[address] = Watched(plant.now, emulator, director.look)
    bench.endpoints = {**wires}
    return director
