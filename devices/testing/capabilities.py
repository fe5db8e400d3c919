"""What the kit asks of each capability: its readings, its commands with two arguments each, and what is absurd.

Arguments are in the inside units (SI, degC). They suit most instruments; a counterpart may give others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from devices.readings import Prompt, PulseProgram, Transfer
from devices.testing.counterpart import Counterpart
from vesiflow.errors import DeviceFault, NoReply

NAN, INF = math.nan, math.inf
PSI = 6894.757293168  # Pa
PROGRAM = PulseProgram("EV1", "exponential", 400.0, 1, 0.0, 2e-3, capacitance=125e-6)
PROMPT = Prompt("fill buffer", "Fill the bottle.", (("buffer", "PBS"),), (("lot", "text"),))
TRANSFER = Transfer("sample:A1", "plate:A1", 90e-9, "EV")

Arguments = tuple[Any, ...]


@dataclass(frozen=True)
class Act:
    """One commanding method: arguments to try in turn, absurd ones, and how a text gets into it."""

    method: str
    arguments: Sequence[Arguments] = ((),)
    absurd: Sequence[Arguments] = ()
    with_text: Callable[[str], Arguments] | None = None


@dataclass(frozen=True)
class Capability:
    """`silence` is what a reading or command raises when the instrument says nothing; empty where it may wait."""

    reads: Sequence[str]
    acts: Sequence[Act] = ()
    silence: tuple[type[Exception], ...] = (NoReply,)
    texts: Mapping[str, Callable[[str], Arguments]] | None = None


def _numbers(method: str, first: float, second: float, *absurd: float) -> Act:
    return Act(method, ((first,), (second,)), tuple((value,) for value in (NAN, INF, -INF, *absurd)))


def _program(text: str) -> Arguments:
    return (replace(PROGRAM, name=text),)


_START_STOP = (Act("start"), Act("stop"))
_PUMP = (_numbers("set_flow", 1e-7, 1.5e-7, -1e-9, 1.0), *_START_STOP)

CAPABILITY_CASES: Mapping[str, Capability] = {
    "pump": Capability(("read_pump",), _PUMP),
    "chromatography_pump": Capability(
        ("read_pump", "read_pressure"), (_numbers("set_pressure_limit", 30e5, 25e5, -1e5, 1e12), *_PUMP)
    ),
    "pressure_sensors": Capability(("read_pressures",)),
    "pressure_controller": Capability(
        ("read_pressure",), (_numbers("set_pressure", 2 * PSI, 3 * PSI, 1e12, -1e12),)
    ),
    "balance": Capability(("read_mass",), (Act("tare"),)),
    "valve": Capability(("read_position",), (Act("move_to", (), (("nowhere",),), lambda text: (text,)),)),
    "conductivity_meter": Capability(("read_conductivity",)),
    "uv_detector": Capability(("read_absorbance",)),
    "fraction_collector": Capability(
        ("read_tube",),
        (Act("go_to", ((3,), (5,)), ((0,), (-1,), (1000,), (NAN,))), Act("collect", ((True,), (False,)))),
    ),
    "electroporator": Capability(
        ("read_log_names",),
        (
            Act(
                "upload", ((PROGRAM,), (replace(PROGRAM, voltage=350.0),)),
                tuple((replace(PROGRAM, voltage=volts),) for volts in (NAN, -1.0, 5000.0)), _program,
            ),
        ),
        texts={"read_program": lambda text: (text,), "read_log": lambda text: (text,)},
    ),
    "circulator": Capability(
        ("read_circulator",), (_numbers("set_temperature", 20.0, 25.0, -300.0, 1e4), *_START_STOP)
    ),
    "vacuum_controller": Capability(
        ("read_pressures", "read_relays"),
        (
            _numbers("set_pressure", 8.0, 10.0, -1.0, 1e9),
            Act(
                "set_relay", (("isolation", True), ("isolation", False)), (("nowhere", True),),
                lambda text: (text, True),
            ),
        ),
    ),
    "thermometer": Capability(("read_temperature",)),
    "thermoshaker": Capability(
        ("read_shaker",),
        (
            Act("clamp", ((True,),)), _numbers("set_temperature", 20.0, 25.0, -300.0, 1e4),
            _numbers("shake", 500 / 60, 600 / 60, -1.0, 1e6), Act("stop"),
        ),
    ),
    "barcode_scanner": Capability(("read_barcode",), silence=(NoReply, DeviceFault)),
    "liquid_handler": Capability(
        ("read_deck",),
        (
            Act(
                "transfer", (([TRANSFER],), ([replace(TRANSFER, target="plate:B1")],)),
                (
                    *(([replace(TRANSFER, volume=volume)],) for volume in (NAN, INF, -1e-9, 1.0)),
                    ([replace(TRANSFER, source="nowhere:A1")],),
                ),
                lambda text: ([replace(TRANSFER, source=text)],),
            ),
        ),
        texts={"replaced": lambda text: (text,)},
    ),
    "operator": Capability(
        (), (Act("ask", ((PROMPT,),), (), lambda text: (replace(PROMPT, text=text, details=((text, text),)),)),), ()
    ),
}  # fmt: skip


def acts_of(capability: str, counterpart: Counterpart) -> list[Act]:
    """The commands of a capability with the counterpart's own arguments; a valve's come from its positions."""
    acts = []
    for act in CAPABILITY_CASES[capability].acts:
        own: Sequence[Any] | None = counterpart.arguments.get(act.method)
        if act.method == "move_to" and own is None:
            own = list(counterpart.roles.get(capability, {}).get("positions", ()))
        acts.append(act if own is None else replace(act, arguments=tuple((value,) for value in own)))
    return acts


def texts_of(capability: str) -> dict[str, Callable[[str], Arguments]]:
    """Every method of a capability that takes text, and how a text gets into its arguments."""
    case = CAPABILITY_CASES[capability]
    found = {act.method: act.with_text for act in case.acts if act.with_text is not None}
    return {**found, **(case.texts or {})}
