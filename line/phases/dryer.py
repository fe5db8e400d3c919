"""What freezing and drying share: reading the freeze dryer and ramping its shelf."""

from __future__ import annotations

from dataclasses import dataclass

from devices.readings import Quality
from line.run import PhaseRun
from line.units import FreezeDryer

SCAN = 60.0
_STEP = 0.5  # K; finest step of a ramp, coarse enough to spare the circulator's set-point


@dataclass
class Conditions:
    """One scan: degC and Pa."""

    shelf: float
    centre: float
    edge: float
    condenser: float
    capacitance: float
    pirani: float
    setpoint: float
    running: bool

    @property
    def ratio(self) -> float:
        """Pirani over capacitance: 1.6 in water vapour, 1.0 in nitrogen."""
        return self.pirani / self.capacitance if self.capacitance > 0 else 0.0


async def read(run: PhaseRun, dryer: FreezeDryer) -> Conditions:
    """Read and log everything the dryer shows."""
    shelf = await dryer.shelf.read_circulator()
    pressures = await dryer.vacuum.read_pressures()
    pirani = run.reading("lyophilization.pirani", pressures["pirani"])
    # A capacitance gauge for drying ends at some 10 mbar: above it only the Pirani tells the pressure.
    over = pressures["capacitance"].quality is Quality.OVER
    capacitance = pirani if over else run.reading("lyophilization.capacitance", pressures["capacitance"])
    seen = Conditions(
        run.reading("lyophilization.shelf", shelf.temperature),
        run.reading("lyophilization.product_centre", await dryer.product_centre.read_temperature()),
        run.reading("lyophilization.product_edge", await dryer.product_edge.read_temperature()),
        run.reading("lyophilization.condenser", await dryer.condenser.read_temperature()),
        capacitance,
        pirani,
        shelf.setpoint,
        shelf.running,
    )
    run.log("lyophilization.shelf_setpoint", shelf.setpoint)
    run.log("lyophilization.ratio", seen.ratio)
    return seen


@dataclass
class ShelfRamp:
    """A set-point that moves at `rate` K/s from where it is to `target`, in steps the circulator can take."""

    run: PhaseRun
    dryer: FreezeDryer
    target: float
    rate: float
    _value: float | None = None
    _begin: tuple[float, float] = (0.0, 0.0)

    async def start(self) -> None:
        """Shelf on at the set-point this ramp has reached; the first time from the shelf's own temperature."""
        if self._value is None:
            state = await self.dryer.shelf.read_circulator()
            self._value = state.setpoint if state.running else state.temperature.value
            self._begin = (self.run.clock.now(), self._value)
        await self.dryer.shelf.set_temperature(round(self._value, 1))
        await self.dryer.shelf.start()

    @property
    def done(self) -> bool:
        """Whether the set-point has arrived."""
        return self._value == self.target

    async def move(self) -> None:
        """Advance the set-point to where the ramp is now."""
        began, origin = self._begin
        way = self.rate * (self.run.clock.now() - began)
        gap = self.target - origin
        wanted = self.target if way >= abs(gap) else origin + (way if gap > 0 else -way)
        if self._value is not None and (
            abs(wanted - self._value) >= _STEP or (wanted == self.target and not self.done)
        ):
            self._value = wanted
            await self.dryer.shelf.set_temperature(round(wanted, 1))
