"""Drivers against emulators that were written a second time from the same manuals, over `sim://` on virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from devices.drivers.alicat_pcd import AlicatPcd, AlicatPcdOptions
from devices.drivers.gilson_gsioc import GilsonFc203b, GilsonFc203bOptions
from devices.drivers.ismatec_reglo_icc import RegloIcc, RegloIccOptions
from devices.drivers.mettler_sics import MettlerSics, MettlerSicsOptions
from devices.drivers.pendotech_pressuremat import PressureMat, PressureMatOptions
from devices.drivers.teledyne_ssi import TeledyneSsi, TeledyneSsiOptions
from devices.drivers.vici_actuator import ViciActuator, ViciActuatorOptions
from devices.drivers.watson_marlow_323 import WatsonMarlow323, WatsonMarlow323Options
from devices.link import Link
from devices.readings import Quality, TubePosition
from devices.transports import open_transport
from sim.bench import Bench, using
from sim.wire import alicat_pcd as alicat
from sim.wire import gilson_gsioc as gilson
from sim.wire import ismatec_reglo_icc as reglo
from sim.wire import mettler_sics as mettler
from sim.wire import pendotech_pressuremat as pressuremat
from sim.wire import teledyne_ssi as ssi
from sim.wire import vici_actuator as vici
from sim.wire import watson_marlow_323 as watson
from sim.wire.emulator import Emulator, Now
from sim.wire.faulty import Fault, Faulty
from vesiflow.clock import Clock, VirtualClock
from vesiflow.errors import DeviceFault, LimitExceeded, VesiflowError

T = TypeVar("T")
ML_MIN = 1e-6 / 60
PSI = 6894.757293168


class World:
    """What the emulators act on and sense."""

    def __init__(self) -> None:
        self.values: dict[str, float] = {}

    def set(self, name: str) -> Callable[[float], None]:
        return lambda value: self.values.__setitem__(name, value)

    def get(self, name: str) -> Callable[[], float]:
        return lambda: self.values[name]


def on_bench(
    make: Callable[[Now, World], Any],
    driver: Callable[[Link, Clock, Any], Any],
    options: Any,
    talk: Callable[[Any, World, Clock, Any], Awaitable[T]],
    **world: float,
) -> T:
    """Connect `driver` to the emulator that `make` builds, then run `talk(driver, world, clock, emulator)`."""

    async def run() -> T:
        clock = VirtualClock()
        around = World()
        around.values.update(world)
        emulator = make(clock.now, around)

        async def act() -> T:
            transport = await open_transport("sim://bench/one", driver.settings, clock)  # type: ignore[attr-defined]
            device = driver(Link(transport, clock, "one"), clock, options)
            await device.connect()
            result = await talk(device, around, clock, emulator)
            await transport.close()
            return result

        with using(Bench({"bench/one": emulator})):
            return await clock.spawn(act(), "driver")

    return asyncio.run(run())


def test_watson_marlow() -> None:
    async def talk(pump: WatsonMarlow323, world: World, clock: Clock, emulator: Any) -> None:
        await pump.set_flow(88 * ML_MIN)
        await pump.start()
        assert (await pump.read_pump()).running
        assert world.values["drive"] == pytest.approx(59 / 60)
        await pump.set_flow(0.0)
        assert world.values["drive"] == 0.0
        await pump.set_flow(30 * ML_MIN)
        assert world.values["drive"] == pytest.approx(20 / 60)
        emulator.press_stop()
        assert not (await pump.read_pump()).running
        await pump.stop()

    options = WatsonMarlow323Options.model_validate({"tubing": {"volume_per_rev": "1.5 mL"}})
    for line_end in (b"\r", b"\n", b"\r\n", b""):
        on_bench(
            lambda now, world, end=line_end: watson.WatsonMarlow323(now, world.set("drive"), line_end=end),  # type: ignore[misc]
            WatsonMarlow323, options, talk,
        )  # fmt: skip


def four_channels(now: Any, world: World) -> reglo.RegloIcc:
    """A Reglo whose channels set the values "1" to "4"."""
    return reglo.RegloIcc(now, [world.set(str(n)) for n in range(1, 5)])


def test_reglo() -> None:
    async def talk(pump: RegloIcc, world: World, clock: Clock, emulator: Any) -> None:
        buffer, permeate = pump.role("pump", channel=2), pump.role("pump", channel=3)
        await buffer.set_flow(20 * ML_MIN)
        await buffer.start()
        await buffer.start()
        assert world.values["2"] == pytest.approx(20 * ML_MIN)
        await permeate.set_flow(10 * ML_MIN)
        await permeate.start()
        await buffer.set_flow(0.0)
        assert world.values["2"] == 0.0 and world.values["3"] == pytest.approx(10 * ML_MIN)
        assert not (await buffer.read_pump()).running and (await permeate.read_pump()).running
        for _ in range(6):
            await clock.sleep(10.0)
            await permeate.renew()
        assert await permeate.read_total() == pytest.approx(10e-6, rel=0.05)
        with pytest.raises(VesiflowError):
            await buffer.set_flow(200 * ML_MIN)
        emulator.power_cycle()
        with pytest.raises(VesiflowError):
            await permeate.start()
            await permeate.start()

    options = RegloIccOptions.model_validate({"serial_number": "0412", "tubing": {2: "3.17 mm", 3: "3.17 mm"}})
    on_bench(four_channels, RegloIcc, options, talk)


def test_a_reglo_nobody_renews_stands_after_its_limit_and_says_so() -> None:
    async def talk(pump: RegloIcc, world: World, clock: Clock, emulator: Any) -> None:
        permeate = pump.role("pump", channel=3)
        await permeate.set_flow(10 * ML_MIN)
        await permeate.start()
        await clock.sleep(600)
        assert await permeate.read_total() == pytest.approx(10e-6 / 3, rel=0.01) and world.values["3"] == 0.0
        with pytest.raises(DeviceFault, match=r"stands although it was started.*20 s"):
            await permeate.renew()
        await permeate.start()
        assert world.values["3"] == pytest.approx(10 * ML_MIN)

    on_bench(four_channels, RegloIcc, RegloIccOptions(), talk)


def test_a_reglo_dispenses_a_volume_and_a_new_flow_does_not_make_it_run_on() -> None:
    async def talk(pump: RegloIcc, world: World, clock: Clock, emulator: Any) -> None:
        buffer = pump.role("pump", channel=2)
        await buffer.set_flow(20 * ML_MIN)
        await buffer.dispense(3e-6)
        await clock.sleep(5)
        await buffer.renew()
        await clock.sleep(60)
        assert await buffer.read_total() == pytest.approx(3e-6, rel=0.01)
        await buffer.dispense(3e-6)
        await buffer.set_flow(10 * ML_MIN)
        assert world.values["2"] == 0.0

    on_bench(four_channels, RegloIcc, RegloIccOptions(), talk)


def test_a_reglo_without_limit_runs_until_it_is_stopped() -> None:
    async def talk(pump: RegloIcc, world: World, clock: Clock, emulator: Any) -> None:
        permeate = pump.role("pump", channel=3)
        await permeate.set_flow(10 * ML_MIN)
        await permeate.start()
        await clock.sleep(600)
        assert world.values["3"] == pytest.approx(10 * ML_MIN)
        await permeate.stop()

    on_bench(four_channels, RegloIcc, RegloIccOptions(run_limit=None), talk)


@pytest.mark.parametrize("single_frame", [True, False])
def test_pressuremat(single_frame: bool) -> None:
    async def talk(monitor: PressureMat, world: World, clock: Clock, emulator: Any) -> None:
        found = await monitor.read_pressures()
        assert found["retentate"].value == pytest.approx(2 * PSI, abs=0.06 * PSI)
        assert found["permeate"].value == pytest.approx(-0.5 * PSI, abs=0.06 * PSI)

    on_bench(
        lambda now, world: pressuremat.PressureMat(
            now, [world.get(f"p{n}") for n in range(1, 5)], single_frame=single_frame
        ),
        PressureMat, PressureMatOptions(), talk, p1=4 * PSI, p2=2 * PSI, p3=-0.5 * PSI, p4=0.0,
    )  # fmt: skip


def test_alicat() -> None:
    async def talk(valve: AlicatPcd, world: World, clock: Clock, emulator: Any) -> None:
        await valve.set_pressure(2 * PSI)
        assert world.values["set"] == pytest.approx(2 * PSI, rel=1e-3)
        found = await valve.read_pressure()
        assert found.pressure.value == pytest.approx(1.5 * PSI, rel=1e-2)
        assert found.setpoint == pytest.approx(2 * PSI, rel=1e-3)
        with pytest.raises(LimitExceeded):
            await valve.set_pressure(45 * PSI)

    on_bench(
        lambda now, world: alicat.AlicatPcd(now, world.get("p"), world.set("set")), AlicatPcd, AlicatPcdOptions(), talk,
        p=1.5 * PSI,
    )  # fmt: skip


@pytest.mark.parametrize("status", ["S", "A"])
def test_mettler(status: str) -> None:
    async def talk(balance: MettlerSics, world: World, clock: Clock, emulator: Any) -> None:
        assert (await balance.read_mass()).value == pytest.approx(0.3)
        await balance.tare()
        world.values["pan"] = 0.35
        assert (await balance.read_mass()).value == pytest.approx(0.05)
        world.values["pan"] = 9.0
        assert (await balance.read_mass()).quality is Quality.OVER
        emulator.press_print()
        assert (await balance.read_mass()).quality is Quality.OVER

    on_bench(
        lambda now, world: mettler.MettlerBalance(now, world.get("pan"), lambda: True, tare_status=status),
        MettlerSics, MettlerSicsOptions(), talk, pan=0.3,
    )  # fmt: skip


@pytest.mark.parametrize("head", ["macro", "standard"])
def test_ssi(head: str) -> None:
    async def talk(pump: TeledyneSsi, world: World, clock: Clock, emulator: Any) -> None:
        await pump.set_pressure_limit(30e5)
        await pump.set_flow(5.0 * ML_MIN)
        await pump.start()
        assert world.values["flow"] == pytest.approx(5 * ML_MIN)
        assert (await pump.read_pressure()).value == pytest.approx(10e5, rel=0.01)
        with pytest.raises(LimitExceeded):
            await pump.set_flow(50 * ML_MIN)
        world.values["p"] = 40e5
        emulator.scan()
        with pytest.raises(DeviceFault, match="upper pressure limit"):
            await pump.read_pump()
        await pump.stop()

    on_bench(
        lambda now, world: ssi.SsiPump(now, world.set("flow"), world.get("p"), head=head), TeledyneSsi,
        TeledyneSsiOptions(), talk, p=10e5,
    )  # fmt: skip


@pytest.mark.parametrize(("mode", "positions"), [(1, {"load": "A", "inject": "B"}), (3, {"load": "1", "inject": "4"})])
def test_vici(mode: int, positions: dict[str, str]) -> None:
    async def talk(actuator: ViciActuator, world: World, clock: Clock, emulator: Any) -> None:
        valve = actuator.role("valve", positions=positions)
        await valve.move_to("inject")
        assert world.values["at"] == (2 if mode == 1 else 4)
        assert (await valve.read_position()).position == "inject"
        await valve.move_to("load")
        await valve.move_to("load")
        assert world.values["at"] == 1

    on_bench(
        lambda now, world: vici.ViciActuator(now, world.set("at"), mode=mode), ViciActuator, ViciActuatorOptions(), talk
    )


def test_gilson() -> None:
    async def talk(arm: GilsonFc203b, world: World, clock: Clock, emulator: Any) -> None:
        await arm.go_to(42)
        assert await arm.read_tube() == TubePosition(42, True) and world.values["tube"] == 42
        await arm.collect(True)
        assert world.values["divert"] == 1.0
        await arm.collect(False)
        assert world.values["divert"] == 0.0
        await arm.go_to(96)

    on_bench(
        lambda now, world: gilson.GilsonFc203b(now, world.set("tube"), world.set("divert")), GilsonFc203b,
        GilsonFc203bOptions(), talk,
    )  # fmt: skip


Make = Callable[[Now, World], Emulator]
WM_OPTIONS = WatsonMarlow323Options.model_validate({"tubing": {"volume_per_rev": "1.5 mL"}})

READERS: dict[str, tuple[Make, Any, Any, Callable[[Any], Awaitable[float]], float]] = {}


async def _mass(balance: MettlerSics) -> float:
    return (await balance.read_mass()).value


async def _feed(monitor: PressureMat) -> float:
    reading = (await monitor.read_pressures())["feed"]
    if not reading.usable:
        raise DeviceFault("not usable")
    return reading.value


async def _control(valve: AlicatPcd) -> float:
    return (await valve.read_pressure()).pressure.value


async def _outlet(pump: TeledyneSsi) -> float:
    return (await pump.read_pressure()).value


async def _tube(arm: GilsonFc203b) -> float:
    return (await arm.read_tube()).tube


async def _drive(pump: WatsonMarlow323) -> float:
    return float((await pump.read_pump()).running)


async def _channel(pump: RegloIcc) -> float:
    return float((await pump.role("pump", channel=1).read_pump()).running)


async def _port(actuator: ViciActuator) -> float:
    return {"A": 1.0, "B": 2.0}[await actuator.position()]


READERS["mettler"] = (
    lambda now, w: mettler.MettlerBalance(now, w.get("x"), lambda: True), MettlerSics, None, _mass, 0.3,
)  # fmt: skip
READERS["pressuremat"] = (
    lambda now, w: pressuremat.PressureMat(now, [w.get("x")] * 4), PressureMat, None, _feed, 2 * PSI,
)  # fmt: skip
READERS["alicat"] = (lambda now, w: alicat.AlicatPcd(now, w.get("x"), w.set("y")), AlicatPcd, None, _control, 2 * PSI)
READERS["ssi"] = (lambda now, w: ssi.SsiPump(now, w.set("y"), w.get("x")), TeledyneSsi, None, _outlet, 10e5)
READERS["gilson"] = (lambda now, w: gilson.GilsonFc203b(now, w.set("y"), w.set("z")), GilsonFc203b, None, _tube, 0.0)
READERS["watson"] = (lambda now, w: watson.WatsonMarlow323(now, w.set("y")), WatsonMarlow323, WM_OPTIONS, _drive, 0.0)
READERS["reglo"] = (lambda now, w: reglo.RegloIcc(now, [w.set("y")] * 4), RegloIcc, None, _channel, 0.0)
READERS["vici"] = (lambda now, w: vici.ViciActuator(now, w.set("y")), ViciActuator, None, _port, 1.0)
CHECKSUM = {"pressuremat"}  # on all other wires a flipped digit cannot be seen by anybody


async def _first_value(measure: Callable[[Any], Awaitable[float]], device: Any, clock: Clock) -> float:
    """What it says once it answers again; errors until then are typed."""
    for _ in range(4):
        try:
            return await measure(device)
        except VesiflowError:
            await clock.sleep(1.0)
    return await measure(device)


SENSED = (_mass, _feed, _control, _outlet)


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("fault", list(Fault))
def test_a_spoilt_wire_is_a_typed_error_and_then_works_again(name: str, fault: Fault) -> None:
    make, driver, options, measure, truth = READERS[name]

    async def talk(device: Any, world: World, clock: Clock, emulator: Any) -> None:
        emulator.inject(fault, seconds=3.0, times=1)
        try:
            value = await measure(device)
        except VesiflowError as error:
            assert error.device is not None or "not usable" in error.reason
        else:
            assert value == pytest.approx(truth, rel=0.05) or (fault is Fault.CORRUPT and name not in CHECKSUM)
        emulator.clear()
        changed = 1.5 * truth if measure in SENSED else truth  # a late answer would still tell the old value
        world.values["x"] = changed
        assert await _first_value(measure, device, clock) == pytest.approx(changed, rel=0.05)

    on_bench(lambda now, world: Faulty(now, make(now, world)), driver, options, talk, x=truth)
