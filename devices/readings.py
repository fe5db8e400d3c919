"""What instruments tell us. Values are plain floats in the inside units, typed by what they measure.

The dimension in a type is what lets a person write "88 mL/min" and read "88 mL/min" (`devices/by_hand.py`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from vesiflow import quantities

Flow = Annotated[float, quantities.FLOW]
Pressure = Annotated[float, quantities.PRESSURE]
Vacuum = Annotated[float, quantities.VACUUM]
Temperature = Annotated[float, quantities.TEMPERATURE]
Speed = Annotated[float, quantities.SPEED]
Voltage = Annotated[float, quantities.VOLTAGE]
Duration = Annotated[float, quantities.DURATION]
Length = Annotated[float, quantities.LENGTH]
Capacitance = Annotated[float, quantities.CAPACITANCE]
Resistance = Annotated[float, quantities.RESISTANCE]
Volume = Annotated[float, quantities.VOLUME]


class Quality(StrEnum):
    """Why a value may or may not be used; only GOOD is a number to act on."""

    GOOD = "good"
    UNSTABLE = "unstable"  # a number, but the instrument says it is still settling
    UNDER = "under range"
    OVER = "over range"
    ABSENT = "sensor absent"
    FAULT = "sensor fault"
    BUSY = "busy"


@dataclass(frozen=True, slots=True)
class Reading:
    """One value, when it was taken (process time, s) and whether it may be used; NaN when it may not."""

    value: float
    at: float
    quality: Quality = Quality.GOOD

    @property
    def usable(self) -> bool:
        return self.quality in (Quality.GOOD, Quality.UNSTABLE) and math.isfinite(self.value)


MassReading = Annotated[Reading, quantities.MASS]
PressureReading = Annotated[Reading, quantities.PRESSURE]
VacuumReading = Annotated[Reading, quantities.VACUUM]
TemperatureReading = Annotated[Reading, quantities.TEMPERATURE]
ConductivityReading = Annotated[Reading, quantities.CONDUCTIVITY]
AbsorbanceReading = Annotated[Reading, quantities.ABSORBANCE]


def bad(quality: Quality, at: float) -> Reading:
    """A reading that is no number."""
    return Reading(math.nan, at, quality)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who answers on a link; `serial_number` is empty where the instrument has none on the wire."""

    vendor: str
    model: str
    serial_number: str = ""
    firmware: str = ""


@dataclass(frozen=True, slots=True)
class PumpState:
    """Set flow (m^3/s) and whether the pump turns."""

    flow: Flow
    running: bool


@dataclass(frozen=True, slots=True)
class PressureControl:
    """Measured and set pressure (Pa gauge)."""

    pressure: PressureReading
    setpoint: Pressure


@dataclass(frozen=True, slots=True)
class CirculatorState:
    """Bath temperature and set-point (degC) and whether it circulates and controls."""

    temperature: TemperatureReading
    setpoint: Temperature
    running: bool


@dataclass(frozen=True, slots=True)
class ShakerState:
    """Temperature and set-point (degC), whether it controls; measured and set speed (1/s); plate clamp closed."""

    temperature: TemperatureReading
    setpoint: Temperature
    controls: bool
    speed: Speed
    speed_setpoint: Speed
    shaking: bool
    clamped: bool


@dataclass(frozen=True, slots=True)
class TubePosition:
    """Tube under the outlet (1-based, 0 undefined) and whether the arm stands still."""

    tube: int
    still: bool


@dataclass(frozen=True, slots=True)
class ValvePosition:
    """Position name as the line file calls it, and the actuation counter where there is one."""

    position: str
    count: int | None = None


@dataclass(frozen=True, slots=True)
class PulseProgram:
    """A pulse as uploaded: volts, s, F, ohm (0 none), m. `width` for square, `capacitance` for exponential."""

    name: str
    shape: str  # "exponential" | "square"
    voltage: Voltage
    pulses: int
    interval: Duration
    gap: Length
    width: Duration = 0.0
    capacitance: Capacitance = 0.0
    resistance: Resistance = 0.0


@dataclass(frozen=True, slots=True)
class PulseLog:
    """What the instrument measured: one entry a pulse (V, s, ohm), its result text and its status words."""

    path: str
    program: PulseProgram
    voltages: tuple[Voltage, ...]
    time_constants: tuple[Duration, ...]
    loads: tuple[Resistance, ...]
    result: str
    status_ok: bool


@dataclass(frozen=True, slots=True)
class Transfer:
    """One movement of liquid: `volume` m^3 from `source` to `target`, wells named "labware:A1".

    `tips`: "new" takes a fresh tip, "same" goes on with the one in use, "auto" keeps it while it stays clean.
    """

    source: str
    target: str
    volume: Volume
    liquid: str
    mix: bool = False
    tips: str = "auto"


@dataclass(frozen=True, slots=True)
class Ends:
    """Both ends of one transfer: whether it was drawn from its source and given to its target; None: nobody knows."""

    drawn: bool | None
    given: bool | None


MADE, UNTOUCHED, IN_DOUBT = Ends(True, True), Ends(False, False), Ends(None, None)


@dataclass(frozen=True, slots=True)
class TransferReport:
    """What is known of an order of transfers: the first `done` of `total` happened, the next `doubt` may have.

    Where the handler knows better, channel by channel, `ends` says it of every transfer; `done` and `doubt` then only
    count. `tips` are the places ("tips_300_1:A1") tips were taken from, `run` the robot's name for the order, `detail`
    its own words about what went wrong.
    """

    total: int
    done: int
    doubt: int = 0
    tips: tuple[str, ...] = ()
    run: str = ""
    detail: str = ""
    ends: tuple[Ends, ...] = ()


@dataclass(frozen=True, slots=True)
class OrderDocument:
    """What is sent to an instrument for an order: a text, its SHA-256, and that of every definition that goes along."""

    name: str
    text: str
    sha256: str
    definitions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What the instrument itself kept of a run: copied, because it forgets.

    `analysis_sha256` is of the analysis as canonical JSON, `definitions` are SHA-256 of the labware it used by load
    name. `offsets` and `parameters` are as the run has them, `commands` every command it made.
    """

    run: str
    status: str
    software: str
    protocol: str
    analysis: str
    analysis_result: str
    analysis_sha256: str
    definitions: Mapping[str, str]
    offsets: Sequence[Mapping[str, Any]]
    parameters: Sequence[Mapping[str, Any]]
    recovered: bool
    errors: Sequence[str]
    commands: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Attention:
    """What a person should look at, "" for nothing; `stands` when the instrument waits for a decision."""

    what: str = ""
    stands: bool = False


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a person is asked: an action the bench knows, its details, and the fields to fill in.

    `fields` maps a name to "text", "yes/no" or a unit ("1/mL"): the answer is then a number in that unit. A prompt with
    the `key` of an earlier one is that prompt again, after a restart: who has done it already does not do it twice.
    """

    action: str
    text: str
    details: tuple[tuple[str, str], ...] = ()
    fields: tuple[tuple[str, str], ...] = ()
    key: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the person said, and who."""

    values: tuple[tuple[str, str], ...]
    by: str
