"""Bottles on the bench and what is in them: buffers by name, and material of any stage made on demand.

A recipe for one unit procedure names bottles that nobody filled in this run ("pool", "capture"). The first time such
a bottle is asked for, it is made with a composition typical of its stage and the volume asked for. A name that tells
nothing is refused: water instead of product would hide a mistake in the recipe.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from sim.config import Medium, SimulationConfig
from sim.ledger import Ledger
from sim.material import Material, solution
from sim.vessels import Vessel

Recipe = Mapping[str, float]

BUFFERS: Mapping[str, Recipe] = {
    "water": {},
    "PBS": {"nacl": 137.0, "phosphate": 10.0},
    "pulse buffer": {"trehalose": 250.0, "histidine": 2.0, "nacl": 2.0},
    "formulation buffer": {"trehalose": 146.0, "histidine": 10.0},
    "sucrose buffer": {"sucrose": 146.0, "histidine": 10.0},
    "cargo": {"histidine": 2.0},
    "NaOH": {"naoh": 500.0},
    "ethanol": {"ethanol": 3430.0},
    "NaCl": {"nacl": 1000.0},
}
"""mol/m^3 by species; 20 % (v/v) ethanol is 3.43 mol/L."""

_WORDS = (
    ("naoh", "NaOH"), ("caustic", "NaOH"), ("clean", "NaOH"), ("hydroxide", "NaOH"),
    ("ethanol", "ethanol"), ("etoh", "ethanol"), ("stor", "ethanol"),
    ("pulse", "pulse buffer"), ("electroporation", "pulse buffer"),
    ("sucrose", "sucrose buffer"), ("formulation", "formulation buffer"), ("histidine", "formulation buffer"),
    ("trehalose", "pulse buffer"), ("pbs", "PBS"), ("phosphate", "PBS"),
    ("saline", "PBS"), ("nacl", "NaCl"), ("water", "water"), ("wfi", "water"),
)  # fmt: skip

_STAGES = (
    ("medium", "medium"), ("harvest", "medium"), ("feed", "medium"), ("supernatant", "medium"),
    ("capture", "capture"), ("concentrate", "capture"),
    ("pool", "pool"), ("polish", "pool"), ("sec", "pool"),
    ("exchange", "exchange"), ("pulse", "exchange"),
    ("load", "loaded"), ("electropor", "loaded"),
    ("wash", "washed"), ("formul", "formulated"), ("bulk", "formulated"),
)  # fmt: skip

_MOLARITY = re.compile(r"(\d+(?:\.\d+)?)\s*(m?)(?:ol/L|M)\b")
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*(?:%|percent)")


def _vesicles(medium: Medium, particles: float) -> dict[str, float]:
    return {
        "ev_50": particles * medium.small,
        "ev_100": particles * (1.0 - medium.small - medium.large),
        "ev_180": particles * medium.large,
    }


_LOADED = {"cargo_free": 1.7e-3, "cargo_apparent": 2e-4, "cargo_protected": 1e-7}
_WASHED = {"cargo_free": 1e-5, "cargo_apparent": 1.5e-4, "cargo_protected": 8e-8}
_FORMULATED = {"cargo_apparent": 1.5e-5, "cargo_protected": 8e-9}

# Stage: volume m^3, vesicles and soluble protein and complexes relative to the medium, liquid, cargo mol/m^3.
_TYPICAL: Mapping[str, tuple[float, float, float, float, str, Recipe]] = {
    "capture": (25e-6, 74.0, 4e-3, 40.0, "PBS", {}),
    "pool": (55e-6, 30.0, 1e-5, 0.05, "PBS", {}),
    "exchange": (9e-6, 170.0, 1e-5, 0.2, "pulse buffer", {}),
    "loaded": (9.6e-6, 130.0, 1e-5, 0.2, "pulse buffer", _LOADED),
    "washed": (12e-6, 100.0, 1e-6, 0.2, "formulation buffer", _WASHED),
    "formulated": (100e-6, 10.0, 1e-7, 0.02, "formulation buffer", _FORMULATED),
}
_HARVEST: Recipe = {"nacl": 110.0, "phosphate": 10.0, "nutrients": 40.0}


def stages(medium: Medium) -> dict[str, tuple[float, Recipe]]:
    """Typical volume (m^3) and composition of each stage of the line, relative to the medium of this run."""
    made: dict[str, tuple[float, Recipe]] = {"medium": (2e-3, _composed(medium, 1.0, 1.0, 1.0, 1.0, _HARVEST))}
    for name, (volume, vesicles, protein, complexes, liquid, cargo) in _TYPICAL.items():
        ldl = 0.5 * vesicles  # it follows the vesicles through membrane and column
        made[name] = (volume, {**_composed(medium, vesicles, protein, complexes, ldl, BUFFERS[liquid]), **cargo})
    return made


def _composed(
    medium: Medium, vesicles: float, protein: float, complexes: float, ldl: float, liquid: Recipe
) -> dict[str, float]:
    return {
        **liquid,
        **_vesicles(medium, medium.particles * vesicles),
        "protein": medium.protein * (1.0 - medium.complexes) * protein,
        "complexes": medium.protein * medium.complexes * complexes,
        "ldl": medium.ldl * ldl,
        "hdl": medium.hdl * protein,
    }


class Store:
    """All bottles that stand around the line, by name."""

    def __init__(self, config: SimulationConfig, ledger: Ledger) -> None:
        self._ledger = ledger
        self._own = config.bottles
        self._stages = stages(config.medium)
        self.bottles: dict[str, Vessel] = {}

    def bottle(self, name: str, volume: float | None = None) -> Vessel:
        """The bottle `name`, made on demand with `volume` m^3; ValueError when the name tells nothing."""
        if name not in self.bottles:
            usual, recipe = self._material(name)
            made = solution(usual if volume is None else volume, recipe)
            self.bottles[name] = Vessel(name, content=self._ledger.bring_in(made))
        return self.bottles[name]

    def receiver(self, name: str) -> Vessel:
        """The bottle `name` to fill; a clean empty one when there is none."""
        return self.bottles.setdefault(name, Vessel(name))

    def buffer(self, name: str, volume: float) -> Material:
        """Fresh buffer; ValueError when nobody keeps it."""
        return self._ledger.bring_in(solution(volume, self.buffer_recipe(name)))

    def buffer_recipe(self, name: str) -> Recipe:
        """Composition by name ("PBS", "0.5 M NaOH", "20 % ethanol"), mol/m^3."""
        for library in (self._own, BUFFERS):
            if name in library:
                return library[name]
        kind = _by_word(name, _WORDS)
        if kind is None:
            raise ValueError(f"no buffer called {name!r} is kept here; there is {', '.join(BUFFERS)}")
        return _strength(name, kind)

    def _material(self, name: str) -> tuple[float, Recipe]:
        if name in self._own:
            return 100e-6, self._own[name]
        kind = _by_word(name, _STAGES)
        if kind is not None:
            return self._stages[kind]
        if _by_word(name, _WORDS) is not None or name in BUFFERS:
            return 100e-6, self.buffer_recipe(name)
        raise ValueError(f"there is no bottle {name!r} on the bench; there is {', '.join(self.bottles) or 'none'}")

    def contents(self) -> list[Material]:
        """Everything in every bottle."""
        return [bottle.content for bottle in self.bottles.values()]


def _by_word(name: str, words: tuple[tuple[str, str], ...]) -> str | None:
    low = name.lower()
    return next((kind for word, kind in words if word in low), None)


def _strength(name: str, kind: str) -> Recipe:
    """The buffer `kind`, at the strength its name states."""
    species = {"NaOH": "naoh", "NaCl": "nacl"}.get(kind)
    molar = _MOLARITY.search(name)
    if species and molar:
        return {species: float(molar[1]) * (1.0 if molar[2] else 1000.0)}
    percent = _PERCENT.search(name)
    if kind == "ethanol" and percent:
        return {"ethanol": 171.5 * float(percent[1])}
    return BUFFERS[kind]
