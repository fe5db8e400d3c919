"""What a fault may say by itself, whatever line and recipe: injector, level, settings with their units and bounds."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from sim.config import SENSORS, sensor_unit
from sim.faults.injectors import ANY, LEVELS, NEEDED, SETTINGS, TEXT
from sim.faults.model import Fault, Setting
from sim.robot_deck import SECONDS
from sim.wire.faulty import Fault as WireFault
from vesiflow.documents import Place
from vesiflow.quantities import parse
from vesiflow.words import meant

COMMANDS = ("Reset", "Start", "Stop", "Hold", "Unhold", "Suspend", "Unsuspend", "Abort", "Clear")
"""PackML commands that a person can press."""

_WORDS: Mapping[str, Collection[str]] = {
    "wire.fault.fault": [str(one) for one in WireFault if one is not WireFault.NONE],
    "person.presses.command": COMMANDS,
    "balance.unit.unit": ("g", "kg", "mg"),
    "robot.error.op": (*SECONDS, "clear_tips"),
}
_SENSOR_NAMES = ("sensor", "other")
_DIFFERENCES = ("step", "rate")
_ABOVE_ZERO = (
    "every", "times", "count", "baudrate", "channel", "gap", "factor", "resistance", "slip", "share", "ratio",
    "tff.empty.seconds", "tff.fouling.step", "pulse.missed.by",
)  # fmt: skip
_NOT_NEGATIVE = ("seconds", "pages", "open", "leak", "throughput", "back")
_ANY_SIGN = ("clock.step.seconds",)


def wrong(fault: Fault) -> Iterator[tuple[Place, str]]:
    """Everything wrong with `fault` by itself: where in it, and why."""
    if fault.what not in SETTINGS:
        known = ", ".join(sorted(SETTINGS))
        yield ("what",), f"nothing is called {fault.what!r}{meant(fault.what, SETTINGS)}; known: {known}"
        return
    level = LEVELS[fault.what]
    if fault.level is not level:
        yield ("level",), f"{fault.what} is no fault of level {fault.level}; its level is {level}"
    for name in NEEDED.get(fault.what, ()):
        if name not in fault.settings:
            yield ("settings",), f"{fault.what} needs the setting {name}"
    for name, value in fault.settings.items():
        try:
            read_setting(fault, name, value)
        except ValueError as error:
            yield ("settings", name), str(error)


def read_setting(fault: Fault, name: str, value: Setting) -> Setting:
    """A setting as its injector takes it, in inside units; ValueError when it cannot be meant."""
    known = SETTINGS[fault.what]
    if name not in known:
        raise ValueError(
            f"{fault.what} has no such setting{meant(name, known)}; it has {', '.join(sorted(known)) or 'none'}"
        )
    if known[name] == TEXT:
        return _word(fault.what, name, value)
    if isinstance(value, bool):
        raise ValueError(f"{value!r} is not a number")
    if known[name] == ANY and fault.settings.get("sensor") not in SENSORS:
        return value  # the sensor is refused; its unit is anybody's guess
    read = parse(value, _unit(fault, name)) if isinstance(value, str) else value
    _refuse_senseless(fault.what, name, float(read))
    return read


def _word(what: str, name: str, value: Setting) -> Setting:
    if name in _SENSOR_NAMES and value not in SENSORS:
        raise ValueError(f"unknown sensor {value!r}{meant(value, SENSORS)}; there is {', '.join(SENSORS)}")
    allowed = _WORDS.get(f"{what}.{name}")
    if allowed is not None and value not in allowed:
        raise ValueError(f"unknown {name} {value!r}{meant(value, allowed)}; allowed are {', '.join(allowed)}")
    return value


def _unit(fault: Fault, name: str) -> str:
    """The unit of a number."""
    unit = SETTINGS[fault.what][name]
    if unit != ANY:
        return unit
    unit = sensor_unit(str(fault.settings.get("sensor")))
    unit = "K" if unit == "degC" and name in _DIFFERENCES else unit
    return f"{unit}/s" if name == "rate" else unit


def _refuse_senseless(what: str, name: str, number: float) -> None:
    keys = (name, f"{what}.{name}")
    if any(key in _ANY_SIGN for key in keys):
        return
    if any(key in _ABOVE_ZERO for key in keys):
        if not number > 0.0:
            raise ValueError(f"must be above 0 (got {number:g})")
    elif name in _NOT_NEGATIVE and not number >= 0.0:
        raise ValueError(f"must not be negative (got {number:g})")
