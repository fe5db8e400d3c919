"""What safe means in the plant, per unit: looked up where it happens, not where it was ordered."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sim.plant import Plant

COLD = 5.0  # K by which a shelf may stand above the coldest it was asked for


def _tff(plant: Plant) -> bool:
    return plant.tff.drive == 0.0 and not any(plant.tff.pumps)


def _sec(plant: Plant) -> bool:
    return plant.sec.flow == 0.0


def _electroporation(plant: Plant) -> bool:
    """No train runs: the pulser fires only while a person presses GO, which nobody is asked to do."""
    return True


def _lyophilization(plant: Plant) -> bool:
    """No vent under vacuum, and a shelf that is not ordered to warm while its circulator runs away."""
    dryer = plant.dryer
    return not (dryer.stuck_heater > 0.0 and dryer.circulating)


_UNITS: Mapping[str, Callable[[Plant], bool]] = {
    "tff": _tff,
    "sec": _sec,
    "electroporation": _electroporation,
    "lyophilization": _lyophilization,
}


def safe(plant: Plant, unit: str) -> bool:
    """Whether the outputs of `unit` are safe at this moment."""
    return _UNITS[unit](plant)
