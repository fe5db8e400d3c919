"""Liquid and species through a packed bed, for any sequence of inlet changes: injections, buffers, pauses.

The bed is linear, so every change of the inlet composition at pumped volume v_k answers at the outlet with the same
step response F_s(v - v_k) of its species; concentrations and amounts are sums over the changes still under way. Step
responses come from the general rate model (`sim.physics.sec`), once per flow; kinetics do not scale with flow, so a
flow that differs by more than a fifth gets new ones, but never while a sample is on the bed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sim.material import CARGO, SPECIES, VESICLES, Material
from sim.physics import sec

Floats = NDArray[np.float64]
NAMES = tuple(SPECIES)
INDEX = {name: i for i, name in enumerate(NAMES)}
SAMPLE = [INDEX[name] for name in (*VESICLES, "protein", "complexes", "ldl", "hdl", *CARGO)]
POINTS = 2048
SAME_FLOW = 0.2

_VESICLE = sec.Species(1e-4, 2e-6, 2e-12)
_SALT = sec.Species(1.0, 1e-4, 8e-10)
_SUGAR = sec.Species(0.95, 6e-5, 3e-10)
BEHAVIOUR: Mapping[str, sec.Species] = {
    "ev_50": sec.Species(2e-3, 3e-6, 3e-12),
    "ev_100": _VESICLE,
    "ev_180": sec.Species(0.0, 1.5e-6, 1.5e-12),
    "ev_aggregate": sec.Species(0.0, 1.5e-6, 1.5e-12),
    "ev_lysed": sec.Species(0.3, 8e-6, 1e-11),
    "protein": sec.Species(0.62, 2e-5, 4e-11),
    "complexes": sec.Species(0.4, 1e-5, 1.5e-11),
    "ldl": sec.Species(0.05, 5e-6, 5e-12),
    "hdl": sec.Species(0.5, 1.2e-5, 2e-11),
    "cargo_free": sec.Species(0.8, 3e-5, 8e-11),
    "cargo_apparent": _VESICLE,
    "cargo_protected": _VESICLE,
    "trehalose": _SUGAR,
    "sucrose": _SUGAR,
    "nutrients": _SUGAR,
}
"""How each species meets the beads; what is not named behaves as salt. LDL runs with the vesicles."""


def vector(material: Material) -> Floats:
    """Concentrations of all species, per m^3."""
    values = np.zeros(len(NAMES))
    if material.volume > 0.0:
        for name, amount in material.amounts.items():
            values[INDEX[name]] = amount / material.volume
    return values


def material(volume: float, amounts: Floats) -> Material:
    """A material from amounts of all species."""
    return Material(volume, {name: float(a) for name, a in zip(NAMES, amounts, strict=True) if a != 0.0})


@dataclass(frozen=True)
class Responses:
    """Step response and its integral over volume for every species, on an even grid of `step` m^3."""

    flow: float
    step: float
    outlet: Floats  # (POINTS, species): c/c0
    passed: Floats  # (POINTS, species): integral of c/c0 dV, m^3

    @property
    def last(self) -> float:
        """Volume after which a step has come through completely, m^3."""
        return self.step * (POINTS - 1)

    def concentration(self, volume: float) -> Floats:
        """Share of a step of the inlet seen at the outlet after `volume`."""
        return self._at(self.outlet, volume, 1.0)

    def amount(self, volume: float) -> Floats:
        """What a unit step has brought out by `volume`, m^3."""
        return self._at(self.passed, volume, volume - self.last)

    def _at(self, table: Floats, volume: float, beyond: float) -> Floats:
        if volume <= 0.0:
            return np.zeros(len(NAMES))
        x = volume / self.step
        i = int(x)
        if i >= POINTS - 1:
            return np.asarray(table[-1] + (beyond if table is self.passed else 0.0))
        return np.asarray(table[i] + (x - i) * (table[i + 1] - table[i]))


def responses(column: sec.Column, flow: float) -> Responses:
    """Compute the step responses at `flow`; about 10 ms per kind of species."""
    pulse = 1e-3 * column.bed_volume  # short enough that its edges do not show
    kinds = {BEHAVIOUR.get(name, _SALT) for name in NAMES}
    mixing = column.mixing_volume
    curves = {k: sec.elute(sec.GeneralRate(column, k, flow), flow, pulse, mixing_volume=mixing) for k in kinds}
    means = {k: sec.GeneralRate(column, k, flow).moments() for k in kinds}
    last = max((m.mean + 10.0 * m.variance**0.5) * flow for m in means.values()) + 10.0 * mixing
    grid = np.linspace(0.0, last, POINTS)
    outlet = np.empty((POINTS, len(NAMES)))
    for i, name in enumerate(NAMES):
        curve = curves[BEHAVIOUR.get(name, _SALT)]
        step = np.interp(grid + pulse / 2.0, curve.volumes, curve.left)
        outlet[:, i] = np.clip(np.maximum.accumulate(step), 0.0, 1.0)
    outlet[-1] = 1.0
    width = grid[1]
    passed = np.zeros_like(outlet)
    passed[1:] = np.cumsum((outlet[1:] + outlet[:-1]) / 2.0, axis=0) * width
    return Responses(flow, float(width), outlet, passed)


@dataclass
class Bed:
    """A column and the tubing behind it. `volume` is what has been pumped so far, m^3."""

    column: sec.Column
    delay: float  # m^3 from the bed to the fraction outlet
    inlet: Floats
    flow: float
    volume: float = 0.0
    base: Floats = field(init=False)
    changes: list[tuple[float, Floats]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.responses = responses(self.column, self.flow)
        self.base = self.inlet.copy()
        self.held = self.base * self.hold_up

    @property
    def hold_up(self) -> Floats:
        """Volume in which each species is held at a uniform concentration: its retention volume, m^3."""
        last = self.responses.last
        return np.asarray(last - self.responses.passed[-1] + self.delay)

    @property
    def liquid(self) -> float:
        """All liquid in bed and tubing, m^3."""
        column = self.column
        pores = (1.0 - column.bed_porosity) * column.particle_porosity
        return column.bed_volume * (column.bed_porosity + pores) + column.mixing_volume + self.delay

    def tune(self, flow: float) -> None:
        """Other step responses when the flow differs by more than a fifth and no sample is on the bed."""
        if flow > 0.0 and abs(flow / self.responses.flow - 1.0) > SAME_FLOW and not self.loaded:
            self.responses = responses(self.column, flow)

    @property
    def loaded(self) -> bool:
        """Whether something that a run is about is still on its way."""
        return any(bool(np.any(change[SAMPLE] != 0.0)) for _, change in self.changes)

    def feed(self, inlet: Floats) -> None:
        """From here on the inlet has this composition."""
        change = inlet - self.inlet
        if np.any(change != 0.0):
            self.changes.append((self.volume, change))
            self.inlet = inlet.copy()

    def outlet(self, volume: float, delay: float) -> Floats:
        """Concentrations `delay` m^3 behind the bed when `volume` has been pumped."""
        seen = self.base.copy()
        for begin, change in self.changes:
            seen += change * self.responses.concentration(volume - delay - begin)
        return np.maximum(seen, 0.0)

    def push(self, volume: float) -> Floats:
        """Pump `volume` of the present inlet through; the amounts that reach the fraction outlet."""
        begin, end = self.volume - self.delay, self.volume + volume - self.delay
        out = self.base * volume
        for at, change in self.changes:
            out += change * (self.responses.amount(end - at) - self.responses.amount(begin - at))
        self.held += self.inlet * volume
        out = np.clip(out, 0.0, self.held)
        self.held -= out
        self.volume += volume
        self._forget()
        return out

    def _forget(self) -> None:
        """Changes that have come through completely become the base."""
        done = [c for c in self.changes if self.volume - self.delay - c[0] > self.responses.last]
        if done:
            self.base = np.maximum(self.base + sum(change for _, change in done), 0.0)
            self.changes = [c for c in self.changes if self.volume - self.delay - c[0] <= self.responses.last]
        if not self.changes:
            self.base = self.inlet.copy()  # no trace of rounding stays
