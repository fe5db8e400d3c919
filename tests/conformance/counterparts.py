"""The emulators of `sim.wire` as counterparts of our drivers, each with what is true behind it."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from devices.readings import Prompt, PulseProgram
from devices.testing.counterpart import Counterpart, Make, Probe
from sim.wire import (
    alicat_pcd,
    atlas_ezo_ec,
    btx_gemini_x2,
    eurotherm_modbus,
    gilson_gsioc,
    huber,
    ismatec_reglo_icc,
    julabo,
    keyence_bl1300,
    mettler_sics,
    mks_937b,
    modbus_adc,
    pendotech_pressuremat,
    pfeiffer_tpg362,
    qinstruments_bioshake,
    robot,
    sartorius_sbi,
    teledyne_ssi,
    vici_actuator,
    watson_marlow_323,
)
from sim.wire import operator as person
from vesiflow.clock import Clock

PSI = 6894.757293168  # Pa
POSITIONS = {"load": "A", "inject": "B"}
PORTS = {"buffer": "1", "clean": "2", "store": "3"}


@dataclass
class World:
    """What an emulator senses and acts on."""

    value: float | str = 0.0
    acted: dict[str, float] = field(default_factory=dict)

    def sense(self) -> float:
        assert isinstance(self.value, float)
        return self.value

    def act(self, name: str) -> Callable[[float], None]:
        return lambda value: self.acted.__setitem__(name, value)

    def among(self, *values: float | str) -> Callable[[random.Random], None]:
        """Change to another of `values`."""

        def stir(dice: random.Random) -> None:
            self.value = dice.choice([value for value in values if value != self.value])

        self.value = values[0]
        return stir


def usable(reading: Any) -> float | None:
    """The number of a reading, None where there is none."""
    return float(reading.value) if reading.usable else None


def reads(method: str, name: str | None = None) -> Callable[[Any], Awaitable[float | None]]:
    """A probe's `read` for a method that gives one Reading, or several by name."""

    async def read(role: Any) -> float | None:
        found = await getattr(role, method)()
        return usable(found if name is None else found[name])

    return read


def sensor(world: World, capability: str, method: str, *values: float, name: str | None = None, **more: Any) -> Probe:
    """A reading whose truth is the world's value, one of `values`."""
    return Probe(capability, reads(method, name), lambda: world.value, world.among(*values), **more)


async def pumped(role: Any) -> float:
    state = await role.read_pump()
    return float(state.flow if state.running else 0.0)


def _watson(clock: Clock) -> Counterpart:
    world = World()
    emulator = watson_marlow_323.WatsonMarlow323(clock.now, world.act("speed"))
    truth = Probe("pump", pumped, lambda: world.acted.get("speed", 0.0) * 1.5e-6)
    return Counterpart(emulator, {"tubing": {"volume_per_rev": "1.5 mL"}}, probes=(truth,))


def _reglo(clock: Clock) -> Counterpart:
    world = World()
    drives = [world.act(str(channel)) for channel in range(1, 5)]
    emulator = ismatec_reglo_icc.RegloIcc(clock.now, drives)
    truth = Probe("pump", pumped, lambda: world.acted.get("2", 0.0))
    return Counterpart(emulator, {"serial_number": "0412"}, {"pump": {"channel": 2}}, probes=(truth,))


def _pressuremat(single_frame: bool) -> Make:
    def make(clock: Clock) -> Counterpart:
        world = World()
        probe = sensor(
            world,
            "pressure_sensors",
            "read_pressures",
            2.0 * PSI,
            3.5 * PSI,
            5.1 * PSI,
            name="feed",
            guarded=True,
            alike=True,
        )
        sensors = [world.sense] + [lambda: PSI] * 3
        emulator = pendotech_pressuremat.PressureMat(clock.now, sensors, single_frame=single_frame)
        return Counterpart(emulator, probes=(probe,))

    return make


def _alicat(clock: Clock) -> Counterpart:
    world = World()

    async def read(role: Any) -> float | None:
        return usable((await role.read_pressure()).pressure)

    probe = Probe("pressure_controller", read, lambda: world.value, world.among(PSI, 2.5 * PSI, 4.2 * PSI))
    return Counterpart(alicat_pcd.AlicatPcd(clock.now, world.sense, world.act("setpoint")), probes=(probe,))


def _mettler(clock: Clock) -> Counterpart:
    world = World()
    emulator = mettler_sics.MettlerBalance(clock.now, world.sense, lambda: True)
    return _balance(world, emulator)


