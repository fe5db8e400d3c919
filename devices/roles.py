"""Roles: what a phase may ask of an instrument. Small Protocols that state intent.

All numbers are in the inside units of vesiflow.quantities (SI, degC, AU). Setting methods are idempotent and
return only when the instrument has read the value back; they raise the errors of vesiflow.errors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from devices.deck import DeckState, Layout
from devices.readings import (
    AbsorbanceReading,
    Answer,
    Attention,
    CirculatorState,
    ConductivityReading,
    Flow,
    MassReading,
    OrderDocument,
    Pressure,
    PressureControl,
    PressureReading,
    Prompt,
    PulseLog,
    PulseProgram,
    PumpState,
    RunRecord,
    ShakerState,
    Speed,
    Temperature,
    TemperatureReading,
    Transfer,
    TransferReport,
    TubePosition,
    Vacuum,
    VacuumReading,
    ValvePosition,
    Volume,
)


@runtime_checkable
class Pump(Protocol):
    """Moves liquid at a flow (m^3/s)."""

    async def set_flow(self, flow: Flow) -> None: ...
    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    async def read_pump(self) -> PumpState: ...


@runtime_checkable
class BoundedPump(Pump, Protocol):
    """A pump whose runs end by themselves, so that it stands soon after whoever controls it has died.

    `start` begins a run that ends unless `renew` comes in time; the phase's scan loop renews, and DeviceFault says that
    a run has ended. `dispense` begins a run of one volume (m^3) at the set flow, which nobody needs to renew.
    """

    async def renew(self) -> None: ...
    async def dispense(self, volume: Volume) -> None: ...


@runtime_checkable
class ChromatographyPump(Pump, Protocol):
    """A pump that also measures its outlet pressure (Pa) and trips above a limit it is given."""

    async def read_pressure(self) -> PressureReading: ...
    async def set_pressure_limit(self, pressure: Pressure) -> None: ...


@runtime_checkable
class PressureSensors(Protocol):
    """Several pressures at once (Pa gauge), by the channel names of the line file."""

    async def read_pressures(self) -> Mapping[str, PressureReading]: ...


@runtime_checkable
class PressureController(Protocol):
    """Holds a pressure (Pa gauge)."""

    async def set_pressure(self, pressure: Pressure) -> None: ...
    async def read_pressure(self) -> PressureControl: ...


@runtime_checkable
class Balance(Protocol):
    """Weighs (kg)."""

    async def read_mass(self) -> MassReading: ...
    async def tare(self) -> None: ...


@runtime_checkable
class Valve(Protocol):
    """Stands at a named position."""

    async def move_to(self, position: str) -> None: ...
    async def read_position(self) -> ValvePosition: ...


@runtime_checkable
class ConductivityMeter(Protocol):
    """Conductivity (S/m), compensated to 25 degC."""

    async def read_conductivity(self) -> ConductivityReading: ...


@runtime_checkable
class UvDetector(Protocol):
    """Absorbance (AU)."""

    async def read_absorbance(self) -> AbsorbanceReading: ...


@runtime_checkable
class FractionCollector(Protocol):
    """Puts the outlet over a tube (1-based) or to waste."""

    async def go_to(self, tube: int) -> None: ...
    async def collect(self, on: bool) -> None: ...
    async def read_tube(self) -> TubePosition: ...


@runtime_checkable
class Electroporator(Protocol):
    """Holds pulse programs, fires when a person presses GO, and keeps a log of every run."""

    async def upload(self, program: PulseProgram) -> None: ...
    async def read_program(self, name: str) -> PulseProgram: ...
    async def read_log_names(self) -> Sequence[str]: ...
    async def read_log(self, path: str) -> PulseLog: ...


@runtime_checkable
class Circulator(Protocol):
    """Brings a bath or shelf to a temperature (degC)."""

    async def set_temperature(self, temperature: Temperature) -> None: ...
    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    async def read_circulator(self) -> CirculatorState: ...


@runtime_checkable
class VacuumController(Protocol):
    """Chamber gauges (Pa absolute: "capacitance", "pirani") and the relays that act on the chamber.

    `set_pressure` regulates by the bleed relay; `set_relay` switches "isolation" (to condenser and pump) and "vent".
    """

    async def read_pressures(self) -> Mapping[str, VacuumReading]: ...
    async def set_pressure(self, pressure: Vacuum) -> None: ...
    async def set_relay(self, name: str, on: bool) -> None: ...
    async def read_relays(self) -> Mapping[str, bool]: ...


@runtime_checkable
class Thermometer(Protocol):
    """One temperature (degC)."""

    async def read_temperature(self) -> TemperatureReading: ...


@runtime_checkable
class Thermoshaker(Protocol):
    """Shakes a clamped plate (1/s) at a temperature (degC)."""

    async def set_temperature(self, temperature: Temperature) -> None: ...
    async def clamp(self, closed: bool) -> None: ...
    async def shake(self, speed: Speed) -> None: ...
    async def stop(self) -> None: ...
    async def read_shaker(self) -> ShakerState: ...


@runtime_checkable
class BarcodeScanner(Protocol):
    """Reads the label in front of it; nothing readable is an error, never an empty text."""

    async def read_barcode(self) -> str: ...


@runtime_checkable
class LiquidHandler(Protocol):
    """Pipettes between wells of the deck ("labware:A1").

    `know` tells it what the line's books say is in the wells and which tips are gone; nothing moves by it. `rehearse`
    refuses a list that could not be done to its end: volumes, pipettes, tips.
    """

    async def rehearse(self, transfers: Sequence[Transfer]) -> None: ...
    async def transfer(self, transfers: Sequence[Transfer]) -> TransferReport: ...
    async def know(self, state: DeckState) -> None: ...
    async def read_deck(self) -> Mapping[str, str]: ...
    async def read_layout(self) -> Layout: ...


@runtime_checkable
class Interruptible(Protocol):
    """A handler that works off a long order by itself and can be held, let go on and ended meanwhile."""

    async def pause(self) -> None: ...
    async def resume(self) -> None: ...
    async def stop(self) -> None: ...


@runtime_checkable
class HoldsTips(Protocol):
    """A handler that keeps tips on its channels from one order to the next, while tips policy and liquid let it."""

    async def drop_tips(self) -> None: ...


@runtime_checkable
class Documented(Protocol):
    """A handler whose orders are documents, and which keeps a record of its own of what became of them.

    `read_document` is what `transfer` would send now; `read_record` copies the record of the run that a report names.
    """

    async def read_document(self, transfers: Sequence[Transfer]) -> OrderDocument: ...
    async def read_record(self, run: str) -> RunRecord: ...


@runtime_checkable
class Recoverable(Protocol):
    """A handler whose order may come to wait for a person, who decides about what failed; `resume` then goes on."""

    async def read_attention(self) -> Attention: ...
    async def retry(self) -> None: ...
    async def skip(self) -> None: ...


@runtime_checkable
class Operator(Protocol):
    """A person is a device too: asked by a prompt, answers when done. Never times out by itself."""

    async def ask(self, prompt: Prompt) -> Answer: ...


CAPABILITIES: Mapping[str, type] = {
    "pump": Pump,
    "chromatography_pump": ChromatographyPump,
    "pressure_sensors": PressureSensors,
    "pressure_controller": PressureController,
    "balance": Balance,
    "valve": Valve,
    "conductivity_meter": ConductivityMeter,
    "uv_detector": UvDetector,
    "fraction_collector": FractionCollector,
    "electroporator": Electroporator,
    "circulator": Circulator,
    "vacuum_controller": VacuumController,
    "thermometer": Thermometer,
    "thermoshaker": Thermoshaker,
    "barcode_scanner": BarcodeScanner,
    "liquid_handler": LiquidHandler,
    "operator": Operator,
}

LINE_ROLES: Mapping[str, str] = {
    "tff.feed_pump": "pump",
    "tff.permeate_pump": "pump",
    "tff.buffer_pump": "pump",
    "tff.recovery_pump": "pump",
    "tff.pressures": "pressure_sensors",
    "tff.retentate_pressure": "pressure_controller",
    "tff.retentate_balance": "balance",
    "tff.permeate_balance": "balance",
    "tff.conductivity": "conductivity_meter",
    "sec.pump": "chromatography_pump",
    "sec.injection_valve": "valve",
    "sec.selector_valve": "valve",
    "sec.conductivity": "conductivity_meter",
    "sec.uv": "uv_detector",
    "sec.collector": "fraction_collector",
    "electroporation.electroporator": "electroporator",
    "electroporation.conductivity": "conductivity_meter",
    "electroporation.liquid_handler": "liquid_handler",
    "lyophilization.shelf": "circulator",
    "lyophilization.vacuum": "vacuum_controller",
    "lyophilization.condenser": "thermometer",
    "lyophilization.product_centre": "thermometer",
    "lyophilization.product_edge": "thermometer",
    "lyophilization.liquid_handler": "liquid_handler",
    "line.operator": "operator",
}
