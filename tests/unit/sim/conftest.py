"""A plant whose clock the test moves, for the tests of the twins."""

from __future__ import annotations

import pytest

from sim.lines import build
from sim.plant import Plant

ML = 1e-6
ML_MIN = 1e-6 / 60.0
KDA = 1.66053907e-24
PSI = 6894.757
FEED = 88.0 / 1.47 / 60.0  # rev/s for 4000 1/s in 30 fibres of 0.5 mm


class Rig:
    """`t` is now; `ask` lets the people act and waits until they have answered."""

    def __init__(self, **simulation: object) -> None:
        self.t = 0.0
        self.line = build(simulation, lambda: self.t)
        self.plant: Plant = self.line.plant
        self.skid = self.plant.tff

    def wait(self, seconds: float, every: float = 2.0) -> None:
        end = self.t + seconds
        while self.t < end - 1e-9:
            self.t = min(self.t + every, end)
            self.skid.advance(self.t)

    def ask(self, action: str, fields: dict[str, str] | None = None, **details: object) -> dict[str, object]:
        values, seconds = self.plant.people.act(action, details, fields or {})
        self.t += seconds
        return values

    def mount(self) -> None:
        self.ask("install module", barcode="M1", cutoff=300 * KDA, area=0.0235, fibres=30, lumen=5e-4, length=0.499)

    def run(self, feed: float = FEED, permeate: float = 20.0, dome: float = 8000.0) -> None:
        self.skid.set_dome(dome, self.t)
        self.skid.set_drive(feed, self.t)
        self.skid.set_pump(0, permeate * ML_MIN, self.t)

    def stop(self) -> None:
        for channel in range(4):
            self.skid.set_pump(channel, 0.0, self.t)
        self.skid.set_drive(0.0, self.t)

    def concentrate(self, target: float) -> None:
        while self.skid.retentate.volume > target:
            self.wait(5.0)

    def drain(self, bottle: str, seconds: float = 120.0) -> None:
        self.ask("place bottle", bottle=bottle)
        self.skid.set_pump(2, 30 * ML_MIN, self.t)
        self.wait(seconds)
        self.skid.set_pump(2, 0.0, self.t)

    def closed(self) -> bool:
        """Whether nothing was lost or made: every balance within 1e-9."""
        return all(account.error < 1e-9 for account in self.plant.balance().values())


@pytest.fixture
def new_rig() -> type[Rig]:
    """Makes plants: `new_rig(seed=2)` is one with that `simulation:` section."""
    return Rig


@pytest.fixture
def rig() -> Rig:
    """A plant with all defaults."""
    return Rig()
