"""Circulators, gauges, Modbus, conductivity, pulses and people against the emulators, over `sim://`, virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from devices.drivers.atlas_ezo_ec import AtlasEzoEc
from devices.drivers.btx_gemini_x2 import BtxGeminiX2
from devices.drivers.eurotherm_modbus import Eurotherm, EurothermOptions
from devices.drivers.huber import Huber, HuberOptions
from devices.drivers.julabo import Julabo
from devices.drivers.keyence_bl1300 import KeyenceBl1300
from devices.drivers.mks_937b import Mks937b
from devices.drivers.operator import BenchOperator
from devices.drivers.pfeiffer_tpg362 import PfeifferTpg362
from devices.drivers.plr import PlrLiquidHandler
from devices.drivers.qinstruments_bioshake import BioShake
from devices.drivers.uv_modbus import UvModbus, UvOptions
from devices.link import Link
from devices.readings import Prompt, PulseProgram, Quality, Transfer
from devices.transports import open_transport
from sim.bench import Bench, using
from sim.wire import atlas_ezo_ec as ezo
from sim.wire import btx_gemini_x2 as btx
from sim.wire import eurotherm_modbus as eurotherm
from sim.wire import huber, julabo, keyence_bl1300, mks_937b, modbus_adc, qinstruments_bioshake, robot
from sim.wire import operator as person
from sim.wire import pfeiffer_tpg362 as tpg
from sim.wire.faulty import Fault, Faulty
from vesiflow.clock import Clock, VirtualClock
from vesiflow.errors import DeviceFault, Refused, VesiflowError


@dataclass
class World:
    """What the emulators act on and sense."""

    values: dict[str, float] = field(default_factory=dict)
    relays: dict[int, bool] = field(default_factory=dict)

    def set(self, name: str) -> Callable[[float], None]:
        return lambda value: self.values.__setitem__(name, value)

    def get(self, name: str) -> Callable[[], float]:
        return lambda: self.values[name]


Talk = Callable[[Any, World, VirtualClock, Any], Awaitable[None]]


def on_bench(make: Callable[[Clock, World], Any], driver: Any, talk: Talk, options: Any = None, **world: float) -> None:
    """Connect `driver` to what `make` builds, then run `talk(driver, world, clock, emulator)`."""

    async def run() -> None:
        clock, around = VirtualClock(), World(dict(world))
        emulator = make(clock, around)

        async def act() -> None:
            transport = await open_transport("sim://bench/one", driver.settings, clock)
            device = driver(Link(transport, clock, "one"), clock, options or driver.options())
            await device.connect()
            await talk(device, around, clock, emulator)
            await transport.close()

        with using(Bench({"bench/one": emulator})):
            await clock.spawn(act(), "driver")

    asyncio.run(run())


async def _circulate(device: Any, world: World, clock: VirtualClock, emulator: Any) -> None:
    await device.set_temperature(-40.0)
    await device.start()
    state = await device.read_circulator()
    assert (state.setpoint, state.running, state.temperature.value) == (-40.0, True, -29.45)
    assert world.values["setpoint"] == -40.0 and world.values["run"]
    await device.stop()
    assert not (await device.read_circulator()).running and not world.values["run"]


def test_julabo() -> None:
    on_bench(lambda c, w: julabo.Julabo(c.now, w.get("bath"), w.set("setpoint"), w.set("run")), Julabo, _circulate,
             bath=-29.45)  # fmt: skip


def test_julabo_out_of_its_own_limits() -> None:
    async def talk(device: Julabo, world: World, clock: VirtualClock, emulator: Any) -> None:
        with pytest.raises(DeviceFault, match="state 0"):
            await device.set_temperature(60.0)
        await device.set_temperature(20.0)

    on_bench(
        lambda c, w: julabo.Julabo(c.now, w.get("bath"), w.set("setpoint"), w.set("run"), high=50.0), Julabo, talk,
        bath=20.0,
    )  # fmt: skip


def test_huber() -> None:
    on_bench(lambda c, w: huber.HuberPb(c.now, w.get("bath"), w.set("setpoint"), w.set("run")), Huber, _circulate,
             HuberOptions(serial_number="123456"), bath=-29.45)  # fmt: skip


async def _evacuate(device: Any, world: World, clock: VirtualClock, emulator: Any) -> None:
    readings = await device.read_pressures()
    assert readings["capacitance"].value == pytest.approx(8.0, rel=0.02)
    assert readings["pirani"].value == pytest.approx(12.8, rel=0.02)
    for on in (True, False):
        await device.set_relay("isolation", on)
        assert (await device.read_relays())["isolation"] is on
    await device.set_pressure(8.0)
    assert await device.read_setpoint() == pytest.approx(8.0, rel=0.01)
    world.values["cap"] = 5.0
    await clock.sleep(1.0)
    assert (await device.read_relays())["bleed"] is True
    world.values["cap"] = 11.0
    await clock.sleep(1.0)
    assert (await device.read_relays())["bleed"] is False


def test_pfeiffer() -> None:
    on_bench(
        lambda c, w: tpg.PfeifferTpg362(c.now, w.get("pir"), w.get("cap"), w.relays.__setitem__),
        PfeifferTpg362, _evacuate, pir=12.8, cap=8.0,
    )  # fmt: skip


def test_mks() -> None:
    on_bench(
        lambda c, w: mks_937b.Mks937b(
            c.now, [w.get("pir"), None, w.get("cap")], relay=w.relays.__setitem__, piranis=(1,)
        ),
        Mks937b, _evacuate, pir=12.8, cap=8.0,
    )  # fmt: skip


def test_eurotherm() -> None:
    async def talk(device: Eurotherm, world: World, clock: VirtualClock, emulator: Any) -> None:
        role = device.role("thermometer")
        assert (await role.read_temperature()).value == -40.5
        await role.set_temperature(-35.0)
        assert world.values["setpoint"] == -35.0
        world.values["t"] = 250.0
        assert (await role.read_temperature()).quality is not Quality.GOOD

    on_bench(
        lambda c, w: eurotherm.Eurotherm(c.now, w.get("t"), unit_id=17, setpoint=w.set("setpoint")), Eurotherm, talk,
        EurothermOptions(unit_id=17, writable=True), t=-40.5,
    )  # fmt: skip


@pytest.mark.parametrize("framing", ["rtu", "tcp"])
def test_uv(framing: str) -> None:
    async def talk(device: UvModbus, world: World, clock: VirtualClock, emulator: Any) -> None:
        assert (await device.read_absorbance()).value == pytest.approx(0.03725)

    on_bench(
        lambda c, w: modbus_adc.ModbusAdc(c.now, w.get("uv"), framing=framing, unit_id=5), UvModbus, talk,
        UvOptions.model_validate({"unit_id": 5, "transport": framing}), uv=0.03725,
    )  # fmt: skip


def test_conductivity() -> None:
    async def talk(device: AtlasEzoEc, world: World, clock: VirtualClock, emulator: Any) -> None:
        assert (await device.read_conductivity()).value == pytest.approx(0.15, rel=0.01)
        await device.set_compensation(4.0)
        assert await device.read_compensation() == 4.0

    on_bench(lambda c, w: ezo.EzoEc(c.now, w.get("k")), AtlasEzoEc, talk, k=0.15)


def test_pulse_by_a_person_is_proven_by_its_log() -> None:
    program = PulseProgram("EV1", "exponential", 400.0, 1, 0.0, 2e-3, capacitance=125e-6)

    async def talk(device: BtxGeminiX2, world: World, clock: VirtualClock, emulator: Any) -> None:
        before = await device.read_log_names()
        await device.upload(program)
        await device.upload(program)
        assert await device.read_program("EV1") == program
        await clock.sleep(emulator.press_go("EV1") + 1.0)
        (new,) = set(await device.read_log_names()) - set(before)
        log = await device.read_log(new)
        assert (log.program.name, log.program.voltage, log.result, log.status_ok) == ("EV1", 400.0, "Complete", True)
        assert log.voltages[0] == pytest.approx(395.0, rel=0.01)
        assert log.time_constants[0] == pytest.approx(6.2e-3, rel=0.02)
        assert log.program.gap == pytest.approx(2e-3) and log.program.capacitance == pytest.approx(125e-6)

    on_bench(lambda c, w: btx.BtxGeminiX2(c.now, lambda p: [(395.0, 6.2e-3, 49.6)], c.utc), BtxGeminiX2, talk)


def test_square_pulses_in_the_log() -> None:
    program = PulseProgram("SQ1", "square", 2400.0, 3, 2.0, 2e-3, width=500e-6)

    async def talk(device: BtxGeminiX2, world: World, clock: VirtualClock, emulator: Any) -> None:
        await device.upload(program)
        await clock.sleep(emulator.press_go("SQ1") + 1.0)
        (path,) = await device.read_log_names()
        log = await device.read_log(path)
        assert (log.program.shape, log.program.pulses, len(log.voltages)) == ("square", 3, 3)

    on_bench(lambda c, w: btx.BtxGeminiX2(c.now, lambda p: 3 * [(2390.0, 0.0, 60.0)], c.utc), BtxGeminiX2, talk)


def test_thermoshaker() -> None:
    async def talk(device: BioShake, world: World, clock: VirtualClock, emulator: Any) -> None:
        await device.home()
        await device.clamp(True)
        await device.set_temperature(4.0)
        await device.shake(500 / 60)
        state = await device.read_shaker()
        assert state.shaking and state.clamped and state.speed == pytest.approx(500 / 60, rel=0.02)
        with pytest.raises(Refused):
            await device.clamp(False)
        await device.stop()
        await device.clamp(False)
        assert not (await device.read_shaker()).shaking

    on_bench(lambda c, w: qinstruments_bioshake.BioShake(c.now), BioShake, talk)


def test_barcode() -> None:
    async def talk(device: KeyenceBl1300, world: World, clock: VirtualClock, emulator: Any) -> None:
        assert await device.read_barcode() == "EV-0042"
        assert emulator.beam is False

    on_bench(lambda c, w: keyence_bl1300.KeyenceBl1300(c.now, lambda: "EV-0042"), KeyenceBl1300, talk)


def test_nothing_in_front_of_the_reader() -> None:
    async def talk(device: KeyenceBl1300, world: World, clock: VirtualClock, emulator: Any) -> None:
        with pytest.raises(DeviceFault, match="no barcode"):
            await device.read_barcode()

    on_bench(lambda c, w: keyence_bl1300.KeyenceBl1300(c.now, lambda: ""), KeyenceBl1300, talk)


def test_person() -> None:
    def act(action: str, details: dict[str, Any], fields: dict[str, Any]) -> tuple[dict[str, Any], float]:
        if action == "approve":
            raise ValueError("not today")
        return {"lot": f"LOT-{details['buffer']}"}, 90_000.0

    async def talk(device: BenchOperator, world: World, clock: VirtualClock, emulator: Any) -> None:
        answer = await device.ask(Prompt("fill buffer", "Fill.", (("buffer", "PBS"),), (("lot", "text"),)))
        assert answer.values == (("lot", "LOT-PBS"),) and clock.now() >= 90_000.0
        with pytest.raises(Refused, match="not today"):
            await device.ask(Prompt("approve", "Go on?", (), (("approved", "yes/no"),)))

    on_bench(lambda c, w: person.Operator(c.now, act), BenchOperator, talk)


def test_robot() -> None:
    done: list[tuple[str, list[dict[str, Any]]]] = []

    def act(op: str, channels: list[dict[str, Any]]) -> float:
        if len(done) == 5:
            raise ValueError("deck light curtain")
        done.append((op, channels))
        return 20.0

    async def talk(device: PlrLiquidHandler, world: World, clock: VirtualClock, emulator: Any) -> None:
        column = [Transfer("sample:A1", f"plate:{row}1", 90e-9, "EV") for row in "ABCDEFGH"]
        await device.transfer(column)
        assert [op for op, _ in done] == ["clear_tips", "pick_up_tips", "aspirate", "dispense"]
        assert clock.now() == pytest.approx(80.0, abs=1.0)
        await device.drop_tips()
        with pytest.raises(DeviceFault, match="light curtain"):
            await device.transfer([Transfer("bulk:A1", "vials:A1", 1e-6, "bulk")])

    on_bench(lambda c, w: robot.Robot(c.now, act), PlrLiquidHandler, talk)


async def _bath(device: Any) -> float:
    return float((await device.read_temperature()).value)


async def _chamber(device: Any) -> float:
    return float((await device.read_pressures())["capacitance"].value)


async def _product(device: Eurotherm) -> float:
    return (await device.role("thermometer").read_temperature()).value


async def _absorbance(device: UvModbus) -> float:
    return (await device.read_absorbance()).value


async def _conductivity(device: AtlasEzoEc) -> float:
    reading = await device.read_conductivity()
    if not reading.usable:
        raise DeviceFault("not usable", device="one")
    return reading.value


READERS: dict[str, tuple[Any, Any, Any, Callable[[Any], Awaitable[float]], float]] = {
    "julabo": (lambda c, w: julabo.Julabo(c.now, w.get("x"), w.set("y"), w.set("z")), Julabo, None, _bath, 20.0),
    "huber": (lambda c, w: huber.HuberPb(c.now, w.get("x"), w.set("y"), w.set("z")), Huber, None, _bath, 20.0),
    "pfeiffer": (
        lambda c, w: tpg.PfeifferTpg362(c.now, w.get("x"), w.get("x"), w.relays.__setitem__),
        PfeifferTpg362,
        None,
        _chamber,
        8.0,
    ),
    "mks": (
        lambda c, w: mks_937b.Mks937b(c.now, [w.get("x"), None, w.get("x")], piranis=(1,)),
        Mks937b,
        None,
        _chamber,
        8.0,
    ),
    "eurotherm": (lambda c, w: eurotherm.Eurotherm(c.now, w.get("x")), Eurotherm, None, _product, 20.0),
    "uv rtu": (lambda c, w: modbus_adc.ModbusAdc(c.now, w.get("x")), UvModbus, None, _absorbance, 0.1),
    "uv tcp": (
        lambda c, w: modbus_adc.ModbusAdc(c.now, w.get("x"), framing="tcp"),
        UvModbus,
        UvOptions(transport="tcp"),
        _absorbance,
        0.1,
    ),
    "ezo": (lambda c, w: ezo.EzoEc(c.now, w.get("x")), AtlasEzoEc, None, _conductivity, 0.1),
    "shaker": (lambda c, w: qinstruments_bioshake.BioShake(c.now, temperature=w.get("x")), BioShake, None, _bath, 20.0),
}
CHECKSUM = {"eurotherm", "uv rtu"}  # on all other wires a flipped digit cannot be seen by anybody


async def _first_value(measure: Callable[[Any], Awaitable[float]], device: Any, clock: Clock) -> float:
    """What it says once it answers again; errors until then are typed."""
    for _ in range(4):
        try:
            return await measure(device)
        except VesiflowError:
            await clock.sleep(1.0)
    return await measure(device)


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("fault", list(Fault))
def test_a_spoilt_wire_is_a_typed_error_and_then_works_again(name: str, fault: Fault) -> None:
    make, driver, options, measure, truth = READERS[name]

    async def talk(device: Any, world: World, clock: VirtualClock, emulator: Faulty) -> None:
        emulator.inject(fault, seconds=3.0, times=1)
        try:
            value = await measure(device)
        except VesiflowError as error:
            assert error.device is not None
        else:
            assert value == pytest.approx(truth, rel=0.05) or (fault is Fault.CORRUPT and name not in CHECKSUM)
        emulator.clear()
        world.values["x"] = 1.5 * truth  # a late answer would still tell the old value
        assert await _first_value(measure, device, clock) == pytest.approx(1.5 * truth, rel=0.05)

    on_bench(lambda clock, world: Faulty(clock.now, make(clock, world)), driver, talk, options, x=truth)
