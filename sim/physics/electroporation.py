"""The electroporator twin: one pulse into one well or cuvette.

    result = electroporation.pulse(settings, sample, rng)

`settings` is what was programmed, `sample` what lies between the electrodes, `rng` a seeded `random.Random` that
decides on arcs and on the tolerance of this capacitor; without it (None) the pulse is nominal and arcs when x > 1.
The result holds what a pulser logs (voltage, time constant, resistance, pulses delivered) and what happened to the
sample (temperature, apparent and protected loading, recovery). SI units, temperatures degC.
Equations: `pulse` (circuit and heat) and `loading` (vesicles).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from random import Random

from sim.physics.loading import (
    aggregated,
    precipitated,
    protected_loading,
    recovered,
    size_shift,
)
from sim.physics.pulse import (
    CONDUCTIVITY_RISE,
    Cell,
    Discharge,
    discharge,
    heating,
    square,
    square_energy,
    stored_energy,
)

BOILING = 100.0  # degC
ARC_CURRENT = 15000.0  # A/m^2 in a 2 mm gap
ARC_WIDTH = 0.08
OPEN_CIRCUIT = 1e6  # ohm: an empty or cracked cuvette
TAU_ARC = 1e-4  # s


@dataclass(frozen=True)
class Settings:
    """The programme: an exponential decay when `capacitance` is given, else square pulses of `length`."""

    voltage: float
    gap: float
    capacitance: float | None = None
    length: float = 0.0
    count: int = 1
    interval: float = 1.0  # s between pulses
    parallel: float = math.inf


@dataclass(frozen=True)
class Sample:
    """Contents of a well: m^3, S/m at `temperature`, vesicles 1/m^3 of `diameter` m, cargo, trehalose and EDTA mol/m^3.

    `bubbles` is the share of the gap that is air; volume 0 is an empty well.
    """

    volume: float
    conductivity: float
    temperature: float = 4.0
    particles: float = 0.0
    diameter: float = 100e-9
    cargo: float = 0.0
    trehalose: float = 0.0
    chelator: float = 0.0
    bubbles: float = 0.0
    block: float = 4.0  # degC of the holder
    cooling: float = 60.0  # s, time constant towards it


@dataclass(frozen=True)
class PulseResult:
    """Log of the instrument, then the state of the sample.

    Loading is a share of the cargo, recovery a share of the particles.
    """

    delivered: int
    peak_voltage: float
    time_constant: float
    resistance: float
    charge: float
    warming: float
    peak_temperature: float
    arc: bool
    open_circuit: bool
    apparent_loading: float
    protected_loading: float
    recovery: float
    size_shift: float
    sample: Sample


def resistance(settings: Settings, sample: Sample) -> float:
    """What the resistance check before the pulse reads, ohm. A bubble raises it by (1 - share)^-1.5."""
    if sample.volume <= 0.0 or sample.bubbles >= 1.0:
        return OPEN_CIRCUIT
    return _cell(settings, sample).resistance


def arc_index(settings: Settings, sample: Sample) -> float:
    """x of the arcing hazard: the nearest of boiling, current density and bubbles; an arc is even odds at 1."""
    cell = _cell(settings, sample)
    warming = predicted_warming(settings, sample)
    field = settings.voltage / settings.gap / max(1.0 - sample.bubbles, 1e-3)
    density = ARC_CURRENT * settings.gap / 0.002
    return max(
        warming / max(BOILING - sample.temperature, 1e-3),
        cell.conductivity * field / density,
        2.0 * sample.bubbles,
    )


def arc_probability(x: float) -> float:
    """Chance of an arc per pulse."""
    return 1.0 / (1.0 + math.exp(-min(max((x - 1.0) / ARC_WIDTH, -700.0), 700.0)))


def predicted_warming(settings: Settings, sample: Sample) -> float:
    """Adiabatic warming by the whole programme at the starting conductivity, K."""
    cell = _cell(settings, sample)
    if settings.capacitance is not None:
        energy = stored_energy(settings.voltage, settings.capacitance) * cell.share * settings.count
    else:
        energy = square_energy(settings.voltage, cell.sample_resistance, settings.length, settings.count)
    return heating(energy, sample.volume)


def pulse(settings: Settings, sample: Sample, rng: Random | None = None) -> PulseResult:
    """All pulses of the programme, with warming between and arcs; stops at the first arc."""
    if resistance(settings, sample) >= OPEN_CIRCUIT:
        return _nothing(settings, sample)
    voltage = settings.voltage * (1.0 + (rng.gauss(0.0, 0.005) if rng else 0.0))
    capacitance = settings.capacitance
    if capacitance is not None and rng:
        capacitance *= 1.0 + max(-0.1, min(0.1, rng.gauss(0.0, 0.05)))
    actual = replace(settings, voltage=voltage, capacitance=capacitance)
    probability = arc_probability(arc_index(settings, sample))
    charge, now, tau, peak = 0.0, sample, 0.0, sample.temperature
    for number in range(1, settings.count + 1):
        if (rng.random() if rng else 0.5) < probability:
            return _arced(actual, now, number, charge, peak)
        shot = _one(actual, now)
        charge, tau, peak = charge + shot.charge, shot.time_constant, max(peak, shot.temperature)
        now = _rested(now, shot.temperature, settings.interval)
    return _done(actual, sample, now, charge, tau, peak)


def _cell(settings: Settings, sample: Sample) -> Cell:
    shrunk = sample.conductivity * (1.0 - sample.bubbles) ** 1.5
    return Cell(settings.gap, max(sample.volume, 1e-15), max(shrunk, 1e-9), settings.parallel)


def _one(settings: Settings, sample: Sample) -> Discharge:
    cell = _cell(settings, sample)
    if settings.capacitance is None:
        return square(cell, settings.voltage, settings.length, sample.temperature)
    return discharge(
        cell,
        settings.voltage,
        settings.capacitance,
        sample.temperature,
        block=sample.block,
        cooling=sample.cooling,
    )


def _rested(sample: Sample, temperature: float, interval: float) -> Sample:
    """The sample at the next pulse: cooled by the holder, conducting as its temperature says."""
    cooled = sample.block + (temperature - sample.block) * math.exp(-interval / sample.cooling)
    rise = 1.0 + CONDUCTIVITY_RISE * (cooled - sample.temperature)
    return replace(sample, temperature=cooled, conductivity=sample.conductivity * max(rise, 0.1))


def _done(settings: Settings, before: Sample, after: Sample, charge: float, tau: float, peak: float) -> PulseResult:
    warming = peak - before.temperature
    inside = protected_loading(before.particles, before.diameter, settings.voltage / settings.gap)
    outside = precipitated(charge / before.volume, before.cargo, before.chelator) if before.cargo > 0.0 else 0.0
    clumped = aggregated(before.conductivity, warming, before.trehalose)
    return PulseResult(
        settings.count,
        settings.voltage,
        tau,
        resistance(settings, before),
        charge,
        warming,
        peak,
        False,
        False,
        min(1.0, inside + outside),
        inside,
        recovered(before.conductivity, warming, before.trehalose),
        size_shift(clumped),
        after,
    )


def _arced(settings: Settings, sample: Sample, number: int, charge: float, peak: float) -> PulseResult:
    """The voltage collapses within microseconds, the liquid is thrown out: the sample is lost."""
    return PulseResult(
        number,
        settings.voltage * 0.3,
        TAU_ARC,
        resistance(settings, sample),
        charge,
        max(peak, BOILING) - sample.temperature,
        max(peak, BOILING),
        True,
        False,
        0.0,
        0.0,
        0.0,
        1.0,
        replace(sample, temperature=BOILING),
    )


def _nothing(settings: Settings, sample: Sample) -> PulseResult:
    """Open circuit: the charge stays in the capacitor."""
    return PulseResult(
        0,
        settings.voltage,
        math.inf,
        OPEN_CIRCUIT,
        0.0,
        0.0,
        sample.temperature,
        False,
        True,
        0.0,
        0.0,
        1.0,
        1.0,
        sample,
    )
