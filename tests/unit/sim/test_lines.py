"""A built line: every address answers, sensors err as configured and independently, bad sections are refused."""

from typing import Any

import pytest

from sim.config import SENSORS, Sensor, SimulationConfig
from sim.lines import build
from vesiflow.errors import ConfigError

ADDRESSES = {
    "tff/feed", "tff/reglo", "tff/pressures", "tff/pcd", "tff/retentate_balance", "tff/permeate_balance",
    "tff/conductivity", "sec/pump", "sec/injection_valve", "sec/selector_valve", "sec/conductivity", "sec/uv",
    "sec/collector", "ep/electroporator", "ep/conductivity", "lyo/shelf", "lyo/gauge", "lyo/condenser",
    "lyo/product_centre", "lyo/product_edge", "bench/robot", "bench/operator",
}  # fmt: skip


def test_every_address_has_an_emulator(rig: Any) -> None:
    assert set(rig.line.bench.endpoints) == ADDRESSES


def talk(rig: Any, address: str, request: bytes, seconds: float = 1.0) -> bytes:
    port = rig.line.bench.endpoints[address]
    port.transmit()
    port.receive(request)
    rig.t += seconds
    return bytes(port.transmit())


def test_the_pump_moves_what_the_balance_sees(rig: Any) -> None:
    rig.mount()
    rig.ask("fill buffer", buffer="PBS", volume=1e-3)
    assert b"*" in talk(rig, "tff/reglo", b"2M\r")
    talk(rig, "tff/reglo", b"2f3000+1\r")
    assert b"*" in talk(rig, "tff/reglo", b"2H\r")
    rig.t += 120.0
    reply = talk(rig, "tff/retentate_balance", b"SI\r\n").split()
    assert float(reply[2]) == pytest.approx(61.0, rel=0.03)  # 30 mL/min for two minutes


def test_injection_by_wire_reaches_the_column(rig: Any) -> None:
    rig.ask("load loop", bottle="capture", volume=20e-6)
    talk(rig, "sec/injection_valve", b"GOB\r", 3.0)
    talk(rig, "sec/conductivity", b"R\r")
    assert rig.plant.sec.injector == 2
    assert len(rig.plant.ledger.of("injection")) == 1


def test_the_same_seed_reads_the_same_and_another_differently() -> None:
    def readings(seed: int) -> list[float]:
        plant = build({"seed": seed}, lambda: 0.0).plant
        sensor = plant.sensor("tff.retentate_balance", lambda: 1.0)
        return [sensor() for _ in range(20)]

    assert readings(1) == readings(1)
    assert readings(1) != readings(2)


def test_reading_one_sensor_does_not_disturb_another() -> None:
    def second(reads_of_first: int) -> float:
        plant = build({}, lambda: 0.0).plant
        first = plant.sensor("tff.feed_pressure", lambda: 1e4)
        other = plant.sensor("tff.permeate_pressure", lambda: 1e4)
        for _ in range(reads_of_first):
            first()
        return other()

    assert second(0) == second(7)


def test_every_default_sensor_is_finite_and_named_like_its_unit() -> None:
    assert all(
        isinstance(spec, Sensor) and name.split(".")[0] in ("tff", "sec", "ep", "lyo") for name, spec in SENSORS.items()
    )


@pytest.mark.parametrize(
    ("section", "where"),
    [
        ({"tff": {"hold_up": "4 g"}}, "simulation.tff.hold_up"),
        ({"tff": {"holdup": "4 mL"}}, "simulation.tff.holdup"),
        ({"sec": {"loop": -1}}, "simulation.sec.loop"),
        ({"seed": "many"}, "simulation.seed"),
        ({"medium": {"small": "140 %"}}, "simulation.medium.small"),
    ],
)
def test_a_wrong_section_is_refused_by_name(section: dict[str, Any], where: str) -> None:
    with pytest.raises(ConfigError, match=where):
        build(section, lambda: 0.0)


def test_an_empty_section_is_a_plausible_line() -> None:
    config = SimulationConfig.model_validate({})
    assert config.medium.particles == pytest.approx(2.5e15)
    assert config.tff.hold_up == pytest.approx(4.8e-6)