def _sartorius(clock: Clock) -> Counterpart:
    world = World()
    return _balance(world, sartorius_sbi.SartoriusSbi(clock.now, world.sense, lambda: True))


def _balance(world: World, emulator: Any) -> Counterpart:
    """True is what lies on the pan, less what the balance took as zero and tare."""
    stir = world.among(0.25, 0.5, 1.0)

    def net() -> float:
        return world.sense() - float(emulator._zero) - float(emulator._tare)

    return Counterpart(emulator, probes=(Probe("balance", reads("read_mass"), net, stir, absolute=2e-5),))


def _ssi(clock: Clock) -> Counterpart:
    world = World()
    emulator = teledyne_ssi.SsiPump(clock.now, world.act("flow"), world.sense)
    flow = [
        Probe(capability, pumped, lambda: world.acted.get("flow", 0.0))
        for capability in ("pump", "chromatography_pump")
    ]
    pressure = sensor(world, "chromatography_pump", "read_pressure", 2e5, 7e5, 12e5)
    return Counterpart(emulator, probes=(*flow, pressure))


def _vici(mode: int, names: dict[str, str]) -> Make:
    def make(clock: Clock) -> Counterpart:
        world = World(acted={"at": 1.0})
        emulator = vici_actuator.ViciActuator(clock.now, world.act("at"), mode=mode)

        async def read(role: Any) -> str:
            return str((await role.read_position()).position)

        truth = Probe("valve", read, lambda: list(names)[round(world.acted["at"]) - 1])
        return Counterpart(emulator, roles={"valve": {"positions": names}}, probes=(truth,))

    return make


def _gilson(clock: Clock) -> Counterpart:
    world = World()
    emulator = gilson_gsioc.GilsonFc203b(clock.now, world.act("tube"), world.act("divert"))

    async def read(role: Any) -> float:
        return float((await role.read_tube()).tube)

    return Counterpart(emulator, probes=(Probe("fraction_collector", read, lambda: world.acted.get("tube", 0.0)),))


def _ezo(clock: Clock) -> Counterpart:
    world = World()
    probe = sensor(world, "conductivity_meter", "read_conductivity", 0.15, 0.31, 1.4)
    return Counterpart(atlas_ezo_ec.EzoEc(clock.now, world.sense), probes=(probe,))


def _uv(framing: str) -> Make:
    def make(clock: Clock) -> Counterpart:
        world = World()
        probe = sensor(world, "uv_detector", "read_absorbance", 0.037, 0.2, 1.1, guarded=framing == "rtu")
        emulator = modbus_adc.ModbusAdc(clock.now, world.sense, framing=framing)
        return Counterpart(emulator, {"transport": framing}, probes=(probe,))

    return make


def _eurotherm(clock: Clock) -> Counterpart:
    world = World()
    probe = sensor(world, "thermometer", "read_temperature", -40.5, 20.0, 31.5, absolute=0.06, guarded=True)
    emulator = eurotherm_modbus.Eurotherm(clock.now, world.sense, setpoint=world.act("setpoint"))
    return Counterpart(emulator, {"writable": True}, probes=(probe,))


def _btx(clock: Clock) -> Counterpart:
    emulator = btx_gemini_x2.BtxGeminiX2(clock.now, lambda program: [(395.0, 6.2e-3, 49.6)], clock.utc)

    async def read(role: Any) -> float:
        return float(len(await role.read_log_names()))

    def logged() -> float:
        emulator.scan()
        return float(len(emulator._files))

    async def prepare(device: Any) -> None:
        await device.upload(PulseProgram("GO1", "exponential", 300.0, 1, 0.0, 2e-3, capacitance=125e-6))
        await clock.sleep(emulator.press_go("GO1") + 1.0)

    truth = Probe("electroporator", read, logged)
    return Counterpart(emulator, probes=(truth,), prepare=prepare)


def _baths(world: World) -> tuple[Probe, ...]:
    async def read(role: Any) -> float | None:
        return usable((await role.read_circulator()).temperature)

    stir = world.among(20.0, -29.45, 35.2)
    return (
        Probe("circulator", read, lambda: world.value, stir, absolute=0.02),
        Probe("thermometer", reads("read_temperature"), lambda: world.value, stir, absolute=0.02),
    )


def _julabo(clock: Clock) -> Counterpart:
    world = World()
    emulator = julabo.Julabo(clock.now, world.sense, world.act("setpoint"), world.act("run"))
    return Counterpart(emulator, probes=_baths(world))


