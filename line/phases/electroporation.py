"""Electroporation: conductivity check, plate preparation, chill, one pulse run per plate column, rest, collect.

The generator has no remote fire command and a sample is pulsed once: a person presses GO, and only the instrument's
own new log proves a pulse. No log means not proven, never once more.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

from devices.commands import Command, Kind, Verdict
from devices.readings import PulseLog, PulseProgram
from line import transfer_plan
from line.asking import entered
from line.memory import BEGUN
from line.phases.pipetting import pipette, place_bottle, place_labware, place_stock
from line.requests import Stopped
from line.run import PhaseRun
from line.units import ElectroporationStation
from protocols.phases import CheckConductivity, Chill, CollectPlate, PreparePlate, Pulse, PulsePlate, Rest
from vesiflow.errors import BadReply, Danger, NoReply, Refused

SAMPLE, CARGO = "sample:A1", "cargo:A1"
_LOG_APPEARS_WITHIN = 5.0
_FILLED = 0.4, 2.5  # times the conductance of wells filled with this sample: it is cold and has cargo in it
_NO_LOAD = 1e4  # ohm, where the sample's conductivity is not known
_ARCS = 2
ARCS = "electroporation.arcs"
WELL_VOLUME = "electroporation.well_volume"
ELECTROPORATOR = "electroporation.electroporator"
PULSE = "pulse"


def proven(before: Sequence[str], after: Sequence[str], args: tuple[object, ...]) -> Verdict:
    """One new log of the instrument proves a pulse. No new one proves nothing: a person may press GO any moment."""
    return Verdict.DONE if len(after) - len(before) == 1 else Verdict.UNKNOWN


PULSED = Command(Kind.COUNTED, "read_log_names", proven)


async def check_conductivity(run: PhaseRun, params: CheckConductivity) -> None:
    """Refuse a sample that would arc."""
    station = run.unit(ElectroporationStation)
    await run.ask("dip probe", f"Put the conductivity probe into bottle {params.source}", {"bottle": params.source})
    await run.wait(5.0, period=1.0)
    value = run.reading("electroporation.conductivity", await station.conductivity.read_conductivity())
    run.result("conductivity", value, "S/m")
    run.fact("electroporation.conductivity", value)
    if value > params.limit:
        what, tag = "the sample would arc", "electroporation.conductivity"
        run.alarm("ep.conductivity", what, value, params.limit, "S/m", tag)
        raise Refused(
            "the sample would arc",
            device="electroporation.conductivity",
            value=f"{value * 10:.3g} mS/cm",
            bounds=f"<= {params.limit * 10:.3g} mS/cm",
            remedy="exchange the buffer once more",
        )


async def prepare(run: PhaseRun, params: PreparePlate) -> None:
    """Sample, then cargo, into every well by the liquid handler."""
    station = run.unit(ElectroporationStation)
    plan = transfer_plan.plate([treatment(params)], await station.liquid_handler.read_layout())
    cargo = 1.2 * params.cargo_volume * params.wells
    await place_bottle(run, params.source, "sample")
    await place_stock(
        run, f"Place {params.cargo} stock on the deck as cargo", params.cargo, params.cargo_stock,
        max(cargo, plan.needs.get(CARGO, 0.0)), "cargo",
    )  # fmt: skip
    text = "Place a fresh electroporation plate and full tip racks on the deck"
    await place_labware(run, station.liquid_handler, "place plate", text, "plate")
    await pipette(run, station.liquid_handler, plan.transfers)
    run.fact(WELL_VOLUME, params.sample_volume + params.cargo_volume)
    run.result("wells", params.wells, "")
    run.result("volume per well", params.sample_volume + params.cargo_volume, "m^3")


def treatment(params: PreparePlate) -> transfer_plan.Treatment:
    """What the recipe wants in every well."""
    return transfer_plan.Treatment(
        transfer_plan.Stock(SAMPLE, params.source),
        params.sample_volume,
        transfer_plan.Stock(CARGO, params.cargo, params.cargo_stock),
        params.wells,
        cargo_volume=params.cargo_volume,
    )


async def chill(run: PhaseRun, params: Chill) -> None:
    """Plate on the cold block; the person enters the temperature read there."""
    details = {"temperature": params.temperature, "duration": params.duration}
    text = f"Put the plate on the cold block for {params.duration / 60:.0f} min, then enter its temperature"
    values = await run.ask("chill plate", text, details, {"temperature": "degC"})
    temperature = entered(values["temperature"], "degC")
    run.log("electroporation.temperature", temperature)
    run.result("temperature", temperature, "degC")
    if temperature > params.temperature + 2.0:
        run.not_so()
        what, tag = "the plate is too warm to pulse", "electroporation.temperature"
        run.alarm("ep.temperature", what, temperature, params.temperature + 2.0, "degC", tag)
        raise Refused(
            "the plate is too warm to pulse",
            device="operator",
            action="chill plate",
            value=f"{temperature:.1f} degC",
            bounds=f"<= {params.temperature + 2:.1f} degC",
            remedy="chill longer",
        )


async def pulse(run: PhaseRun, params: PulsePlate) -> None:
    """One run of the generator per plate column, each verified from its own new log."""
    station = run.unit(ElectroporationStation)
    program = _program(run, params.pulse)
    await station.electroporator.upload(program)
    stored = await station.electroporator.read_program(program.name)
    if stored != program:
        raise BadReply(
            "the stored program differs from the recipe",
            device="electroporation.electroporator",
            action="upload",
            remedy="delete the program on the instrument and start again",
        )
    await run.ask("move plate", "Put the plate into the electroporator", {"to": "electroporator"})
    columns = -(-params.wells // params.wells_per_pulse)
    for column in range(run.gateway.done(PULSE) + 1, columns + 1):
        await run.attend()
        path = await run.gateway.perform(
            ELECTROPORATOR, PULSE, PULSED, partial(_press_go, run, station, program, column), program.name, column
        )
        log = await station.electroporator.read_log(path or (await station.electroporator.read_log_names())[-1])
        _verify(run, params, log, column)
        run.progress = column / columns
    await run.ask("move plate", "Put the plate back on the deck", {"to": "deck"})
    run.result("columns pulsed", columns, "")


def _program(run: PhaseRun, pulse: Pulse) -> PulseProgram:
    name = f"VF{run.phase.key.split('-')[0]}{run.batch[-6:]}"
    return PulseProgram(
        name=name,
        shape=pulse.shape,
        voltage=pulse.voltage,
        pulses=pulse.count,
        interval=pulse.interval,
        gap=pulse.gap,
        width=pulse.width,
        capacitance=pulse.capacitance,
        resistance=pulse.resistance,
    )


async def _press_go(run: PhaseRun, station: ElectroporationStation, program: PulseProgram, column: int) -> str:
    """A person presses GO; the path of the one new log. NoReply when none appears in time."""
    known = set(await station.electroporator.read_log_names())
    details = {"program": program.name, "column": column}
    stopped: Stopped | None = None
    try:
        await run.ask("press GO", f"Select column {column} and program {program.name}, press GO once", details)
    except Stopped as request:  # a train that may have begun is never split: it ends, then the phase does
        if run.requests.abort:
            raise
        stopped = request
    deadline = run.clock.now() + program.pulses * program.interval + _LOG_APPEARS_WITHIN
    while True:
        new = [path for path in await station.electroporator.read_log_names() if path not in known]
        if len(new) == 1:
            return new[0]
        if len(new) > 1 or run.clock.now() >= deadline:
            run.not_so()
            if stopped is not None:
                raise stopped
            raise NoReply(
                f"{len(new)} new pulse logs for column {column}, expected one",
                device=ELECTROPORATOR,
                action="press GO",
                remedy="decide from the instrument's display; never pulse again",
            )
        await run.clock.sleep(1.0)


def _verify(run: PhaseRun, params: PulsePlate, log: PulseLog, column: int) -> None:
    """Voltage and time constant of every pulse against the recipe; an arc shows as a short time constant."""
    if not log.voltages:
        run.interlocks.trip(
            "ep.interlock", f"column {column}: {log.result} before its first pulse: lid, plate or safety interlock",
            value=0, limit=params.pulse.count, tag="electroporation.voltage", error=Danger,
        )  # fmt: skip
    if log.result != "Complete" or not log.status_ok or len(log.voltages) != params.pulse.count:
        run.interlocks.trip(
            "ep.train", f"column {column}: {log.result}, {len(log.voltages)} pulses; nothing is added to it",
            value=len(log.voltages), limit=params.pulse.count, tag="electroporation.voltage",
        )  # fmt: skip
    for voltage, tau, load in zip(log.voltages, log.time_constants, log.loads, strict=False):
        run.log("electroporation.voltage", voltage)
        run.log("electroporation.time_constant", tau)
        run.log("electroporation.load", load)
        _seated(run, params, column, load)
        if abs(voltage - params.pulse.voltage) > params.voltage_tolerance * params.pulse.voltage:
            what, tag = f"column {column}: pulse voltage", "electroporation.voltage"
            run.alarm("ep.voltage", what, voltage, params.pulse.voltage, "V", tag)
        if params.pulse.shape == "exponential" and not params.time_constant_min <= tau <= params.time_constant_max:
            bound = params.time_constant_min if tau < params.time_constant_min else params.time_constant_max
            run.alarm("ep.arc", f"column {column}: time constant", tau, bound, "s", "electroporation.time_constant")
            _not_again(run, column, tau, bound)
    run.result(f"column {column} voltage", log.voltages[-1] if log.voltages else 0.0, "V")
    run.result(f"column {column} time constant", log.time_constants[-1] if log.time_constants else 0.0, "s")


def _not_again(run: PhaseRun, column: int, tau: float, bound: float) -> None:
    """One column may have a bubble; a second one that arcs has the same cause, and the next ones would arc too."""
    run.fact(ARCS, run.facts.get(ARCS, 0.0) + 1.0)
    if run.facts[ARCS] >= _ARCS:
        run.forget(ARCS)
        run.interlocks.trip(
            "ep.arcs", f"column {column} is the second one that arcs", value=tau, limit=bound, unit="s",
            tag="electroporation.time_constant",
        )  # fmt: skip


def _seated(run: PhaseRun, params: PulsePlate, column: int, load: float) -> None:
    """What lies between the electrodes against the wells that were filled: no plate, another gap, or empty wells."""
    conductance = 1.0 / load - (1.0 / params.pulse.resistance if params.pulse.resistance else 0.0)
    filled = _filled(run, params, column)
    least, most = (1.0 / _NO_LOAD, math.inf) if filled is None else (_FILLED[0] * filled, _FILLED[1] * filled)
    run.interlocks.require(
        "ep.load", least <= conductance <= most, f"column {column}: no plate, another gap, or not what was filled in",
        value=conductance, limit=most if conductance > most else least, unit="S", tag="electroporation.load",
        debounce=0.0,
    )  # fmt: skip


def _filled(run: PhaseRun, params: PulsePlate, column: int) -> float | None:
    """Conductance of the column as it was filled, S: kappa V / gap^2, the wells in parallel; None when not known."""
    conductivity, volume = run.facts.get("electroporation.conductivity"), run.facts.get(WELL_VOLUME)
    if conductivity is None or volume is None:
        return None
    wells = min(params.wells_per_pulse, params.wells - (column - 1) * params.wells_per_pulse)
    return conductivity * volume * wells / params.pulse.gap**2


async def rest(run: PhaseRun, params: Rest) -> None:
    """Leave the plate in peace; longer than allowed is a deviation."""
    await run.wait(params.duration - run.since(BEGUN))
    elapsed = run.since(BEGUN)
    run.result("rest", elapsed, "s")
    if elapsed > params.max_duration:
        run.deviation("rest after the pulse", elapsed, params.max_duration, "s", "major")


async def collect(run: PhaseRun, params: CollectPlate) -> None:
    """Pool all wells into the product bottle by the liquid handler."""
    station = run.unit(ElectroporationStation)
    layout = await station.liquid_handler.read_layout()
    await place_bottle(run, params.product, "pool", empty=True)
    plan = transfer_plan.collected(params.wells, params.volume / params.wells, layout)
    await pipette(run, station.liquid_handler, plan.transfers)
    run.fact(f"bottle.{params.product}.volume", params.volume)
    run.result("collected volume", params.volume, "m^3")
