"""Size-exclusion chromatography: the outlet curve of an injection by one FFT, fractions, detectors, column ageing.

    curves = sec.outlet_curve(column, species, flow, injection_volume)   # {name: Elution}, once per injection
    curves["EV"].at(volume)                    c/c0 at the outlet after `volume` m^3 since the start of injection
    curves["EV"].fraction(from_volume, to)     share of the injected amount that left in between
    sec.moments(column, species, flow)         exact mean and variance without the injection

SI units. The volume axis stands still in a pause; kinetics do not scale with flow, so a flow change of more than 20 %
asks for a new curve. The delay and mixing volumes of the tubing are part of `Column` and 0 by default.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sim.physics.sec_transfer import Column, Equilibrium, GeneralRate, Moments, Response, Species

__all__ = [
    "Column",
    "Elution",
    "Equilibrium",
    "GeneralRate",
    "Species",
    "elute",
    "moments",
    "outlet_curve",
    "resolution",
]

POINTS = 16384
MAX_POINTS = 2**20
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Elution:
    """The outlet of one species on an even grid of time: c/c0 and the share of the injected amount that has left."""

    flow: float
    injection_time: float
    step: float  # s between points
    delay: float  # s in the tubing, not on the grid
    c: Floats
    left: Floats

    @property
    def volumes(self) -> Floats:
        """Volumes since the start of the injection for the points of `c`, m^3."""
        return (np.arange(len(self.c)) * self.step + self.delay) * self.flow

    def at(self, volume: float) -> float:
        """c/c0 at the outlet; 0 before and after the curve."""
        x = (volume / self.flow - self.delay) / self.step
        i = math.floor(x)
        if not 0 <= i < len(self.c) - 1:
            return 0.0
        return float(self.c[i] + (x - i) * (self.c[i + 1] - self.c[i]))

    def eluted(self, volume: float) -> float:
        """Share of the injected amount that has left after `volume`.

        Cubic Hermite interpolation: the slope of `left` is c itself, so the error is far below that of either grid.
        """
        x = (volume / self.flow - self.delay) / self.step
        if x <= 0.0:
            return 0.0
        if x >= len(self.c) - 1:
            return 1.0  # the period outlasts the tail: nothing may stay behind in the balance
        i = math.floor(x)
        u = x - i
        slope = self.step / self.injection_time
        start, end = self.left[i], self.left[i + 1]
        m0, m1 = self.c[i] * slope, self.c[i + 1] * slope
        rise = (3.0 - 2.0 * u) * u * u
        return float(start + (end - start) * rise + u * (1.0 - u) * ((1.0 - u) * m0 - u * m1))

    def fraction(self, start: float, end: float) -> float:
        """Share of the injected amount between two volumes, m^3."""
        return self.eluted(end) - self.eluted(start)

    def fractions(self, volume: float, count: int) -> list[float]:
        """Shares in `count` fractions of `volume`; the first opens when the injection starts."""
        marks = [self.eluted(volume * i) for i in range(count + 1)]
        return [b - a for a, b in pairwise(marks)]

    def peak(self) -> tuple[float, float]:
        """(time s, c/c0) of the maximum, refined by a parabola through the three highest points."""
        i = int(np.argmax(self.c))
        if not 0 < i < len(self.c) - 1:
            return i * self.step + self.delay, float(self.c[i])
        before, top, after = (float(self.c[i + k]) for k in (-1, 0, 1))
        bend = before - 2.0 * top + after
        shift = 0.5 * (before - after) / bend if bend else 0.0
        return (i + shift) * self.step + self.delay, top - 0.25 * (before - after) * shift


def elute(
    response: Response,
    flow: float,
    injection_volume: float,
    last_volume: float = 0.0,
    *,
    delay_volume: float = 0.0,
    mixing_volume: float = 0.0,
) -> Elution:
    """The outlet curve of a rectangular injection, by one inverse FFT of H(s) (1 - exp(-s t_inj))/s.

    The period covers the whole peak and `last_volume`, or the tail would wrap into the front.
    """
    injection, mixing = injection_volume / flow, mixing_volume / flow
    bed = response.moments()
    column = Moments(bed.mean + mixing, bed.variance + mixing**2)
    whole = column.with_injection(injection)
    period = max(2.0 * whole.mean, whole.mean + 25.0 * math.sqrt(whole.variance), 1.2 * last_volume / flow)
    points = POINTS
    while points < MAX_POINTS and period / points > math.hypot(response.sharpest, mixing) / 8.0:
        points *= 2
    s = 2j * math.pi / period * np.arange(1, points // 2 + 1)
    spectrum = np.empty(points // 2 + 1, dtype=np.complex128)
    spectrum[0] = injection
    spectrum[1:] = response.transfer(s) / (1.0 + s * mixing) * -np.expm1(-s * injection) / s
    c = np.fft.irfft(spectrum) * (points / period)
    return Elution(flow, injection, period / points, delay_volume / flow, c, _left(spectrum, s, period, injection))


def _left(spectrum: NDArray[np.complex128], s: NDArray[np.complex128], period: float, injection: float) -> Floats:
    """Running integral of c/t_inj, from the series integrated term by term."""
    points = 2 * (len(spectrum) - 1)
    integral = np.zeros_like(spectrum)
    integral[1:] = spectrum[1:] / s
    wave = np.fft.irfft(integral) * (points / period)
    ramp = spectrum[0].real / period * (period / points) * np.arange(points)
    return np.asarray((wave - wave[0] + ramp) / injection, dtype=np.float64)


def outlet_curve(
    column: Column,
    species: Mapping[str, Species],
    flow: float,
    injection_volume: float,
    last_volume: float = 0.0,
) -> dict[str, Elution]:
    """Outlet curves by species name for one injection (general rate model, tubing of the column included)."""
    return {
        name: elute(
            GeneralRate(column, one, flow),
            flow,
            injection_volume,
            last_volume,
            delay_volume=column.delay_volume,
            mixing_volume=column.mixing_volume,
        )
        for name, one in species.items()
    }


def moments(column: Column, species: Species, flow: float) -> Moments:
    """Mean and variance of one species in the bed, without injection and tubing."""
    return GeneralRate(column, species, flow).moments()


def resolution(first: Moments, second: Moments) -> float:
    """Rs = (t_b - t_a)/(2 (sigma_a + sigma_b)) of two peaks, injection included in the moments."""
    return (second.mean - first.mean) / (2.0 * (math.sqrt(first.variance) + math.sqrt(second.variance)))
