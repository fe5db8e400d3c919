"""A simulated line: the plant, and an emulator at every address of the bench wired to it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from sim.bench import Bench
from sim.config import SimulationConfig
from sim.freeze_dryer import BLEED
from sim.physics import electroporation
from sim.plant import Plant
from sim.wire.alicat_pcd import AlicatPcd
from sim.wire.atlas_ezo_ec import EzoEc
from sim.wire.btx_gemini_x2 import BtxGeminiX2, PulseSettings
from sim.wire.emulator import Actuator, Emulator, Sensor
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
    """What `build` makes: the bench that `sim://` addresses mean, and the truth behind it."""

    bench: Bench
    plant: Plant


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
    try:
        checked = SimulationConfig.model_validate(dict(config) | ({} if seed is None else {"seed": seed}))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(("simulation", *map(str, first["loc"])))
        raise ConfigError(f"{where}: {first['msg']}") from None
    plant = Plant(checked, now)
    endpoints = {
        **_tff(plant),
        **_sec(plant),
        **_electroporation(plant, utc),
        **_dryer(plant),
        **_bench(plant),
    }
    return SimulatedLine(Bench(endpoints), plant)


def _tff(plant: Plant) -> Endpoints:
    now, tff = plant.now, plant.tff

    def seen(read: Callable[[float], float]) -> Sensor:
        def sensor() -> float:
            at = now()
            tff.advance(at)
            return read(at)

        return sensor

    ripple = plant.random("tff.ripple")

    def feed_pressure(at: float) -> float:
        feed, retentate, _ = tff.pressures(at)
        # The rollers' beat is far faster than the readings: it looks like noise.
        noise = 500.0 if tff.air else plant.config.tff.ripple * (feed - retentate) / 1.414
        return feed + ripple.gauss(0.0, noise) if noise > 0.0 else feed

    def pump(channel: int) -> Actuator:
        gain = plant.config.tff.reglo_gain[channel]
        return lambda flow: tff.set_pump(channel, flow * gain, now())

    pressures = (
        plant.sensor("tff.feed_pressure", seen(feed_pressure)),
        plant.sensor("tff.retentate_pressure", seen(lambda at: tff.pressures(at)[1])),
        plant.sensor("tff.permeate_pressure", seen(lambda at: tff.pressures(at)[2])),
    )
    still = lambda: not tff.turning  # noqa: E731
    retentate = plant.sensor("tff.retentate_balance", seen(tff.reservoir_mass))
    permeate = plant.sensor("tff.permeate_balance", seen(tff.permeate_mass))
    return {
        "tff/feed": WatsonMarlow323(now, lambda speed: tff.set_drive(speed, now())),
        "tff/reglo": RegloIcc(now, [pump(channel) for channel in range(4)]),
        "tff/pressures": PressureMat(now, pressures),
        "tff/pcd": AlicatPcd(now, plant.sensor("tff.pcd", lambda: tff.dome(now())), lambda p: tff.set_dome(p, now())),
        "tff/retentate_balance": MettlerBalance(now, retentate, still, serial_number="B1RETENTATE"),
        "tff/permeate_balance": MettlerBalance(now, permeate, still, serial_number="B2PERMEATE"),
        "tff/conductivity": EzoEc(now, plant.sensor("tff.conductivity", seen(lambda at: tff.conductivity))),
    }


def _sec(plant: Plant) -> Endpoints:
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

    def seen(read: Callable[[float], float]) -> Sensor:
        def sensor() -> float:
            for moving in (injection, selector, collector):
                moving.scan()  # what has arrived since takes effect before the reading
            return read(now())

        return sensor

    return {
        "sec/pump": SsiPump(
            now, lambda flow: sec.set_flow(flow * gain, now()), plant.sensor("sec.pressure", seen(sec.pressure))
        ),
        "sec/injection_valve": injection,
        "sec/selector_valve": selector,
        "sec/collector": collector,
        "sec/uv": ModbusAdc(now, plant.sensor("sec.uv", seen(sec.absorbance))),
        "sec/conductivity": EzoEc(now, plant.sensor("sec.conductivity", seen(sec.conductivity))),
    }


def _electroporation(plant: Plant, utc: Callable[[], datetime]) -> Endpoints:
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
        "ep/conductivity": EzoEc(plant.now, plant.sensor("ep.conductivity", station.conductivity)),
    }


def _dryer(plant: Plant) -> Endpoints:
    now, dryer = plant.now, plant.dryer

    def sensor(name: str, read: Callable[[], float]) -> Sensor:
        def truth() -> float:
            dryer.advance(now())
            return read()

        return plant.sensor(name, truth)

    gauge = PfeifferTpg362(
        now,
        sensor("lyo.pirani", lambda: dryer.chamber.pirani),
        sensor("lyo.capacitance", lambda: dryer.chamber.pressure),
        lambda relay, on: dryer.switch(relay, on, now()),
    )
    dryer.thresholds = lambda: gauge.switching_points(BLEED)
    return {
        "lyo/shelf": Julabo(
            now,
            sensor("lyo.shelf", lambda: dryer.bath),
            lambda temperature: dryer.set_shelf(temperature, now()),
            lambda on: dryer.run_shelf(on > 0.0, now()),
            external=sensor("lyo.shelf_probe", lambda: dryer.shelf),
        ),
        "lyo/gauge": gauge,
        "lyo/condenser": Eurotherm(now, sensor("lyo.condenser", lambda: dryer.chamber.condenser)),
        "lyo/product_centre": Eurotherm(now, sensor("lyo.product_centre", lambda: dryer.product(edge=False))),
        "lyo/product_edge": Eurotherm(now, sensor("lyo.product_edge", lambda: dryer.product(edge=True))),
    }


def _bench(plant: Plant) -> Endpoints:
    return {
        "bench/operator": Operator(plant.now, plant.people.act),
        "bench/robot": Robot(plant.now, lambda op, channels: plant.deck.act(op, channels, plant.now())),
    }
