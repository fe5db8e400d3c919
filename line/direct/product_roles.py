"""Roles of electroporation, freeze dryer, robot and people straight on the plant."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from devices.commands import Kind, command, read
from devices.deck import DeckState, Layout
from devices.drivers.operator import check_answer, written
from devices.readings import (
    Answer,
    CirculatorState,
    Prompt,
    PulseLog,
    PulseProgram,
    Quality,
    Reading,
    Transfer,
    TransferReport,
)
from sim.freeze_dryer import ISOLATION, VENT
from sim.physics import electroporation
from sim.plant import Plant
from sim.senses import Senses
from vesiflow.clock import Clock
from vesiflow.errors import DeviceFault, Refused

GAUGE_END = 1100.0  # Pa, where the capacitance gauge of a freeze dryer ends
LOG_AFTER = 6.0  # s from GO to the log
RELAYS = {"isolation": ISOLATION, "vent": VENT}
MIXES, MIXED_SHARE = 2, 0.5


class DirectPulser:
    """Holds programs, fires when the person presses GO, keeps logs."""

    def __init__(self, plant: Plant) -> None:
        self._plant = plant
        self._programs: dict[str, PulseProgram] = {}
        self._logs: dict[str, PulseLog] = {}
        plant.people.pulse.press = self._fire

    @command(Kind.SETPOINT)
    async def upload(self, program: PulseProgram) -> None:
        self._programs[program.name] = program

    @read
    async def read_program(self, name: str) -> PulseProgram:
        return self._programs[name]

    @read
    async def read_log_names(self) -> Sequence[str]:
        return tuple(self._logs)

    @read
    async def read_log(self, path: str) -> PulseLog:
        return self._logs[path]

    def _fire(self, name: str) -> float:
        program = self._programs[name]
        square = program.shape == "square"
        settings = electroporation.Settings(
            program.voltage, program.gap, None if square else program.capacitance, program.width, program.pulses,
            program.interval, program.resistance or math.inf,
        )  # fmt: skip
        fired = self._plant.station.fire(settings, self._plant.now())
        volts, taus, loads = zip(*fired, strict=True) if fired else ((), (), ())
        complete = len(fired) == program.pulses
        path = f"{len(self._logs) + 1:06d}"
        result = "Complete" if complete else "Aborted"
        self._logs[path] = PulseLog(path, program, volts, taus, loads, result, complete)
        return LOG_AFTER + max(program.pulses - 1, 0) * program.interval


class DirectShelf:
    """The circulator of the shelf."""

    def __init__(self, plant: Plant, senses: Senses) -> None:
        self._plant = plant
        self._bath = senses["lyo.shelf"]

    @command(Kind.SETPOINT)
    async def set_temperature(self, temperature: float) -> None:
        self._plant.dryer.set_shelf(temperature, self._plant.now())

    @command(Kind.SETPOINT)
    async def start(self) -> None:
        self._plant.dryer.run_shelf(True, self._plant.now())

    @command(Kind.SETPOINT, safe=True)
    async def stop(self) -> None:
        self._plant.dryer.run_shelf(False, self._plant.now())

    @read
    async def read_circulator(self) -> CirculatorState:
        dryer = self._plant.dryer
        return CirculatorState(Reading(self._bath(), self._plant.now()), dryer.setpoint, dryer.circulating)


class DirectVacuum:
    """Gauges, bleed, isolation and vent of the freeze dryer."""

    def __init__(self, plant: Plant, senses: Senses) -> None:
        self._plant = plant
        self._pirani, self._capacitance = senses["lyo.pirani"], senses["lyo.capacitance"]
        self._setpoint: float | None = None
        plant.dryer.thresholds = lambda: None if self._setpoint is None else (self._setpoint, self._setpoint)

    @read
    async def read_pressures(self) -> Mapping[str, Reading]:
        now, true = self._plant.now(), self._capacitance()
        quality = Quality.OVER if true > GAUGE_END else Quality.GOOD
        return {"pirani": Reading(self._pirani(), now), "capacitance": Reading(true, now, quality)}

    @command(Kind.SETPOINT)
    async def set_pressure(self, pressure: float) -> None:
        self._plant.dryer.advance(self._plant.now(), exactly=True)
        self._setpoint = pressure

    @command(Kind.SETPOINT, safe=True)
    async def set_relay(self, name: str, on: bool) -> None:
        self._plant.dryer.switch(RELAYS[name], on, self._plant.now())

    @read
    async def read_relays(self) -> Mapping[str, bool]:
        return {name: self._plant.dryer.relays[number] for name, number in RELAYS.items()}


class DirectRobot:
    """The robot deck; every order takes fresh tips, of which there is no end."""

    def __init__(self, plant: Plant, clock: Clock, layout: Layout) -> None:
        self._plant = plant
        self._clock = clock
        self._layout = layout
        self._tips = 0

    @command(Kind.BLIND)
    async def transfer(self, transfers: Sequence[Transfer]) -> TransferReport:
        try:
            seconds = sum(self._together(transfers[i : i + 8]) for i in range(0, len(transfers), 8))
        except ValueError as error:
            raise DeviceFault(str(error), device="robot", action="transfer", remedy="look at the deck") from error
        await self._clock.sleep(seconds)
        return TransferReport(len(transfers), len(transfers))

    @read
    async def rehearse(self, transfers: Sequence[Transfer]) -> None:
        """There are always tips."""

    @read
    async def know(self, state: DeckState) -> None:
        """There are no books to keep."""

    @read
    async def read_deck(self) -> Mapping[str, str]:
        return dict(self._plant.deck.slots)

    @read
    async def read_layout(self) -> Layout:
        return self._layout

    def _together(self, transfers: Sequence[Transfer]) -> float:
        """Up to eight channels at once, with tips of their own; s."""
        size = 300 if max(transfer.volume for transfer in transfers) <= 300e-9 else 1000
        sources = [_place(i, t.source, t.volume) for i, t in enumerate(transfers)]
        targets = [_place(i, t.target, t.volume) for i, t in enumerate(transfers)]
        tips = [_place(i, f"tips_{size}:{self._tips + i}", 0.0) for i in range(len(transfers))]
        self._tips += len(transfers)
        seconds = self._act("pick_up_tips", tips) + self._act("aspirate", sources) + self._act("dispense", targets)
        if transfers[0].mix:
            station = self._plant.station
            wells = [c | {"volume_ul": MIXED_SHARE * station.well(c["well"]).volume * 1e9} for c in targets]
            for _ in range(MIXES):
                seconds += self._act("aspirate", wells) + self._act("dispense", wells)
        return seconds + self._act("drop_tips", tips)

    def _act(self, op: str, channels: Sequence[Mapping[str, Any]]) -> float:
        return self._plant.deck.act(op, channels, self._plant.now())


def _place(channel: int, place: str, volume: float) -> dict[str, Any]:
    resource, _, well = place.partition(":")
    return {"channel": channel, "resource": resource, "well": well, "volume_ul": volume * 1e9}


class DirectPerson:
    """The person at the bench: does it at once, answers when the time it takes is over."""

    def __init__(self, plant: Plant, clock: Clock) -> None:
        self._plant = plant
        self._clock = clock

    @command(Kind.BLIND)
    async def ask(self, prompt: Prompt) -> Answer:
        try:
            values, seconds = self._plant.people.act(prompt.action, dict(prompt.details), dict(prompt.fields))
        except ValueError as error:
            reason = f"the operator refuses: {error}"
            raise Refused(reason, device="people", action=prompt.action, remedy="talk to the operator") from error
        await self._clock.sleep(seconds)
        return check_answer(prompt, {name: written(value) for name, value in values.items()}, "simulated operator")
