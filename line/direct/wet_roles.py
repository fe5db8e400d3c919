"""Roles of the TFF and SEC skids straight on the plant: what a driver would do, with the same sensors behind it.

What an instrument really delivers (tubing, channel gains) is the plant's; what the line believes is the line file's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from devices.commands import Kind, command, read
from devices.readings import PressureControl, PumpState, Quality, Reading, TubePosition, ValvePosition
from sim.plant import Plant
from sim.sensing import Instrument

Sensor = Callable[[], float]


class Probe:
    """A sensor that answers every reading method of the roles it can stand for."""

    def __init__(self, sensor: Instrument, now: Sensor) -> None:
        self._sensor = sensor
        self._now = now
        self._tare = 0.0

    def _reading(self) -> Reading:
        value = self._sensor() - self._tare
        return Reading(value, self._now(), Quality.OVER if self._sensor.clipped and value > 0.0 else Quality.GOOD)

    @read
    async def read_mass(self) -> Reading:
        return self._reading()

    @read
    async def read_conductivity(self) -> Reading:
        return self._reading()

    @read
    async def read_absorbance(self) -> Reading:
        return self._reading()

    @read
    async def read_temperature(self) -> Reading:
        return self._reading()

    @command(Kind.SETPOINT)
    async def tare(self) -> None:
        """What stands on the balance is zero from now on."""
        self._tare = self._sensor()


class DirectPump:
    """`deliver` makes the plant pump; a pump that stands keeps its flow for the next start."""

    def __init__(self, deliver: Callable[[float], None]) -> None:
        self._deliver = deliver
        self._flow = 0.0
        self._running = False

    @command(Kind.SETPOINT)
    async def set_flow(self, flow: float) -> None:
        self._flow = flow
        if self._running:
            self._deliver(flow)

    @command(Kind.SETPOINT)
    async def start(self) -> None:
        if not self._running:
            self._running = True
            self._deliver(self._flow)

    @command(Kind.SETPOINT, safe=True)
    async def stop(self) -> None:
        if self._running:
            self._running = False
            self._deliver(0.0)

    @read
    async def read_pump(self) -> PumpState:
        return PumpState(self._flow, self._running)


class DirectChromatographyPump(DirectPump):
    """With its pressure; the trip is left to the limit of every scan."""

    def __init__(self, deliver: Callable[[float], None], pressure: Instrument, now: Sensor) -> None:
        super().__init__(deliver)
        self._pressure = pressure
        self._now = now

    @read
    async def read_pressure(self) -> Reading:
        return Reading(self._pressure(), self._now())

    @command(Kind.SETPOINT)
    async def set_pressure_limit(self, pressure: float) -> None:
        """Kept by nobody: see above."""


class DirectPressures:
    """Several pressure sensors."""

    def __init__(self, sensors: Mapping[str, Instrument], now: Sensor) -> None:
        self._sensors = sensors
        self._now = now

    @read
    async def read_pressures(self) -> Mapping[str, Reading]:
        now = self._now()
        return {name: Reading(sensor(), now) for name, sensor in self._sensors.items()}


class DirectBackPressure:
    """The dome regulator of the TFF skid."""

    def __init__(self, plant: Plant, sensor: Instrument) -> None:
        self._plant = plant
        self._sensor = sensor
        self._setpoint = 0.0

    @command(Kind.SETPOINT)
    async def set_pressure(self, pressure: float) -> None:
        self._setpoint = pressure
        self._plant.tff.set_dome(pressure, self._plant.now())

    @read
    async def read_pressure(self) -> PressureControl:
        return PressureControl(Reading(self._sensor(), self._plant.now()), self._setpoint)


class DirectValve:
    """Stands at a named position; `move` turns the plant's valve to a port."""

    def __init__(self, positions: Mapping[str, str], move: Callable[[int], None]) -> None:
        self._ports = {name: _port(at) for name, at in positions.items()}
        self._move = move
        self._position = next(iter(self._ports), "")

    @command(Kind.SETPOINT)
    async def move_to(self, position: str) -> None:
        self._move(self._ports[position])
        self._position = position

    @read
    async def read_position(self) -> ValvePosition:
        return ValvePosition(self._position)


def _port(written: str) -> int:
    """ "A" and "B" of a two-position valve are 1 and 2, like the numbers of a selector."""
    return int(written) if written.isdigit() else ord(written.upper()) - ord("A") + 1


class DirectCollector:
    """Fraction collector with its diverter."""

    def __init__(self, plant: Plant) -> None:
        self._plant = plant

    @command(Kind.SETPOINT)
    async def go_to(self, tube: int) -> None:
        self._plant.sec.go_to(tube, self._plant.now())

    @command(Kind.SETPOINT, safe=True)
    async def collect(self, on: bool) -> None:
        self._plant.sec.divert(not on, self._plant.now())

    @read
    async def read_tube(self) -> TubePosition:
        return TubePosition(self._plant.sec.tube, True)
