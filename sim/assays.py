"""What the laboratory finds in a sample: the truth with the errors of the method.

Results are in inside units; `people` converts them to the unit the prompt asks for. Particle counting follows NTA
(8 % by default), protein a BCA assay with a floor of 0.1 ug/mL, moisture Karl Fischer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sim.config import People
from sim.material import EV_DIAMETERS, INTACT, Material

AVOGADRO = 6.02214076e23
COUNTING_FLOOR = 1e13  # 1/m^3
PROTEIN_FLOOR = 1e-4  # kg/m^3
MARKER_FLOOR = 1e14  # 1/m^3, western blot or bead assay
LIPOPROTEIN_LIMIT = 0.1  # kg of ApoA1 or ApoB carriers per kg of assayed protein
SOLUBLE_LIMIT = 0.5  # albumin: share of soluble protein


@dataclass(frozen=True, slots=True)
class Specimen:
    """What is measured, and what only a vial has: moisture (share) and recovery of particles (share)."""

    material: Material
    moisture: float | None = None
    recovery: float | None = None


Draw = Callable[[], float]


def _particles(s: Specimen, error: People, draw: Draw) -> float:
    true = s.material.counted / s.material.volume if s.material.volume else 0.0
    found = true * (1.0 + error.counting_error * draw())
    return found if found > COUNTING_FLOOR else 0.0


def _protein(s: Specimen, error: People, draw: Draw) -> float:
    true = s.material.assayed_protein / s.material.volume if s.material.volume else 0.0
    return max(true * (1.0 + error.protein_error * draw()), PROTEIN_FLOOR)


def _size(s: Specimen, error: People, draw: Draw) -> float:
    """Mode of the size distribution, m: vesicles of several classes overlap, so the mode moves with their share."""
    vesicles = s.material.total(INTACT)
    if vesicles <= 0.0:
        return 0.0
    mean = sum(EV_DIAMETERS[n] * s.material.amount(n) for n in INTACT) / vesicles
    clumps = s.material.amount("ev_aggregate") / (vesicles + s.material.amount("ev_aggregate"))
    return (0.93 * mean + 40e-9 * clumps) * (1.0 + 0.03 * draw())


def _per_particle(amount: float, material: Material) -> float:
    return amount * AVOGADRO / material.particles if material.particles > 0.0 else 0.0


def _protected(s: Specimen, error: People, draw: Draw) -> float:
    return _per_particle(s.material.amount("cargo_protected"), s.material) * max(1.0 + 0.1 * draw(), 0.0)


def _apparent(s: Specimen, error: People, draw: Draw) -> float:
    """All cargo in the sample: a bulk assay cannot tell where it sits."""
    everything = s.material.total(("cargo_free", "cargo_apparent", "cargo_protected"))
    return _per_particle(everything, s.material) * max(1.0 + 0.1 * draw(), 0.0)


def _tetraspanins(s: Specimen, error: People, draw: Draw) -> float:
    """How many of CD9, CD63 and CD81 are seen; the rarest needs ten times more material."""
    seen = s.material.particles / s.material.volume if s.material.volume else 0.0
    return float(sum(seen > MARKER_FLOOR * need for need in (1.0, 3.0, 10.0)))


def _negatives(s: Specimen, error: People, draw: Draw) -> float:
    """How many of calnexin, GM130, ApoA1 and albumin lie below their limit."""
    protein = max(s.material.assayed_protein, 1e-18)
    debris = s.material.amount("ev_lysed") / max(s.material.particles, 1.0)
    lipoprotein = s.material.total(("hdl", "ldl")) / protein
    soluble = s.material.amount("protein") / protein
    return float(sum((debris < 0.5, debris < 0.8, lipoprotein < LIPOPROTEIN_LIMIT, soluble < SOLUBLE_LIMIT)))


def _potency(s: Specimen, error: People, draw: Draw) -> float:
    """Cell assay against the reference, a share: falls with destroyed vesicles and freeze-thaw cycles."""
    return s.material.intactness * 0.98**s.material.freeze_thaws * (1.0 + 0.04 * draw())


def _moisture(s: Specimen, error: People, draw: Draw) -> float:
    if s.moisture is None:
        raise ValueError("moisture is measured on freeze-dried vials")
    return max(s.moisture * (1.0 + 0.04 * draw()), 0.0)


def _recovery(s: Specimen, error: People, draw: Draw) -> float:
    if s.recovery is None:
        raise ValueError("recovery is measured on freeze-dried vials")
    return s.recovery * (1.0 + 0.03 * draw())


def _conductivity(s: Specimen, error: People, draw: Draw) -> float:
    return s.material.conductivity * (1.0 + 0.01 * draw())


def _volume(s: Specimen, error: People, draw: Draw) -> float:
    return s.material.volume * (1.0 + 0.005 * draw())


ASSAYS: Mapping[str, tuple[Callable[[Specimen, People, Draw], float], str]] = {
    "particles": (_particles, "1/m^3"),
    "protein": (_protein, "kg/m^3"),
    "size": (_size, "m"),
    "conductivity": (_conductivity, "S/m"),
    "cargo_protected": (_protected, ""),
    "cargo_apparent": (_apparent, ""),
    "tetraspanins": (_tetraspanins, ""),
    "negative_markers": (_negatives, ""),
    "potency": (_potency, ""),
    "moisture": (_moisture, ""),
    "recovery": (_recovery, ""),
    "volume": (_volume, "m^3"),
}
"""Name -> (method, inside unit of its result)."""


def measure(name: str, specimen: Specimen, error: People, draw: Draw) -> tuple[float, str]:
    """(result, inside unit) of one assay; ValueError for an assay nobody runs here."""
    if name not in ASSAYS:
        raise ValueError(f"no assay called {name!r} here; there is {', '.join(ASSAYS)}")
    method, unit = ASSAYS[name]
    return method(specimen, error, draw), unit