def _huber(clock: Clock) -> Counterpart:
    world = World()
    emulator = huber.HuberPb(clock.now, world.sense, world.act("setpoint"), world.act("run"))
    return Counterpart(emulator, {"serial_number": "123456"}, probes=_baths(world))


def _gauges(world: World) -> tuple[Probe, ...]:
    return tuple(
        sensor(world, capability, "read_pressures", 8.0, 12.0, 31.0, name="capacitance")
        for capability in ("vacuum_controller", "pressure_sensors")
    )


def _pfeiffer(clock: Clock) -> Counterpart:
    world = World()
    emulator = pfeiffer_tpg362.PfeifferTpg362(clock.now, lambda: 12.8, world.sense, lambda relay, on: None)
    return Counterpart(emulator, probes=_gauges(world))


def _mks(clock: Clock) -> Counterpart:
    world = World()
    emulator = mks_937b.Mks937b(clock.now, [lambda: 12.8, None, world.sense], piranis=(1,))
    return Counterpart(emulator, probes=_gauges(world))


def _shaker(clock: Clock) -> Counterpart:
    world = World()
    stir = world.among(20.0, 4.1, 37.0)

    async def read(role: Any) -> float | None:
        return usable((await role.read_shaker()).temperature)

    async def prepare(device: Any) -> None:
        await device.home()

    probes = (
        Probe("thermoshaker", read, lambda: world.value, stir, absolute=0.06),
        Probe("thermometer", reads("read_temperature"), lambda: world.value, stir, absolute=0.06),
    )
    emulator = qinstruments_bioshake.BioShake(clock.now, temperature=world.sense)
    return Counterpart(emulator, probes=probes, prepare=prepare, limit=120.0)


def _keyence(clock: Clock) -> Counterpart:
    world = World()
    stir = world.among("EV-0042", "LOT-17", "BAG.3")

    async def read(role: Any) -> str:
        return str(await role.read_barcode())

    emulator = keyence_bl1300.KeyenceBl1300(clock.now, lambda: str(world.value))
    return Counterpart(emulator, probes=(Probe("barcode_scanner", read, lambda: world.value, stir),))


def _operator(clock: Clock) -> Counterpart:
    world = World()
    stir = world.among("LOT-1", "LOT-2", "LOT-3")

    def act(action: str, details: dict[str, Any], fields: dict[str, Any]) -> tuple[dict[str, Any], float]:
        return {name: "yes" if kind == "yes/no" else world.value for name, kind in fields.items()}, 30.0

    async def read(role: Any) -> str:
        answer = await role.ask(Prompt("fill buffer", "Fill.", (("buffer", "PBS"),), (("lot", "text"),)))
        return str(dict(answer.values)["lot"])

    probe = Probe("operator", read, lambda: world.value, stir)
    return Counterpart(person.Operator(clock.now, act), probes=(probe,), limit=3000.0, waits=True)


def _robot(clock: Clock) -> Counterpart:
    done: list[Sequence[Any]] = []

    def act(op: str, channels: list[dict[str, Any]]) -> float:
        done.append(channels)
        return 2.0

    async def fresh(device: Any) -> None:
        for name in await device.read_deck():
            if ":" not in name:
                await device.replaced(name)

    return Counterpart(robot.Robot(clock.now, act), between=fresh, limit=1000.0)


COUNTERPARTS: dict[str, Make] = {
    "alicat_pcd": _alicat,
    "atlas_ezo_ec": _ezo,
    "btx_gemini_x2": _btx,
    "eurotherm_modbus": _eurotherm,
    "gilson_gsioc": _gilson,
    "huber": _huber,
    "ismatec_reglo_icc": _reglo,
    "julabo": _julabo,
    "keyence_bl1300": _keyence,
    "mettler_sics": _mettler,
    "mks_937b": _mks,
    "operator": _operator,
    "pendotech_pressuremat": _pressuremat(True),
    "pendotech_pressuremat[frame a row]": _pressuremat(False),
    "pfeiffer_tpg362": _pfeiffer,
    "plr": _robot,
    "qinstruments_bioshake": _shaker,
    "sartorius_sbi": _sartorius,
    "teledyne_ssi": _ssi,
    "uv_modbus": _uv("rtu"),
    "uv_modbus[tcp]": _uv("tcp"),
    "vici_actuator": _vici(1, POSITIONS),
    "vici_actuator[selector]": _vici(3, PORTS),
    "watson_marlow_323": _watson,
}
