"""Arguments and results as a person writes and reads them."""

from __future__ import annotations

import math
from typing import Any, get_type_hints

import pytest

from devices import registry
from devices.by_hand import arguments, methods, rows
from devices.commands import Kind, command, read
from devices.readings import (
    CirculatorState,
    PulseProgram,
    Quality,
    Reading,
    ShakerState,
    Speed,
    Temperature,
    TubePosition,
    bad,
)
from devices.roles import CAPABILITIES
from vesiflow.errors import ConfigError


class Oven:
    """Gives a capability, with a method of its own and one that nothing is known of."""

    @command(Kind.SETPOINT)
    async def set_temperature(self, temperature: float) -> None: ...

    @command(Kind.SETPOINT)
    async def spin(self, speed: Speed, count: int, gently: bool) -> None: ...

    @read
    async def read_raw(self, factor: float) -> Temperature:
        return factor

    async def undeclared(self) -> None: ...


KNOWN = methods(Oven(), "circulator")


def given(name: str, *texts: str) -> tuple[Any, ...]:
    return arguments(KNOWN[name], texts)


def shown(hint: Any, value: Any) -> list[tuple[str, str]]:
    return list(rows(hint, value))


def test_only_declared_methods_are_offered() -> None:
    assert set(KNOWN) == {"set_temperature", "spin", "read_raw"}
    assert KNOWN["spin"].usage == "spin SPEED COUNT GENTLY" and KNOWN["spin"].kind is Kind.SETPOINT


def test_units_come_from_the_capability_or_the_method() -> None:
    assert given("set_temperature", "-40 degC") == (-40.0,)
    assert given("set_temperature", "263.15 K") == pytest.approx((-10.0,))
    assert given("spin", "600 rpm", "3", "on") == (pytest.approx(10.0), 3, True)
    assert given("read_raw", "2.5") == (2.5,)


@pytest.mark.parametrize(
    ("name", "texts", "says"),
    [
        ("set_temperature", ("20",), "not a temperature"),
        ("set_temperature", ("20 psi",), "not a temperature"),
        ("set_temperature", ("nan degC",), "not a temperature"),
        ("set_temperature", (), "other arguments"),
        ("spin", ("600 rpm", "3.5", "on"), "not a number for count"),
        ("spin", ("600 rpm", "3", "perhaps"), "not a yes/no for gently"),
        ("read_raw", ("inf",), "not a number"),
    ],
)
def test_what_cannot_be_understood_is_bad_input(name: str, texts: tuple[str, ...], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        given(name, *texts)


def test_every_method_of_every_driver_can_be_listed() -> None:
    for name in registry.names():
        driver = registry.load(name)
        for capability in driver.provides:
            methods(object.__new__(driver), capability)


@pytest.mark.parametrize("capability", CAPABILITIES)
def test_every_number_of_a_capability_has_its_unit(capability: str) -> None:
    protocol = CAPABILITIES[capability]
    for name in dir(protocol):
        if not name.startswith("_"):
            hints = get_type_hints(getattr(protocol, name), include_extras=True)
            assert float not in hints.values() and Reading not in hints.values(), name


def test_results_have_units_and_readings_say_why_they_are_none() -> None:
    state = CirculatorState(Reading(-12.345678, 1.0), -12.5, True)
    assert shown(None, state) == [("temperature", "-12.3457 degC"), ("setpoint", "-12.5 degC"), ("running", "yes")]
    lost = CirculatorState(bad(Quality.ABSENT, 1.0), 20.0, False)
    assert dict(shown(None, lost))["temperature"] == "sensor absent"
    settling = Reading(0.1, 1.0, Quality.UNSTABLE)
    mass = methods_of("balance", "read_mass")
    assert shown(mass, settling) == [("", "100 g (unstable)")]


def methods_of(capability: str, name: str) -> Any:
    """The declared result of a method of a capability."""
    return get_type_hints(getattr(CAPABILITIES[capability], name), include_extras=True)["return"]


def test_mappings_sequences_and_records() -> None:
    pressures = methods_of("pressure_sensors", "read_pressures")
    found = {"feed": Reading(6894.757293168, 0.0), "permeate": bad(Quality.OVER, 0.0)}
    assert shown(pressures, found) == [("feed", "1 psi"), ("permeate", "over range")]
    assert shown(None, TubePosition(3, True)) == [("tube", "3"), ("still", "yes")]
    assert shown(None, ["a", "b"]) == [("", "a, b")] and shown(None, []) == [("", "none")]
    program = PulseProgram("EV1", "square", 400.0, 1, 1.0, 2e-3, width=300e-6)
    written = dict(shown(None, program))
    assert (written["voltage"], written["gap"], written["capacitance"]) == ("400 V", "2 mm", "0 uF")
    still = ShakerState(Reading(20.0, 0.0), 20.0, True, 0.0, 500 / 60, False, True)
    assert dict(shown(None, still))["speed setpoint"] == "500 rpm"
    assert shown(None, None) == [("", "-")]
    assert shown(None, math.nan)[0][1] == "nan"
