"""A simulated line: the plant, and an emulator at every address of the bench wired to it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from sim.bench import Bench
from sim.config import SimulationConfig
from sim.freeze_dryer import BLEED
from sim.opentrons.bench import apps, machines
from sim.opentrons.machine import Machine
from sim.physics import electroporation
from sim.plant import Plant
from sim.senses import Senses
from sim.wire.alicat_pcd import AlicatPcd
from sim.wire.atlas_ezo_ec import EzoEc
from sim.wire.btx_gemini_x2 import BtxGeminiX2, PulseSettings
from sim.wire.emulator import Actuator, Emulator
from sim.wire.eurotherm_modbus import Eurotherm
from sim.wire.gilson_gsioc import GilsonFc203b
from sim.wire.ismatec_reglo_icc import RegloIcc
from sim.wire.julabo import Julabo
from sim.wire.mettler_sics import MettlerBalance
from sim.wire.modbus_adc import ModbusAdc
from sim.wire.operator import Operator
from sim.wire.pendotech_pressuremat import PressureMat
from sim.wire.pfeiffer_tpg362 import PfeifferTpg362
from sim.wire.robot import Robot
from sim.wire.teledyne_ssi import SsiPump
from sim.wire.vici_actuator import ViciActuator
from sim.wire.watson_marlow_323 import WatsonMarlow323
from vesiflow.clock import SIMULATED_EPOCH
from vesiflow.errors import ConfigError

Endpoints = dict[str, Emulator]


@dataclass(frozen=True)
class SimulatedLine:
    """What `build` makes: the bench that `sim://` addresses mean, the truth behind it, and the robots by address."""

    bench: Bench
    plant: Plant
    robots: Mapping[str, Machine] = field(default_factory=dict)


def build(
    config: Mapping[str, Any],
    now: Callable[[], float],
    *,
    seed: int | None = None,
    utc: Callable[[], datetime] = lambda: SIMULATED_EPOCH,
) -> SimulatedLine:
    """A line from the `simulation:` section; `seed` overrides the one written there.

    Raises ConfigError when the section is wrong.
    """
    plant = Plant(checked_config(config, seed), now)
    senses = Senses(plant)
    endpoints = {
        **_tff(plant, senses),
        **_sec(plant, senses),
        **_electroporation(plant, senses, utc),
        **_dryer(plant, senses),
        **_bench(plant),
    }
    robots = machines(plant)
    return SimulatedLine(Bench(endpoints, apps=apps(robots)), plant, robots)


def checked_config(config: Mapping[str, Any], seed: int | None = None) -> SimulationConfig:
    """The `simulation:` section as it is used; ConfigError names the key that is wrong."""
    try:
        return SimulationConfig.model_validate(dict(config) | ({} if seed is None else {"seed": seed}))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(("simulation", *map(str, first["loc"])))
        raise ConfigError(f"{where}: {first['msg'].removeprefix('Value error, ')}") from None


def _tff(plant: Plant, senses: Senses) -> Endpoints:
    now, tff = plant.now, plant.tff

    def pump(channel: int) -> Actuator:
        gain = plant.config.tff.reglo_gain[channel]
        return lambda flow: tff.set_pump(channel, flow * gain, now(), until=reglo.ends_at(channel + 1))

    reglo = RegloIcc(now, [pump(channel) for channel in range(4)])

    pressures = tuple(senses[f"tff.{name}_pressure"] for name in ("feed", "retentate", "permeate"))
    still = lambda: not tff.turning  # noqa: E731
    return {
        "tff/feed": WatsonMarlow323(now, lambda speed: tff.set_drive(speed, now())),
        "tff/reglo": reglo,
        "tff/pressures": PressureMat(now, pressures),
        "tff/pcd": AlicatPcd(now, senses["tff.pcd"], lambda p: tff.set_dome(p, now())),
        "tff/retentate_balance": MettlerBalance(
            now, senses["tff.retentate_balance"], still, serial_number="B1RETENTATE"
        ),
        "tff/permeate_balance": MettlerBalance(now, senses["tff.permeate_balance"], still, serial_number="B2PERMEATE"),
        "tff/conductivity": EzoEc(now, senses["tff.conductivity"]),
    }


def _sec(plant: Plant, senses: Senses) -> Endpoints:
    now, sec = plant.now, plant.sec
    gain = plant.config.sec.pump_gain
    injection = ViciActuator(now, lambda position: sec.inject(int(position), now()), ports=6)
    selector = ViciActuator(now, lambda port: sec.select(int(port), now()), mode=3, ports=6)
    collector = GilsonFc203b(
        now,
        lambda tube: sec.go_to(int(tube), now()),
        lambda on: sec.divert(int(on) != plant.config.sec.collects_at, now()),
        tubes=plant.config.sec.tubes,
    )

    def arrived() -> None:
        for moving in (injection, selector, collector):
            moving.scan()  # what has arrived since takes effect before the reading

    senses.before_sec = arrived
    return {
        "sec/pump": SsiPump(now, lambda flow: sec.set_flow(flow * gain, now()), senses["sec.pressure"]),
        "sec/injection_valve": injection,
        "sec/selector_valve": selector,
        "sec/collector": collector,
        "sec/uv": ModbusAdc(now, senses["sec.uv"]),
        "sec/conductivity": EzoEc(now, senses["sec.conductivity"]),
    }


def _electroporation(plant: Plant, senses: Senses, utc: Callable[[], datetime]) -> Endpoints:
    station = plant.station

    def fire(program: PulseSettings) -> Sequence[tuple[float, float, float]]:
        square = program.shape == "square"
        settings = electroporation.Settings(
            program.voltage,
            program.gap,
            None if square else program.capacitance,
            program.width,
            program.pulses,
            program.interval,
            program.resistance or math.inf,
        )
        return station.fire(settings, plant.now())

    pulser = BtxGeminiX2(plant.now, fire, utc)
    plant.people.pulse.press = pulser.press_go
    return {
        "ep/electroporator": pulser,
        "ep/conductivity": EzoEc(plant.now, senses["ep.conductivity"]),
    }


def _dryer(plant: Plant, senses: Senses) -> Endpoints:
    now, dryer = plant.now, plant.dryer
    gauge = PfeifferTpg362(
        now, senses["lyo.pirani"], senses["lyo.capacitance"], lambda relay, on: dryer.switch(relay, on, now())
    )
    dryer.thresholds = lambda: gauge.switching_points(BLEED)
    return {
        "lyo/shelf": Julabo(
            now,
            senses["lyo.shelf"],
            lambda temperature: dryer.set_shelf(temperature, now()),
            lambda on: dryer.run_shelf(on > 0.0, now()),
            external=senses["lyo.shelf_probe"],
        ),
        "lyo/gauge": gauge,
        "lyo/condenser": Eurotherm(now, senses["lyo.condenser"]),
        "lyo/product_centre": Eurotherm(now, senses["lyo.product_centre"]),
        "lyo/product_edge": Eurotherm(now, senses["lyo.product_edge"]),
    }


def _bench(plant: Plant) -> Endpoints:
    return {
        "bench/operator": Operator(plant.now, plant.people.act),
        "bench/robot": Robot(plant.now, lambda op, channels: plant.deck.act(op, channels, plant.now())),
    }
